// The keys of the configuration: who callers are, how often they may ask, where it goes. To add
// one: a member in spec.h, a line here, its use in lower.cc; decoding, the JSON Schema, the guide
// and `show --effective` follow.
#include "config/tables.h"

namespace weir::config {

using enum Presence;

template <>
const Object& object<ApiKeySpec>() {
  using T = ApiKeySpec;
  constexpr std::string_view kWhere =
      "keep keys in a file that `weir keys add` writes, and name it: file: keys.yaml";
  static const Object table{
      .name = "api_key",
      .doc = "Callers are known by a key that they send.",
      .fields = {
          field<T, &T::header>("header", defaulted,
                               {"The header that carries the key.", "X-Api-Key"}),
          field<T, &T::scheme>(
              "scheme", optional,
              {"The word before the key, as in `Authorization: ApiKey …`.", "ApiKey"}),
          field<T, &T::file>(
              "file", required,
              {"The file of keys, relative to this file; see `weir keys`.", "keys.yaml"}),
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
  static const Object table{
      .name = "service",
      .doc = "Callers inside of your networks are believed to be who they say.",
      .fields = {
          field<T, &T::header>("header", required,
                               {"The header that carries the service's name.", "X-Service"}),
          field<T, &T::from>("from", required,
                             {"Networks that are believed; from others the header means nothing.",
                              "[10.1.0.0/16]"},
                             {1, 256}),
      }};
  return table;
}

template <>
const Object& object<IdentitySpec>() {
  using T = IdentitySpec;
  static const Object table{
      .name = "an identity",
      .doc =
          "How callers prove who they are. The first rule, in order, whose proof is valid names "
          "the caller; without any the caller is the client address.",
      .fields =
          {
              field<T, &T::name>("name", required,
                                 {"What `require` and `for` refer to.", "partner"}),
              field<T, &T::api_key>("api_key", optional,
                                    {"By a key.", "{header: X-Api-Key, file: keys.yaml}"}),
              field<T, &T::service>("service", optional,
                                    {"By a header from your own networks.",
                                     "{header: X-Service, from: [10.1.0.0/16]}"}),
              later("jwt", "JSON Web Tokens"),
              later("mtls", "client certificates"),
          },
      .one_of = {"api_key", "service"}};
  return table;
}

#define WEIR_CALLERS_FIELDS(T)                                                                 \
  field<T, &T::identity>("identity", optional,                                                 \
                         {"Callers known by one of these identities.", "[partner]"}, {1, 64}), \
      field<T, &T::callers>("callers", optional,                                               \
                            {"Callers by name; `*` is any run of characters.", "[acme-*]"},    \
                            {1, 256}),                                                         \
      field<T, &T::groups>("groups", optional, {"Callers by a group of theirs.", "[gold]"},    \
                           {1, 256}),                                                          \
      field<T, &T::anonymous>("anonymous", optional,                                           \
                              {"Callers without a valid credential.", "true"})

template <>
const Object& object<CallersSpec>() {
  using T = CallersSpec;
  static const Object table{.name = "for",
                            .doc = "Who is meant: callers that fit any of the keys.",
                            .fields = {WEIR_CALLERS_FIELDS(T)}};
  return table;
}

template <>
const Object& object<OverrideSpec>() {
  using T = OverrideSpec;
  static const Object table{
      .name = "an override",
      .doc = "Another rate for some callers; the first that fits counts.",
      .fields = {
          WEIR_CALLERS_FIELDS(T),
          field<T, &T::rate>("rate", required, {"Their rate.", "200/s"}),
          field<T, &T::burst>("burst", inherited,
                              {"Their burst.", "400", "two seconds of the rate, at least 2"},
                              {1, 1'000'000'000}),
      }};
  return table;
}

template <>
const Object& object<ExpectSpec>() {
  using T = ExpectSpec;
  static const Object table{
      .name = "expect",
      .doc = "Refusals that are wanted: they count as good.",
      .fields = {
          WEIR_CALLERS_FIELDS(T),
          field<T, &T::max>("max", optional, {"Up to this many refusals.", "200/s"}),
          field<T, &T::until>("until", optional,
                              {"For so long after the revision went live.", "24h"}),
      }};
  return table;
}

template <>
const Object& object<LearnedSpec>() {
  using T = LearnedSpec;
  static const Object table{
      .name = "learned",
      .doc = "Each caller with a credential has a rate of its own, learned from its past: so many times its peak, "
             "the p99 of its requests by the second on the days before today. Its burst is two seconds of that; `burst` "
             "beside it is that of `default`. Who has no credential does not meet the limit.",
      .fields = {
          field<T, &T::by_default>(
              "default", required,
              {"The rate of callers that were not seen on two days, in 300 seconds at least.", "50/s"}),
          field<T, &T::times>("times", defaulted, {"How many times its peak a caller may ask.", "3"},
                              {2, 100}),
          field<T, &T::floor>("floor", optional, {"No learned rate is below it.", "10/s"}),
      }};
  return table;
}

template <>
const Object& object<LimitSpec>() {
  using T = LimitSpec;
  static const Object table{
      .name = "a limit",
      .doc = "How often somebody may ask. A route names its limits, or takes those of `defaults`.",
      .fields = {
          field<T, &T::name>("name", required, {"What routes and refusals call it.", "per-caller"}),
          field<T, &T::key>("key", required,
                            {"What is counted together: `all` requests, each `caller`, each "
                             "`client_ip` (IPv6 by /64), each `client_net` "
                             "(IPv4 /24, IPv6 /48), each `route`, each value of `header:NAME` or "
                             "`query:NAME`; a list counts each combination.",
                             "caller"},
                            {1, 4}),
          field<T, &T::rate>("rate", optional,
                             {"How fast tokens come back, exact to thousandths.", "60/s"}),
          field<T, &T::learned>("learned", optional,
                                {"Instead of `rate`: each caller's own, learned from its past.",
                                 "{default: 50/s}"}),
          field<T, &T::burst>("burst", inherited,
                              {"How many requests may come at once: the capacity of the bucket.",
                               "120", "two seconds of the rate, at least 2"},
                              {1, 1'000'000'000}),
          field<T, &T::mode>("mode", defaulted,
                             {"`observe` counts and reports, and refuses nothing.", "enforce"}),
          field<T, &T::before_auth>(
              "before_auth", defaulted,
              {"Asked before identities are; then only addresses, and the route, can be the key.",
               "true"}),
          field<T, &T::who>("for", optional,
                            {"Whom it concerns; left out: everyone.", "{identity: [partner]}"}),
          field<T, &T::overrides>("overrides", optional,
                                  {"Other rates for some callers; the first that fits counts.",
                                   "[{callers: [acme-*], rate: 200/s}]"},
                                  {0, 256}),
          field<T, &T::expect>("expect", optional,
                               {"Refusals that are wanted.", "{callers: [scraper-*], until: 24h}"}),
          later("quota", "quotas"),
      },
      .shorthand = {},
      .one_of = {"rate", "learned"}};
  return table;
}

template <>
const Object& object<ConcurrencySpec>() {
  using T = ConcurrencySpec;
  static const Object table{
      .name = "a concurrency limit",
      .doc =
          "How many requests somebody may have under way at once. A route names its own, or takes "
          "those of `defaults`. More than that answers 429 `concurrency_rejected`.",
      .fields = {
          field<T, &T::name>("name", required, {"What routes and refusals call it.", "two-at-once"}),
          field<T, &T::key>("key", required,
                            {"What is counted together, as in `limits`.", "caller"}, {1, 4}),
          field<T, &T::max_in_flight>(
              "max_in_flight", required,
              {"From the decision until the last byte of the answer, over all workers.", "2"},
              {1, 1'000'000}),
          field<T, &T::who>("for", optional,
                            {"Whom it concerns; left out: everyone.", "{identity: [partner]}"}),
      },
      .shorthand = {}};
  return table;
}

template <>
const Object& object<OverloadSpec>() {
  using T = OverloadSpec;
  static const Object table{
      .name = "overload",
      .doc =
          "The gateway's own protection. Where it is short of memory, of descriptors, or of time for "
          "what waits, it refuses with 503 `gateway_overloaded`: sheddable routes first, critical "
          "ones last, and of each priority unknown callers before known ones.",
      .fields =
          {
              field<T, &T::enabled>("enabled", defaulted, {"Whether it is done.", "true"}),
              field<T, &T::memory>("memory", optional,
                                   {"Memory that it may take. Left out: what its control group "
                                    "allows, else what the machine has.",
                                    "2GiB"},
                                   {1 << 20, std::uint64_t{1} << 46}),
              field<T, &T::from>("from", defaulted,
                                 {"Share of memory, of descriptors, or of a listener's accept queue "
                                  "from which on it refuses, little by little up to all.",
                                  "85%"}),
              field<T, &T::queue_delay>(
                  "queue_delay", defaulted,
                  {"When even the shortest wait for a worker is longer than this for 100 ms, "
                   "sheddable routes are refused; normal ones at twenty times as long.",
                   "5ms"}),
          },
      .shorthand = "enabled"};
  return table;
}

}  // namespace weir::config
