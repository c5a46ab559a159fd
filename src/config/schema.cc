// The keys of the configuration: the file as a whole, listeners, defaults. To add one: a member in
// spec.h, a line here, its use in lower.cc; decoding, the JSON Schema, the guide and `show
// --effective` follow.
#include "config/schema.h"

#include "config/tables.h"
#include "decide/loop.h"

namespace weir::config {

using enum Presence;

template <>
const Object& object<ListenerSpec::Timeouts>() {
  using T = ListenerSpec::Timeouts;
  static const Object table{
      .name = "timeouts of a listener",
      .doc = "How long clients may take.",
      .fields = {
          field<T, &T::head>("head", defaulted,
                             {"The whole head of a request, from its first byte.", "10s"}),
          field<T, &T::body>(
              "body", defaulted,
              {"The longest time that a body, either way, may stay below `min_rate`.", "30s"}),
          field<T, &T::idle>("idle", defaulted, {"Between two requests on one connection.", "60s"}),
      }};
  return table;
}

template <>
const Object& object<ListenerSpec::Caps>() {
  using T = ListenerSpec::Caps;
  static const Object table{
      .name = "caps of a listener",
      .doc = "How much clients may send.",
      .fields = {
          field<T, &T::head>("head", defaulted,
                             {"The whole head of a request, 1 KiB to 1 MiB.", "32KiB"},
                             {1 << 10, 1 << 20}),
          field<T, &T::line>("line", defaulted,
                             {"The request line, and each field line, 256 B to 1 MiB.", "8KiB"},
                             {1 << 8, 1 << 20}),
          field<T, &T::fields>("fields", defaulted, {"Field lines in a head.", "100"}, {1, 128}),
          field<T, &T::body>("body", defaulted, {"The body of a request.", "10MiB"}),
          field<T, &T::min_rate>(
              "min_rate", defaulted,
              {"The slowest that a body may flow, for as long as `timeouts.body`.", "1KiB/s"}),
          field<T, &T::connections>("connections", defaulted,
                                    {"Connections open at once.", "65536"}, {1, 10'000'000}),
      }};
  return table;
}

template <>
const Object& object<ListenerSpec>() {
  using T = ListenerSpec;
  static const Object table{
      .name = "a listener",
      .doc = "Where clients connect.",
      .fields = {
          field<T, &T::name>("name", required, {"What records and metrics call it.", "public"}),
          field<T, &T::address>(
              "address", required,
              {"Address and port, or `unix:/path`. `:8080` is every IPv4 address.",
               "0.0.0.0:8080"}),
          field<T, &T::trusted_proxies>("trusted_proxies", optional,
                                        {"Networks whose `X-Forwarded-For`, `-Host`, `-Proto` "
                                         "and `X-Request-Id` are believed; the client is the "
                                         "first address from the right that is not in them. An "
                                         "empty list says: clients connect directly.",
                                         "[10.0.0.0/8]"},
                                        {0, 256}),
          field<T, &T::timeouts>("timeouts", defaulted,
                                 {"How long clients may take.", "{head: 10s}"}),
          field<T, &T::caps>("caps", defaulted, {"How much clients may send.", "{body: 10MiB}"}),
          later("tls", "HTTPS",
                "end TLS in a proxy in front, and name the proxy under trusted_proxies"),
          later("http2", "HTTP/2"),
      }};
  return table;
}

template <>
const Object& object<AdminSpec>() {
  using T = AdminSpec;
  static const Object table{
      .name = "admin",
      .doc =
          "The admin API over TCP. The command line needs none: it uses `admin.sock` in "
          "`data_dir`.",
      .fields = {
          field<T, &T::address>("address", required,
                                {"Address and port; best on loopback.", "127.0.0.1:9347"}),
          field<T, &T::hosts>(
              "hosts", optional,
              {"Names under which it may be called, besides addresses.", "[gateway.internal]"},
              {0, 64}),
          no_secret("token", "leave it out: the token is made and kept in `data_dir`/admin.token"),
          later("tls", "HTTPS for the admin"),
      }};
  return table;
}

template <>
const Object& object<DefaultTimeoutsSpec>() {
  using T = DefaultTimeoutsSpec;
  static const Object table{
      .name = "timeouts of the defaults",
      .doc = "Timeouts of every route that does not set its own, key by key.",
      .fields = {
          field<T, &T::connect>("connect", defaulted,
                                {"Until a connection to the endpoint stands.", "2s"}),
          field<T, &T::response>(
              "response", defaulted,
              {"From the end of the request's head until the head of the answer.", "30s"}),
          field<T, &T::idle>("idle", defaulted, {"Between bytes of the answer.", "60s"}),
          field<T, &T::total>("total", defaulted, {"The whole exchange.", "60s"}),
      }};
  return table;
}

template <>
const Object& object<DefaultsSpec>() {
  using T = DefaultsSpec;
  static const Object table{
      .name = "defaults",
      .doc = "What a route gets that says nothing else.",
      .fields = {
          field<T, &T::timeouts>(
              "timeouts", defaulted,
              {"Timeouts; a route overrides them key by key.", "{response: 30s}"}),
          field<T, &T::limits>(
              "limits", defaulted,
              {"Limits; a route's own list takes the place of this one.", "[per-caller]"},
              {0, kMaxLimitsPerRoute}),
          field<T, &T::concurrency>(
              "concurrency", defaulted,
              {"Limits on requests at once; likewise.", "[two-at-once]"},
              {0, kMaxConcurrencyPerRoute}),
          field<T, &T::retry>("retry", defaulted,
                              {"When a failed attempt is followed by another one.",
                               "{max_retries: 1}"}),
      }};
  return table;
}

template <>
const Object& object<RefusalsSpec>() {
  using T = RefusalsSpec;
  static const Object table{
      .name = "refusals",
      .doc = "What refused clients are told.",
      .fields = {
          field<T, &T::detail>("detail", optional,
                               {"`full` names the rule and the revision, `brief` does not. Left "
                                "out: full to identified callers, loopback "
                                "and trusted networks, brief to others.",
                                "full"}),
      }};
  return table;
}

template <>
const Object& object<LoopSpec>() {
  using T = LoopSpec;
  static const Object table{
      .name = "loop",
      .doc = "When a request that comes back to this gateway counts as going round.",
      .fields = {
          field<T, &T::depth>("depth", defaulted,
                              {"Refused (508) is a request that this gateway, known by its "
                               "`data_dir`, has had so often before.",
                               "8"},
                              {1, decide::kMostHops}),
      }};
  return table;
}

template <>
const Object& object<DeadlineSpec>() {
  using T = DeadlineSpec;
  static const Object table{
      .name = "deadline",
      .doc =
          "How long a caller still waits, told from hop to hop. A trusted peer's word tightens the "
          "route's `total` timeout and never widens it; what is left is told to the upstream.",
      .fields =
          {
              field<T, &T::header>("header", required,
                                   {"The header that holds it, in milliseconds. What others than "
                                    "`trusted_proxies` say in it is not passed on.",
                                    "X-Request-Timeout-Ms"}),
          },
      .shorthand = "header"};
  return table;
}

template <>
const Object& object<DnsSpec>() {
  using T = DnsSpec;
  static const Object table{
      .name = "dns",
      .doc = "How the addresses of endpoints that have names are found, again and again.",
      .fields = {
          field<T, &T::servers>("servers", optional,
                                {"Who is asked. Left out: the servers of the system.",
                                 "[10.0.0.2:53]"},
                                {1, 16}),
          field<T, &T::min_ttl>("min_ttl", defaulted,
                                {"An answer is good for so long at least.", "1s"}),
          field<T, &T::max_ttl>("max_ttl", defaulted, {"And for so long at most.", "5m"}),
      }};
  return table;
}

template <>
const Object& object<RecordSpec>() {
  using T = RecordSpec;
  static const Object table{
      .name = "record",
      .doc = "What is remembered of requests.",
      .fields = {
          field<T, &T::enabled>("enabled", defaulted, {"Whether arrivals are recorded.", "true"}),
          field<T, &T::watch>("watch", optional,
                              {"Headers and queries to watch besides those that the configuration "
                               "matches or counts by.",
                               "[header:X-Tenant]"},
                              {0, 64}),
          field<T, &T::paths>("paths", defaulted,
                              {"How much of paths is kept: template replaces segments that vary "
                               "(numbers, ids) by their class.",
                               "full"}),
          field<T, &T::addresses>(
              "addresses", defaulted,
              {"How much of client addresses is kept: full; net is IPv4 /24 and "
               "IPv6 /48; keyed tells addresses apart and says nothing about them.",
               "keyed"}),
          field<T, &T::keep>("keep", defaulted, {"How long recordings are kept.", "30d"}),
          field<T, &T::max_bytes>(
              "max_bytes", defaulted,
              {"Bytes that recordings may take on disk; the oldest go first. Nothing is recorded while the disk has less than 5 % free.", "10GiB"},
              {64 << 20, std::uint64_t{1} << 46}),
      }};
  return table;
}

template <>
const Object& object<Spec>() {
  using T = Spec;
  static const Object table{
      .name = "the configuration",
      .doc = "The whole file.",
      .fields = {
          field<T, &T::version>("version", required, {"The version of this language.", "1"},
                                {1, 1}),
          field<T, &T::listeners>(
              "listeners", required,
              {"Where clients connect.", "[{name: public, address: 0.0.0.0:8080}]"}, {1, 64}),
          field<T, &T::admin>("admin", optional,
                              {"The admin API over TCP; left out: only the unix socket. A change takes effect at a restart or hand-over.",
                               "{address: 127.0.0.1:9347}"}),
          field<T, &T::data_dir>("data_dir", optional,
                                 {"Where state is kept. Left out: `$STATE_DIRECTORY`, else "
                                  "`weir-data` beside this file. A change takes effect at a restart or hand-over.",
                                  "/var/lib/weir"}),
          field<T, &T::defaults>(
              "defaults", defaulted,
              {"What a route gets that says nothing else.", "{limits: [per-caller]}"}),
          field<T, &T::identity>(
              "identity", optional,
              {"How callers prove who they are.", "[{name: partner, api_key: {file: keys.yaml}}]"},
              {0, 64}),
          field<T, &T::limits>(
              "limits", optional,
              {"How often somebody may ask.", "[{name: per-caller, key: caller, rate: 60/s}]"},
              {0, 10'000}),
          field<T, &T::concurrency>(
              "concurrency", optional,
              {"How many requests somebody may have under way at once.",
               "[{name: two-at-once, key: caller, max_in_flight: 2}]"},
              {0, 10'000}),
          field<T, &T::upstreams>("upstreams", optional,
                                  {"The services behind the gateway.",
                                   "[{name: catalog, endpoints: [127.0.0.1:9001]}]"},
                                  {0, 100'000}),
          field<T, &T::routes>("routes", required,
                               {"Which requests go where.",
                                "[{name: catalog, match: {path: /catalog/*}, upstream: catalog}]"},
                               {1, 100'000}),
          field<T, &T::access_log>(
              "access_log", defaulted,
              {"JSON lines, one a request: a path, `-` for standard output, `off`.",
               "/var/log/weir/access.log"}),
          field<T, &T::refusals>("refusals", defaulted,
                                 {"What refused clients are told.", "{detail: brief}"}),
          field<T, &T::rate_limit_fields>("rate_limit_fields", defaulted,
                                          {"Headers that tell callers about their limits: `ietf` "
                                           "(RateLimit), `legacy` (X-RateLimit-*), `off`.",
                                           "ietf"}),
          field<T, &T::loop>("loop", defaulted,
                             {"When a request that comes back counts as going round.",
                              "{depth: 8}"}),
          field<T, &T::deadline>("deadline", optional,
                                 {"In which header peers say how long they still wait.",
                                  "{header: X-Request-Timeout-Ms}"}),
          field<T, &T::dns>("dns", defaulted,
                            {"How names of endpoints are resolved.", "{max_ttl: 60s}"}),
          field<T, &T::overload>("overload", defaulted,
                                 {"When the gateway refuses because it is itself short of something.",
                                  "{memory: 2GiB}"}),
          field<T, &T::record>("record", defaulted,
                               {"What is remembered of requests.", "{watch: [header:X-Tenant]}"}),
          field<T, &T::rollout>(
              "rollout", defaulted,
              {"How a change goes live.", "{harm_budget: {known_callers: 0, requests: 0.1%}}"}),
          field<T, &T::workers>("workers", optional,
                                {"Threads that serve. Left out: one a core. A change takes effect at a restart or hand-over.", "2"}, {1, 256}),
          field<T, &T::drain>(
              "drain", defaulted,
              {"How long running requests may take to finish on the way out.", "30s"}),
          field<T, &T::via_name>("via_name", defaulted,
                                 {"What this gateway calls itself in `Via`.", "weir"}),
          later("tls", "HTTPS",
                "end TLS in a proxy in front, and name the proxy under trusted_proxies"),
          later("quotas", "quotas"),
          later("slo", "service level objectives"),
          later("respond", "automatic remedies"),
          later("notify", "notifications"),
          later("playbooks", "playbooks"),
          later("automation", "automation"),
          later("traces", "trace export"),
      }};
  return table;
}

const Object& root_object() { return object<Spec>(); }
Yaml write_root(const Spec& spec) { return Codec<Spec>::write(spec); }

const Field* Object::find(std::string_view key) const {
  for (const Field& field : fields) {
    if (field.key == key) return &field;
  }
  return nullptr;
}

}  // namespace weir::config
