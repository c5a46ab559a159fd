// The keys of the configuration. To add one: a member in spec.h, a line here, its use in compile.cc; decoding, the
// JSON Schema, the guide and `show --effective` follow. docs/design/007-configuration.md tells why it is built so.
#include "config/schema.h"

#include "config/codec.h"
#include "config/spec.h"

namespace weir::config {

using enum Presence;

// --- codecs that are no templates ------------------------------------------------------------------------------------

template <>
struct Words<LimitMode> {
  static constexpr std::array<std::pair<std::string_view, LimitMode>, 2> kAll = {
      {{"enforce", LimitMode::enforce}, {"observe", LimitMode::observe}}};
  static constexpr std::array<std::string_view, 0> kNotYet = {};
};
template <>
struct Words<BalanceKind> {
  static constexpr std::array<std::pair<std::string_view, BalanceKind>, 3> kAll = {
      {{"round_robin", BalanceKind::round_robin}, {"least_request", BalanceKind::least_request}, {"random", BalanceKind::random}}};
  static constexpr std::array<std::string_view, 2> kNotYet = {"ring_hash", "peak_ewma"};
};
template <>
struct Words<Priority> {
  static constexpr std::array<std::pair<std::string_view, Priority>, 3> kAll = {
      {{"critical", Priority::critical}, {"normal", Priority::normal}, {"sheddable", Priority::sheddable}}};
  static constexpr std::array<std::string_view, 0> kNotYet = {};
};
template <>
struct Words<SlashPolicy> {
  static constexpr std::array<std::pair<std::string_view, SlashPolicy>, 2> kAll = {
      {{"refuse", SlashPolicy::refuse}, {"keep", SlashPolicy::keep}}};
  static constexpr std::array<std::string_view, 0> kNotYet = {};
};
template <>
struct Words<Scheme> {
  static constexpr std::array<std::pair<std::string_view, Scheme>, 2> kAll = {
      {{"http", Scheme::http}, {"https", Scheme::https}}};
  static constexpr std::array<std::string_view, 0> kNotYet = {};
};
template <>
struct Words<RefusalDetail> {
  static constexpr std::array<std::pair<std::string_view, RefusalDetail>, 2> kAll = {
      {{"full", RefusalDetail::full}, {"brief", RefusalDetail::brief}}};
  static constexpr std::array<std::string_view, 0> kNotYet = {};
};
template <>
struct Words<RateLimitFields> {
  static constexpr std::array<std::pair<std::string_view, RateLimitFields>, 3> kAll = {
      {{"ietf", RateLimitFields::ietf}, {"legacy", RateLimitFields::legacy}, {"off", RateLimitFields::off}}};
  static constexpr std::array<std::string_view, 0> kNotYet = {};
};

Read<std::string> read_file_path(std::string_view text) {
  constexpr std::size_t kLongest = 4095;   // PATH_MAX without its NUL
  if (!text.empty() && text.size() <= kLongest && text.find('\0') == std::string_view::npos) return std::string(text);
  return std::unexpected(Complaint{fmt::format("{} is not a path", quote(text)), "write the path of a file", {}});
}
Read<std::string> read_log_path(std::string_view text) {
  if (text == "none" || text == "false") {
    return std::unexpected(Complaint{fmt::format("{} is not a path", quote(text)), "write off for no access log", {}});
  }
  return read_file_path(text);
}
Read<std::string> read_free_text(std::string_view text) {
  constexpr std::size_t kLongest = 64 * 1024;
  if (text.size() <= kLongest) return std::string(text);
  return std::unexpected(Complaint{fmt::format("a text of {} bytes", text.size()),
                                   "write at most 64KiB; serve more from an upstream", Complaint::Kind::range});
}

bool Codec<KeyPartSpec>::decode(Decoder& decoder, const Node& node, const Bounds&, KeyPartSpec& out) {
  static const std::vector<std::string_view> kSimple = {"all", "caller", "client_ip", "client_net", "route"};
  constexpr std::string_view kHeader = "header:", kQuery = "query:";
  if (node.is_mapping() && node.children.size() == 2 && node.children[0].text == "header") {
    decoder.report(Rule::bad_value, node, "a space stands behind the colon of header:NAME", "write header:X-Tenant in one word");
    return false;
  }
  if (!decoder.text(node, shape().name)) return false;
  for (std::size_t i = 0; i < kSimple.size(); ++i) {
    if (node.text != kSimple[i]) continue;
    out = {.kind = static_cast<KeyKind>(i), .name = {}};
    return true;
  }
  const bool header = node.text.starts_with(kHeader), query = node.text.starts_with(kQuery);
  if (header || query) {
    const std::string_view name = node.text.substr(header ? kHeader.size() : kQuery.size());
    out.kind = header ? KeyKind::header : KeyKind::query;
    if (!take(decoder, node, header ? read_header_name(name) : read_word(name), out.name)) return false;
    if (header) {
      for (char& c : out.name) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    }
    return true;
  }
  constexpr std::string_view kAll = "all, caller, client_ip, client_net, route, header:NAME or query:NAME";
  const std::string_view near = nearest(node.text, kSimple);
  decoder.report(node, {fmt::format("{} is nothing that requests can be counted by", quote(node.text)),
                        near.empty() ? fmt::format("write {}", kAll) : fmt::format("did you mean {}? ({})", near, kAll), {}});
  return false;
}
Yaml Codec<KeyPartSpec>::write(const KeyPartSpec& value) {
  constexpr std::string_view kWords[] = {"all", "caller", "client_ip", "client_net", "route", "header:", "query:"};
  return Yaml::quoted(std::string(kWords[static_cast<std::size_t>(value.kind)]) + value.name);
}
const Shape& Codec<KeyPartSpec>::shape() {
  static const Shape made = text_shape("key", "^(header|query):\\S+$", {"all", "caller", "client_ip", "client_net", "route"});
  return made;
}

bool Codec<HeaderMap>::decode(Decoder& decoder, const Node& node, const Bounds& bounds, HeaderMap& out) {
  if (node.is_null()) return true;
  if (!decoder.mapping(node)) return false;
  if (node.children.size() / 2 > bounds.high) {
    decoder.report(Rule::out_of_range, node, fmt::format("{} headers are given", node.children.size() / 2),
                   fmt::format("at most {} may stand here", bounds.high));
    return false;
  }
  for (std::size_t i = 0; i + 1 < node.children.size(); i += 2) {
    Given<HeaderName> name{{}, node.children[i].at};
    Given<HeaderValue> value{{}, node.children[i + 1].at};
    if (!Codec<HeaderName>::decode(decoder, node.children[i], {}, name.value)) continue;
    decoder.enter(node.children[i].text);
    if (Codec<HeaderValue>::decode(decoder, node.children[i + 1], {}, value.value)) {
      out.entries.emplace_back(std::move(name), std::move(value));
    }
    decoder.leave();
  }
  return true;
}
Yaml Codec<HeaderMap>::write(const HeaderMap& value) {
  Yaml out;
  for (const auto& [name, text] : value.entries) out.add(Yaml::quoted(name.value.text).text, Codec<HeaderValue>::write(text.value));
  return out;
}
const Shape& Codec<HeaderMap>::shape() {
  static const Shape made{.kind = Shape::Kind::headers, .name = "mapping of header names to texts", .pattern = {}, .words = {}};
  return made;
}

// --- the table -------------------------------------------------------------------------------------------------------

template <>
const Object& object<ListenerSpec::Timeouts>() {
  using T = ListenerSpec::Timeouts;
  static const Object table{.name = "timeouts of a listener", .doc = "How long clients may take.", .fields = {
      field<T, &T::head>("head", defaulted, {"The whole head of a request, from its first byte.", "10s"}),
      field<T, &T::body>("body", defaulted, {"The longest time that a body, either way, may stay below `min_rate`.", "30s"}),
      field<T, &T::idle>("idle", defaulted, {"Between two requests on one connection.", "60s"}),
  }};
  return table;
}

template <>
const Object& object<ListenerSpec::Caps>() {
  using T = ListenerSpec::Caps;
  static const Object table{.name = "caps of a listener", .doc = "How much clients may send.", .fields = {
      field<T, &T::head>("head", defaulted, {"The whole head of a request.", "32KiB"}),
      field<T, &T::line>("line", defaulted, {"The request line, and each field line.", "8KiB"}),
      field<T, &T::fields>("fields", defaulted, {"Field lines in a head.", "100"}, {1, 128}),
      field<T, &T::body>("body", defaulted, {"The body of a request.", "10MiB"}),
      field<T, &T::min_rate>("min_rate", defaulted, {"The slowest that a body may flow, for as long as `timeouts.body`.", "1KiB/s"}),
      field<T, &T::connections>("connections", defaulted, {"Connections open at once.", "65536"}, {1, 10'000'000}),
  }};
  return table;
}

template <>
const Object& object<ListenerSpec>() {
  using T = ListenerSpec;
  static const Object table{.name = "a listener", .doc = "Where clients connect.", .fields = {
      field<T, &T::name>("name", required, {"What records and metrics call it.", "public"}),
      field<T, &T::address>("address", required, {"Address and port, or `unix:/path`. `:8080` is every IPv4 address.", "0.0.0.0:8080"}),
      field<T, &T::trusted_proxies>("trusted_proxies", optional,
          {"Networks whose `X-Forwarded-For`, `X-Forwarded-Proto` and `X-Request-Id` are believed; the client is the "
           "first address from the right that is not in them. An empty list says: clients connect directly.",
           "[10.0.0.0/8]"}, {0, 256}),
      field<T, &T::timeouts>("timeouts", defaulted, {"How long clients may take.", "{head: 10s}"}),
      field<T, &T::caps>("caps", defaulted, {"How much clients may send.", "{body: 10MiB}"}),
      later("tls", "HTTPS", "end TLS in a proxy in front, and name the proxy under trusted_proxies"),
      later("http2", "HTTP/2"),
  }};
  return table;
}

template <>
const Object& object<AdminSpec>() {
  using T = AdminSpec;
  static const Object table{.name = "admin", .doc = "The admin API over TCP. The command line needs none: it uses `admin.sock` in `data_dir`.", .fields = {
      field<T, &T::address>("address", required, {"Address and port; best on loopback.", "127.0.0.1:9347"}),
      field<T, &T::hosts>("hosts", optional, {"Names under which it may be called, besides addresses.", "[gateway.internal]"}, {0, 64}),
      no_secret("token", "leave it out: the token is made and kept in `data_dir`/admin.token"),
      later("tls", "HTTPS for the admin"),
  }};
  return table;
}

template <>
const Object& object<DefaultTimeoutsSpec>() {
  using T = DefaultTimeoutsSpec;
  static const Object table{.name = "timeouts of the defaults", .doc = "Timeouts of every route that does not set its own, key by key.", .fields = {
      field<T, &T::connect>("connect", defaulted, {"Until a connection to the endpoint stands.", "2s"}),
      field<T, &T::response>("response", defaulted, {"From the end of the request's head until the head of the answer.", "30s"}),
      field<T, &T::idle>("idle", defaulted, {"Between bytes of the answer.", "60s"}),
      field<T, &T::total>("total", defaulted, {"The whole exchange.", "60s"}),
  }};
  return table;
}

template <>
const Object& object<DefaultsSpec>() {
  using T = DefaultsSpec;
  static const Object table{.name = "defaults", .doc = "What a route gets that says nothing else.", .fields = {
      field<T, &T::timeouts>("timeouts", defaulted, {"Timeouts; a route overrides them key by key.", "{response: 30s}"}),
      field<T, &T::limits>("limits", defaulted, {"Limits; a route's own list takes the place of this one.", "[per-caller]"}, {0, kMaxLimitsPerRoute}),
      later("retry", "retries"),
  }};
  return table;
}

template <>
const Object& object<ApiKeySpec>() {
  using T = ApiKeySpec;
  constexpr std::string_view kWhere = "keep keys in a file that `weir keys add` writes, and name it: file: keys.yaml";
  static const Object table{.name = "api_key", .doc = "Callers are known by a key that they send.", .fields = {
      field<T, &T::header>("header", defaulted, {"The header that carries the key.", "X-Api-Key"}),
      field<T, &T::scheme>("scheme", optional, {"The word before the key, as in `Authorization: ApiKey …`.", "ApiKey"}),
      field<T, &T::file>("file", required, {"The file of keys, relative to this file; see `weir keys`.", "keys.yaml"}),
      no_secret("key", kWhere),
      no_secret("keys", kWhere),
      no_secret("secret", kWhere),
      no_secret("value", kWhere),
  }};
  return table;
}

template <>
const Object& object<ServiceSpec>() {
  using T = ServiceSpec;
  static const Object table{.name = "service", .doc = "Callers inside of your networks are believed to be who they say.", .fields = {
      field<T, &T::header>("header", required, {"The header that carries the service's name.", "X-Service"}),
      field<T, &T::from>("from", required, {"Networks that are believed; from others the header means nothing.", "[10.1.0.0/16]"}, {1, 256}),
  }};
  return table;
}

template <>
const Object& object<IdentitySpec>() {
  using T = IdentitySpec;
  static const Object table{.name = "an identity", .doc = "How callers prove who they are. The first rule, in order, whose proof is valid names the caller; without any the caller is the client address.", .fields = {
      field<T, &T::name>("name", required, {"What `require` and `for` refer to.", "partner"}),
      field<T, &T::api_key>("api_key", optional, {"By a key.", "{header: X-Api-Key, file: keys.yaml}"}),
      field<T, &T::service>("service", optional, {"By a header from your own networks.", "{header: X-Service, from: [10.1.0.0/16]}"}),
      later("jwt", "JSON Web Tokens"),
      later("mtls", "client certificates"),
  }, .one_of = {"api_key", "service"}};
  return table;
}

#define WEIR_CALLERS_FIELDS(T)                                                                                           \
  field<T, &T::identity>("identity", optional, {"Callers known by one of these identities.", "[partner]"}, {1, 64}),    \
      field<T, &T::callers>("callers", optional, {"Callers by name; `*` is any run of characters.", "[acme-*]"}, {1, 256}), \
      field<T, &T::groups>("groups", optional, {"Callers by a group of theirs.", "[gold]"}, {1, 256}),                  \
      field<T, &T::anonymous>("anonymous", optional, {"Callers without a valid credential.", "true"})

template <>
const Object& object<CallersSpec>() {
  using T = CallersSpec;
  static const Object table{.name = "for", .doc = "Who is meant: callers that fit any of the keys.", .fields = {WEIR_CALLERS_FIELDS(T)}};
  return table;
}

template <>
const Object& object<OverrideSpec>() {
  using T = OverrideSpec;
  static const Object table{.name = "an override", .doc = "Another rate for some callers; the first that fits counts.", .fields = {
      WEIR_CALLERS_FIELDS(T),
      field<T, &T::rate>("rate", required, {"Their rate.", "200/s"}),
      field<T, &T::burst>("burst", inherited, {"Their burst.", "400", "two seconds of the rate, at least 2"}, {1, 1'000'000'000}),
  }};
  return table;
}

template <>
const Object& object<ExpectSpec>() {
  using T = ExpectSpec;
  static const Object table{.name = "expect", .doc = "Refusals that are wanted: they count as good.", .fields = {
      WEIR_CALLERS_FIELDS(T),
      field<T, &T::max>("max", optional, {"Up to this many refusals.", "200/s"}),
      field<T, &T::until>("until", optional, {"For so long after the revision went live.", "24h"}),
  }};
  return table;
}

template <>
const Object& object<LimitSpec>() {
  using T = LimitSpec;
  static const Object table{.name = "a limit", .doc = "How often somebody may ask. A route names its limits, or takes those of `defaults`.", .fields = {
      field<T, &T::name>("name", required, {"What routes and refusals call it.", "per-caller"}),
      field<T, &T::key>("key", required,
          {"What is counted together: `all` requests, each `caller`, each `client_ip` (IPv6 by /64), each `client_net` "
           "(IPv4 /24, IPv6 /48), each `route`, each value of `header:NAME` or `query:NAME`; a list counts each combination.",
           "caller"}, {1, 4}),
      field<T, &T::rate>("rate", required, {"How fast tokens come back, exact to thousandths.", "60/s"}),
      field<T, &T::burst>("burst", inherited, {"How many requests may come at once: the capacity of the bucket.", "120",
                                               "two seconds of the rate, at least 2"}, {1, 1'000'000'000}),
      field<T, &T::mode>("mode", defaulted, {"`observe` counts and reports, and refuses nothing.", "enforce"}),
      field<T, &T::before_auth>("before_auth", defaulted,
          {"Asked before identities are; then only addresses, and the route, can be the key.", "true"}),
      field<T, &T::who>("for", optional, {"Whom it concerns; left out: everyone.", "{identity: [partner]}"}),
      field<T, &T::overrides>("overrides", optional, {"Other rates for some callers; the first that fits counts.",
                                                      "[{callers: [acme-*], rate: 200/s}]"}, {0, 256}),
      field<T, &T::expect>("expect", optional, {"Refusals that are wanted.", "{callers: [scraper-*], until: 24h}"}),
      later("quota", "quotas"),
      later("concurrency", "limits on requests at once"),
  }};
  return table;
}

template <>
const Object& object<EndpointSpec>() {
  using T = EndpointSpec;
  static const Object table{.name = "an endpoint", .doc = "One address of an upstream; a plain `host:port` is enough.", .fields = {
      field<T, &T::address>("address", required, {"Host or IP address and port, or `unix:/path`.", "127.0.0.1:9001"}),
      field<T, &T::weight>("weight", defaulted, {"Its share against the others; 0 takes no new requests.", "1"}, {0, 1000}),
  }, .shorthand = "address"};
  return table;
}

template <>
const Object& object<UpstreamSpec>() {
  using T = UpstreamSpec;
  static const Object table{.name = "an upstream", .doc = "A service behind the gateway.", .fields = {
      field<T, &T::name>("name", required, {"What routes call it.", "catalog"}),
      field<T, &T::endpoints>("endpoints", required, {"Where it is reached.", "[127.0.0.1:9001, 127.0.0.1:9002]"}, {1, 1000}),
      field<T, &T::balance>("balance", defaulted,
          {"`round_robin` by weight; `least_request`: the less busy of two drawn ones; `random` by weight.", "round_robin"}),
      later("health_check", "active health checks"),
      later("ejection", "outlier ejection"),
      later("breaker", "circuit breakers"),
      later("slow_start", "slow start"),
      later("tls", "HTTPS to upstreams"),
      later("http2", "HTTP/2 to upstreams"),
  }};
  return table;
}

template <>
const Object& object<FieldMatchSpec>() {
  using T = FieldMatchSpec;
  static const Object table{.name = "a header match", .doc = "A header that the request has.", .fields = {
      field<T, &T::name>("name", required, {"The header; case does not count.", "X-Canary"}),
      field<T, &T::value>("value", optional, {"Its whole value; left out: any.", "always"}),
  }};
  return table;
}

template <>
const Object& object<QueryMatchSpec>() {
  using T = QueryMatchSpec;
  static const Object table{.name = "a query match", .doc = "A parameter of the query.", .fields = {
      field<T, &T::name>("name", required, {"The parameter; case counts.", "version"}),
      field<T, &T::value>("value", optional, {"Its whole value; left out: any.", "\"2\""}),
  }};
  return table;
}

template <>
const Object& object<MatchSpec>() {
  using T = MatchSpec;
  static const Object table{.name = "match", .doc = "Which requests take the route; all keys must fit. Of several routes that fit the most precise is taken: exact host, wildcard host; exact path, longest prefix; with a method; more headers; more queries; the first.", .fields = {
      field<T, &T::hosts>("hosts", optional, {"Any of these hosts; `*.example.com` is every name below. Left out: every host.", "[api.example.com]"}, {1, 1000}),
      field<T, &T::path>("path", defaulted, {"`/catalog/*` is /catalog and all below it, `/catalog` exactly that.", "/catalog/*"}),
      field<T, &T::methods>("methods", optional, {"Any of these methods. Left out: every method.", "[GET, HEAD]"}, {1, 32}),
      field<T, &T::headers>("headers", optional, {"All of these headers.", "[{name: X-Canary, value: always}]"}, {1, 16}),
      field<T, &T::query>("query", optional, {"All of these parameters.", "[{name: version, value: \"2\"}]"}, {1, 16}),
  }};
  return table;
}

template <>
const Object& object<SplitSpec>() {
  using T = SplitSpec;
  static const Object table{.name = "a part of a split", .doc = "A share of the route's requests.", .fields = {
      field<T, &T::upstream>("upstream", required, {"Where it goes.", "stable"}),
      field<T, &T::weight>("weight", required, {"Its share against the other parts.", "95"}, {0, 1'000'000}),
  }};
  return table;
}

template <>
const Object& object<RewriteSpec>() {
  using T = RewriteSpec;
  static const Object table{.name = "rewrite", .doc = "What the upstream is sent instead of the request's own path and host.", .fields = {
      field<T, &T::prefix>("prefix", optional, {"Takes the place of the path that the route's `/…/*` matched.", "/v2"}),
      field<T, &T::path>("path", optional, {"Takes the place of the whole path.", "/index.html"}),
      field<T, &T::host>("host", optional, {"Takes the place of the host.", "catalog.internal"}),
  }, .at_most_one = {"prefix", "path"}};
  return table;
}

template <>
const Object& object<RedirectSpec>() {
  using T = RedirectSpec;
  static const Object table{.name = "redirect", .doc = "Sends the client elsewhere; what is left out stays as in the request.", .fields = {
      field<T, &T::status>("status", defaulted, {"301, 302, 303, 307 or 308.", "308"}, {300, 399}),
      field<T, &T::scheme>("scheme", optional, {"`http` or `https`.", "https"}),
      field<T, &T::host>("host", optional, {"Another host.", "www.example.com"}),
      field<T, &T::port>("port", optional, {"Another port.", "8443"}, {1, 65535}),
      field<T, &T::prefix>("prefix", optional, {"Takes the place of the path that the route's `/…/*` matched.", "/v2"}),
      field<T, &T::path>("path", optional, {"Takes the place of the whole path.", "/moved"}),
  }, .at_most_one = {"prefix", "path"}};
  return table;
}

template <>
const Object& object<RespondSpec>() {
  using T = RespondSpec;
  static const Object table{.name = "respond", .doc = "Answers at once, from here.", .fields = {
      field<T, &T::status>("status", defaulted, {"The status.", "200"}, {200, 599}),
      field<T, &T::content_type>("content_type", defaulted, {"Its Content-Type.", "application/json"}),
      field<T, &T::body>("body", optional, {"The body, at most 64 KiB.", "\"ok\\n\""}),
  }};
  return table;
}

template <>
const Object& object<HeadersSpec>() {
  using T = HeadersSpec;
  static const Object table{.name = "headers", .doc = "Changes to headers: first `remove`, then `set`, then `add`.", .fields = {
      field<T, &T::set>("set", optional, {"Takes the place of what was there.", "{X-Tenant: acme}"}, {0, 64}),
      field<T, &T::add>("add", optional, {"Comes beside what was there.", "{Cache-Control: no-store}"}, {0, 64}),
      field<T, &T::remove>("remove", optional, {"Goes.", "[X-Powered-By]"}, {0, 64}),
  }};
  return table;
}

template <>
const Object& object<AuthSpec>() {
  using T = AuthSpec;
  static const Object table{.name = "auth", .doc = "Who may pass; `none` or left out: everyone.", .fields = {
      field<T, &T::require>("require", required, {"A valid credential of one of these identities: 401 without any, 403 with one of another identity.", "[partner]"}, {1, 64}),
      later("external", "asking an authorisation service"),
  }, .word = "none"};
  return table;
}

template <>
const Object& object<RouteTimeoutsSpec>() {
  using T = RouteTimeoutsSpec;
  constexpr std::string_view kElse = "that of `defaults`";
  static const Object table{.name = "timeouts of a route", .doc = "The route's own timeouts.", .fields = {
      field<T, &T::connect>("connect", inherited, {"Until a connection to the endpoint stands.", "2s", kElse}),
      field<T, &T::response>("response", inherited, {"From the end of the request's head until the head of the answer.", "500ms", kElse}),
      field<T, &T::idle>("idle", inherited, {"Between bytes of the answer.", "60s", kElse}),
      field<T, &T::total>("total", inherited, {"The whole exchange.", "10s", kElse}),
  }};
  return table;
}

template <>
const Object& object<RouteSpec>() {
  using T = RouteSpec;
  static const Object table{.name = "a route", .doc = "Which requests go where, and on which terms.", .fields = {
      field<T, &T::name>("name", required, {"What records and metrics call it.", "catalog"}),
      field<T, &T::match>("match", defaulted, {"Which requests take it; left out: every one.", "{path: /catalog/*}"}),
      field<T, &T::upstream>("upstream", optional, {"Where they go.", "catalog"}),
      field<T, &T::split>("split", optional, {"Where they go, by weight.", "[{upstream: stable, weight: 95}, {upstream: candidate, weight: 5}]"}, {1, 32}),
      field<T, &T::redirect>("redirect", optional, {"Instead of an upstream: a redirect.", "{scheme: https, status: 308}"}),
      field<T, &T::respond>("respond", optional, {"Instead of an upstream: an answer from here.", "{status: 200, body: ok}"}),
      field<T, &T::rewrite>("rewrite", optional, {"What the upstream sees instead of path and host.", "{prefix: /}"}),
      field<T, &T::request_headers>("request_headers", optional, {"Changes to the request's headers.", "{set: {X-Tenant: acme}}"}),
      field<T, &T::response_headers>("response_headers", optional, {"Changes to the answer's headers.", "{remove: [X-Powered-By]}"}),
      field<T, &T::auth>("auth", defaulted, {"Who may pass.", "{require: [partner]}"}),
      field<T, &T::timeouts>("timeouts", inherited, {"The route's own timeouts.", "{response: 500ms}", "those of `defaults`"}),
      field<T, &T::limits>("limits", inherited, {"Limits, in the order in which they are asked; `[]` for none.", "[per-caller]", "those of `defaults`"}, {0, kMaxLimitsPerRoute}),
      field<T, &T::priority>("priority", defaulted, {"What goes last when there is too much: `critical`, `normal`, `sheddable`.", "normal"}),
      field<T, &T::encoded_slash>("encoded_slash", defaulted, {"What becomes of `%2F` in a path: `refuse` answers 400, `keep` passes it on as it is.", "keep"}),
      later("retry", "retries", "remove the key; a reused connection that turns out closed is tried anew anyway"),
      later("cors", "CORS"),
      later("breaker", "circuit breakers"),
  }, .one_of = {"upstream", "split", "redirect", "respond"}};
  return table;
}

template <>
const Object& object<RefusalsSpec>() {
  using T = RefusalsSpec;
  static const Object table{.name = "refusals", .doc = "What refused clients are told.", .fields = {
      field<T, &T::detail>("detail", optional,
          {"`full` names the rule and the revision, `brief` does not. Left out: full to identified callers, loopback "
           "and trusted networks, brief to others.", "full"}),
  }};
  return table;
}

template <>
const Object& object<RecordSpec>() {
  using T = RecordSpec;
  static const Object table{.name = "record", .doc = "What is remembered of requests.", .fields = {
      field<T, &T::enabled>("enabled", defaulted, {"Whether arrivals are recorded.", "true"}),
      field<T, &T::watch>("watch", optional, {"Headers and queries to watch besides those that the configuration matches or counts by.", "[header:X-Tenant]"}, {0, 64}),
      later("paths", "how much of paths is kept"),
      later("addresses", "how much of addresses is kept"),
      later("keep", "recordings on disk"),
      later("max_bytes", "recordings on disk"),
  }};
  return table;
}

template <>
const Object& object<Spec>() {
  using T = Spec;
  static const Object table{.name = "the configuration", .doc = "The whole file.", .fields = {
      field<T, &T::version>("version", required, {"The version of this language.", "1"}, {1, 1}),
      field<T, &T::listeners>("listeners", required, {"Where clients connect.", "[{name: public, address: 0.0.0.0:8080}]"}, {1, 64}),
      field<T, &T::admin>("admin", optional, {"The admin API over TCP; left out: only the unix socket.", "{address: 127.0.0.1:9347}"}),
      field<T, &T::data_dir>("data_dir", optional, {"Where state is kept. Left out: `$STATE_DIRECTORY`, else `weir-data` beside this file.", "/var/lib/weir"}),
      field<T, &T::defaults>("defaults", defaulted, {"What a route gets that says nothing else.", "{limits: [per-caller]}"}),
      field<T, &T::identity>("identity", optional, {"How callers prove who they are.", "[{name: partner, api_key: {file: keys.yaml}}]"}, {0, 64}),
      field<T, &T::limits>("limits", optional, {"How often somebody may ask.", "[{name: per-caller, key: caller, rate: 60/s}]"}, {0, 10'000}),
      field<T, &T::upstreams>("upstreams", optional, {"The services behind the gateway.", "[{name: catalog, endpoints: [127.0.0.1:9001]}]"}, {0, 100'000}),
      field<T, &T::routes>("routes", required, {"Which requests go where.", "[{name: catalog, match: {path: /catalog/*}, upstream: catalog}]"}, {1, 100'000}),
      field<T, &T::access_log>("access_log", defaulted, {"JSON lines, one a request: a path, `-` for standard output, `off`.", "/var/log/weir/access.log"}),
      field<T, &T::refusals>("refusals", defaulted, {"What refused clients are told.", "{detail: brief}"}),
      field<T, &T::rate_limit_fields>("rate_limit_fields", defaulted, {"Headers that tell callers about their limits: `ietf` (RateLimit), `legacy` (X-RateLimit-*), `off`.", "ietf"}),
      field<T, &T::record>("record", defaulted, {"What is remembered of requests.", "{watch: [header:X-Tenant]}"}),
      field<T, &T::workers>("workers", optional, {"Threads that serve. Left out: one a core.", "2"}, {1, 256}),
      field<T, &T::drain>("drain", defaulted, {"How long running requests may take to finish on the way out.", "30s"}),
      field<T, &T::via_name>("via_name", defaulted, {"What this gateway calls itself in `Via`.", "weir"}),
      later("tls", "HTTPS", "end TLS in a proxy in front, and name the proxy under trusted_proxies"),
      later("rollout", "staged rollout", "remove the key; a change takes effect at once"),
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
