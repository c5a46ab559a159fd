// The keys of the configuration: upstreams, their endpoints and how their health is judged. To add one: a member in spec.h,
// a line here, its use in lower.cc; decoding, the JSON Schema, the guide and `show --effective` follow.
#include "config/tables.h"

namespace weir::config {

using enum Presence;

template <>
const Object& object<EndpointSpec>() {
  using T = EndpointSpec;
  static const Object table{
      .name = "an endpoint",
      .doc = "One address of an upstream; a plain `host:port` is enough.",
      .fields =
          {
              field<T, &T::address>(
                  "address", required,
                  {"Host or IP address and port, or `unix:/path`.", "127.0.0.1:9001"}),
              field<T, &T::weight>("weight", defaulted,
                                   {"Its share against the others; 0 takes no new requests.", "1"},
                                   {0, 1000}),
              field<T, &T::tier>("tier", defaulted,
                                 {"Who steps in: a tier is used only while nobody of a lower one "
                                  "can take a request.",
                                  "1"},
                                 {0, 15}),
          },
      .shorthand = "address"};
  return table;
}

template <>
const Object& object<HashSpec>() {
  using T = HashSpec;
  static const Object table{
      .name = "hash",
      .doc = "Which requests stay with one endpoint under `balance: ring_hash`.",
      .fields =
          {
              field<T, &T::key>("key", optional,
                                {"What they have in common, as the key of a limit. Left out, and "
                                 "where a request lacks the value: the caller.",
                                 "header:X-Tenant"},
                                {1, 4}),
              field<T, &T::above_share>(
                  "above_share", defaulted,
                  {"An endpoint that has so much more in flight than its share passes requests on "
                   "to the next one; `none`: never.",
                   "25%"}),
          },
      .shorthand = "key"};
  return table;
}

template <>
const Object& object<HealthCheckSpec>() {
  using T = HealthCheckSpec;
  static const Object table{
      .name = "health_check",
      .doc =
          "Asks every endpoint by itself, beside the traffic. One that fails takes no requests, "
          "unless most of its pool fails too (`panic_below`).",
      .fields =
          {
              field<T, &T::path>("path", optional,
                                 {"What is asked for, with GET. Left out: a connection is enough.",
                                  "/healthz"}),
              field<T, &T::host>("host", optional,
                                 {"The Host of the request; left out, the endpoint's address.",
                                  "catalog.internal"}),
              field<T, &T::status>("status", optional,
                                   {"Answers that count as good. Left out: any 2xx.", "[200, 204]"},
                                   {1, 16}),
              field<T, &T::body>(
                  "body", optional,
                  {"Text that the first 64 KiB of the answer must hold.", "\"ready\""}),
              field<T, &T::interval>("interval", defaulted,
                                     {"Between two checks of an endpoint.", "2s"}),
              field<T, &T::timeout>("timeout", defaulted,
                                    {"For connection and answer together.", "1s"}),
              field<T, &T::rise>("rise", defaulted,
                                 {"Good ones in a row that bring an endpoint back.", "2"},
                                 {1, 1000}),
              field<T, &T::fall>("fall", defaulted,
                                 {"Bad ones in a row that take an endpoint out.", "3"}, {1, 1000}),
          },
      .shorthand = "path"};
  return table;
}

template <>
const Object& object<EjectionSpec>() {
  using T = EjectionSpec;
  static const Object table{
      .name = "ejection",
      .doc =
          "Takes an endpoint out whose own traffic fails or is slow while its neighbours' is well. "
          "`false` switches it off.",
      .fields =
          {
              field<T, &T::enabled>("enabled", defaulted, {"Whether it is done.", "false"}),
              field<T, &T::consecutive_failures>(
                  "consecutive_failures", defaulted,
                  {"So many failures in a row, while the others fare better.", "5"},
                  {1, 1'000'000}),
              field<T, &T::failure_ratio>(
                  "failure_ratio", defaulted,
                  {"This share of its requests failed, twice as many as elsewhere.", "50%"}),
              field<T, &T::latency_factor>(
                  "latency_factor", defaulted,
                  {"Its median is so many times that of the others, and 5 ms more.", "3"},
                  {2, 1'000'000}),
              field<T, &T::min_requests>(
                  "min_requests", defaulted,
                  {"In the window, before a share or a median says anything.", "20"},
                  {1, 1'000'000}),
              field<T, &T::window>("window", defaulted, {"How far back is looked.", "10s"}),
              field<T, &T::time>("time", defaulted,
                                 {"The first time it is out so long, the n-th n times as long.",
                                  "30s"}),
              field<T, &T::max_time>("max_time", defaulted, {"The longest.", "300s"}),
              field<T, &T::max_share>(
                  "max_share", defaulted,
                  {"Of the pool, rounded down, is out at most; failed checks count.", "50%"}),
          },
      .shorthand = "enabled"};
  return table;
}

template <>
const Object& object<BreakerSpec>() {
  using T = BreakerSpec;
  static const Object table{
      .name = "breaker",
      .doc =
          "How much of an upstream may be under way, and when nothing is sent to it for a while. "
          "What it refuses answers 503 `breaker_open`.",
      .fields = {
          field<T, &T::max_in_flight>(
              "max_in_flight", optional,
              {"Requests under way at the upstream, over all workers; left out: as many as come. "
               "Each has one connection, so it bounds those too.",
               "200"},
              {1, 1'000'000}),
          field<T, &T::max_in_flight_per_endpoint>(
              "max_in_flight_per_endpoint", optional,
              {"An endpoint with so many takes no more; left out: as many as come.", "50"},
              {1, 1'000'000}),
          field<T, &T::failure_ratio>(
              "failure_ratio", optional,
              {"It opens when this share of the attempts in the window failed; left out: never.",
               "50%"}),
          field<T, &T::min_requests>("min_requests", defaulted,
                                     {"In the window, before a share says anything.", "20"},
                                     {1, 1'000'000}),
          field<T, &T::window>("window", defaulted, {"How far back is looked.", "10s"}),
          field<T, &T::open>(
              "open", defaulted,
              {"The first time it is open so long, twice as long each time in a row.", "5s"}),
          field<T, &T::max_open>("max_open", defaulted, {"The longest.", "60s"}),
          field<T, &T::probes>(
              "probes", defaulted,
              {"After that so many requests may be under way; so many good answers close it.", "3"},
              {1, 1000}),
      },
      .shorthand = {}};
  return table;
}

template <>
const Object& object<AdaptiveLimitSpec>() {
  using T = AdaptiveLimitSpec;
  static const Object table{
      .name = "adaptive_limit",
      .doc =
          "Finds by its latency how much of an upstream may be under way, and sheds the rest as 503 "
          "`shed_overload`: sheddable routes first, critical ones last.",
      .fields = {
          field<T, &T::enabled>("enabled", defaulted, {"Whether it is done.", "true"}),
          field<T, &T::min>("min", defaulted, {"It never goes below.", "8"}, {1, 1'000'000}),
          field<T, &T::max>("max", defaulted, {"It never goes above.", "10000"}, {1, 1'000'000}),
          field<T, &T::tolerance>(
              "tolerance", defaulted,
              {"How much above the unloaded latency is still well.", "50%"}),
      },
      .shorthand = "enabled"};
  return table;
}

template <>
const Object& object<UpstreamSpec>() {
  using T = UpstreamSpec;
  static const Object table{
      .name = "an upstream",
      .doc = "A service behind the gateway.",
      .fields = {
          field<T, &T::name>("name", required, {"What routes call it.", "catalog"}),
          field<T, &T::endpoints>("endpoints", required,
                                  {"Where it is reached.", "[127.0.0.1:9001, 127.0.0.1:9002]"},
                                  {1, 1000}),
          field<T, &T::balance>("balance", defaulted,
                                {"`round_robin` by weight; `least_request`: the less busy of two "
                                 "drawn ones; `random` by weight; `ring_hash`: what belongs "
                                 "together stays at one endpoint (`hash`); `peak_ewma`: of two "
                                 "drawn ones, the one that promises the sooner answer.",
                                 "round_robin"}),
          field<T, &T::hash>("hash", optional,
                             {"What `ring_hash` goes by.", "header:X-Tenant"}),
          field<T, &T::health_check>("health_check", optional,
                                     {"Asks the endpoints whether they are well.", "/healthz"}),
          field<T, &T::ejection>("ejection", defaulted,
                                 {"Takes endpoints out by what their traffic says.",
                                  "{max_share: 30%}"}),
          field<T, &T::slow_start>("slow_start", defaulted,
                                   {"How long an endpoint that comes back takes to have its whole "
                                    "share again; `none`: at once.",
                                    "10s"}),
          field<T, &T::panic_below>(
              "panic_below", defaulted,
              {"With a smaller share of healthy endpoints checks are not believed: whoever takes a "
               "connection is used. `0%`: checks are always believed.",
               "50%"}),
          field<T, &T::breaker>("breaker", optional,
                                {"How much may be under way, and when nothing is sent.",
                                 "{max_in_flight: 200, failure_ratio: 50%}"}),
          field<T, &T::adaptive_limit>(
              "adaptive_limit", optional,
              {"How much may be under way, found from the latency.", "true"}),
          field<T, &T::late_probe>(
              "late_probe", defaulted,
              {"After some of the timeouts the answer is still waited for, so that it is known "
               "whether a longer timeout would have helped.",
               "false"}),
          field<T, &T::version_header>(
              "version_header", optional,
              {"The header of its answers that says which version of it made them: while two run, "
               "`weir change` judges them against each other.",
               "X-Version"}),
          later("tls", "HTTPS to upstreams"),
          later("http2", "HTTP/2 to upstreams"),
      }};
  return table;
}

}  // namespace weir::config
