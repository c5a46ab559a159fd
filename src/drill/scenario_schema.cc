// The keys of a scenario file. To add one: a member in scenario_spec.h, a line here, its use in the
// room, a row in docs/guide/drill.md (a test compares).
#include <algorithm>
#include <utility>

#include "config/complaint.h"
#include "config/tables.h"
#include "drill/codec.h"
#include "drill/scenario.h"
#include "fmt/core.h"

namespace weir::drill {

config::Read<TimeRange> read_time_range(std::string_view text) {
  const std::size_t dots = text.find("..");
  const auto wrong = [&] {
    return config::complain(fmt::format("{} is not a range of times", config::quote(text)),
                            "write ..300ms, 100ms.. or 100ms..300ms");
  };
  if (dots == std::string_view::npos) return wrong();
  const std::string_view low = text.substr(0, dots), high = text.substr(dots + 2);
  TimeRange range;
  if (low.empty() && high.empty()) return wrong();
  if (!low.empty()) {
    const auto time = config::read_moment(low);
    if (!time) return wrong();
    range.low = time->value;
  }
  if (!high.empty()) {
    const auto time = config::read_moment(high);
    if (!time || time->value < range.low) return wrong();
    range.high = time->value;
  }
  return range;
}

std::string print_time_range(TimeRange range) {
  const auto end = [](Nanos time, Nanos open) {
    return time == open ? std::string() : config::print_moment({time});
  };
  return end(range.low, Nanos(0)) + ".." + end(range.high, Nanos::max());
}

}  // namespace weir::drill

namespace weir::config {

using enum Presence;

WEIR_VALUE_CODEC(drill::TimeRange, drill::read_time_range, drill::print_time_range,
                 "range of times", "");

template <>
struct Words<drill::Arrivals> {
  static constexpr std::array<std::pair<std::string_view, drill::Arrivals>, 2> kAll = {
      {{"poisson", drill::Arrivals::poisson}, {"constant", drill::Arrivals::constant}}};
  static constexpr std::array<std::string_view, 0> kNotYet = {};
};
template <>
struct Codec<drill::ValueMap> : MapCodec<drill::ValueMap, Word, FreeText> {
  static const Shape& shape() {
    static const Shape made{.kind = Shape::Kind::headers,
                            .name = "mapping of places to values",
                            .pattern = {},
                            .words = {}};
    return made;
  }
};

template <>
const Object& object<drill::UpstreamSpec>() {
  using T = drill::UpstreamSpec;
  static const Object table{
      .name = "upstream",
      .doc = "A simulated service: a process for each endpoint.",
      .fields = {field<T, &T::name>("name", required, {"What it is called.", "orders"}),
                 field<T, &T::endpoints>(
                     "endpoints", required,
                     {"As the gateway's configuration names them.", "[127.0.0.1:9001]"}, {1, 64}),
                 field<T, &T::behaviour>(
                     "behaviour", optional,
                     {"How each of them behaves at first.", "{workers: 2, latency: 40ms}"})}};
  return table;
}

template <>
const Object& object<drill::LinkSpec>() {
  using T = drill::LinkSpec;
  static const Object table{
      .name = "link",
      .doc = "A fault proxy on the way to something: a process for each endpoint.",
      .fields = {field<T, &T::name>("name", required, {"What it is called.", "to-orders"}),
                 field<T, &T::before>("before", required,
                                      {"An endpoint, all of an upstream, or `gateway`.", "orders"}),
                 field<T, &T::faults>("faults", optional, {"Its faults at first.", "[delay 20ms]"},
                                      {0, drill::kMostFaults})}};
  return table;
}

template <>
const Object& object<drill::CallersSpec>() {
  using T = drill::CallersSpec;
  static const Object table{
      .name = "callers",
      .doc = "Who asks.",
      .fields = {field<T, &T::count>("count", defaulted, {"How many.", "2000"}, {1, 1'000'000}),
                 field<T, &T::names>("names", optional,
                                     {"Their names, instead of a count.", "[worker, billing]"},
                                     {1, 10'000}),
                 field<T, &T::prefix>("prefix", defaulted,
                                      {"They are called prefix-1, prefix-2, …", "app"}),
                 field<T, &T::zipf>(
                     "zipf", optional,
                     {"The k-th asks 1/k^zipf as often as the first; left out: all alike.", "0.9"}),
                 field<T, &T::identity>("identity", optional,
                                        {"The rule of the gateway's configuration by which they "
                                         "prove who they are; left out: not at all.",
                                         "partner"}),
                 field<T, &T::networks>(
                     "networks", optional,
                     {"They come from so many /24 networks, told in X-Forwarded-For.", "600"},
                     {1, 60'000})},
      .shorthand = "count",
      .at_most_one = {"count", "names"}};
  return table;
}

template <>
const Object& object<drill::RequestSpec>() {
  using T = drill::RequestSpec;
  static const Object table{
      .name = "request",
      .doc = "What is asked.",
      .fields = {
          field<T, &T::name>("name", required, {"What it is called in the report.", "orders"}),
          field<T, &T::weight>("weight", defaulted, {"How often, compared with the others.", "15"},
                               {1, 1'000'000}),
          field<T, &T::method>("method", defaulted, {"The method.", "POST"}),
          field<T, &T::path>("path", required, {"The path.", "/orders/17"}),
          field<T, &T::host>("host", optional,
                             {"The host; left out: the listener's address.", "api.example.com"}),
          field<T, &T::headers>("headers", optional, {"Header fields.", "{X-Tenant: a}"}, {0, 64}),
          field<T, &T::body>("body", optional, {"The size of its body.", "2KiB"}, {1, 16u << 20})}};
  return table;
}

template <>
const Object& object<drill::BurstSpec>() {
  using T = drill::BurstSpec;
  static const Object table{
      .name = "burst",
      .doc = "A caller asks several times in a row.",
      .fields = {
          field<T, &T::mean>("mean", required, {"How many requests, on average; geometric.", "4"}),
          field<T, &T::gap>("gap", required, {"Time between two.", "exponential(30ms)"})}};
  return table;
}

template <>
const Object& object<drill::RetrySpec>() {
  using T = drill::RetrySpec;
  static const Object table{
      .name = "retry",
      .doc = "What callers do about a request that failed.",
      .fields = {
          field<T, &T::times>("times", defaulted, {"How often they try again at most.", "3"},
                              {1, 100}),
          field<T, &T::share>("share", defaulted, {"Which share of them.", "50%"}),
          field<T, &T::after>("after", defaulted, {"How long they wait before it.", "200ms"}),
          field<T, &T::on>(
              "on", optional,
              {"After which outcomes; left out: all that are not good.", "[limit_rejected]"},
              {0, 64})}};
  return table;
}

template <>
const Object& object<drill::SpoilSpec>() {
  using T = drill::SpoilSpec;
  static const Object table{
      .name = "spoil",
      .doc = "Requests that fail upstream as a matter of course, several in a row of one caller.",
      .fields = {field<T, &T::share>("share", required, {"Which share of the requests.", "0.3%"}),
                 field<T, &T::cluster>("cluster", defaulted,
                                       {"How many in a row, on average; geometric.", "40"}),
                 field<T, &T::status>("status", defaulted, {"What the upstream answers.", "500"},
                                      {400, 599})}};
  return table;
}

template <>
const Object& object<drill::TrafficSpec>() {
  using T = drill::TrafficSpec;
  static const Object table{
      .name = "traffic",
      .doc =
          "Some callers and what they ask. Requests come when they come, whether or not earlier "
          "ones were answered.",
      .fields = {
          field<T, &T::name>("name", required, {"What it is called.", "external"}),
          field<T, &T::rate>("rate", required, {"Requests a second.", "240/s"}),
          field<T, &T::arrivals>("arrivals", defaulted, {"`poisson`, or `constant`.", "constant"}),
          field<T, &T::burst>("burst", optional,
                              {"Several requests in a row.", "{mean: 4, gap: 30ms}"}),
          field<T, &T::noise>(
              "noise", optional,
              {"By how much the rate is off from second to second (standard deviation).", "15%"}),
          field<T, &T::callers>("callers", optional, {"Who asks.", "{count: 2000, zipf: 0.9}"}),
          field<T, &T::requests>("requests", required,
                                 {"What they ask.", "[{name: home, path: /}]"}, {1, 1000}),
          field<T, &T::patience>("patience", defaulted,
                                 {"After so long a caller goes away.", "10s"}),
          field<T, &T::retry>("retry", optional,
                              {"What they do about failures.", "{times: 3, share: 50%}"}),
          field<T, &T::spoil>("spoil", optional,
                              {"Failures as a matter of course.", "{share: 0.3%}"})}};
  return table;
}

template <>
const Object& object<drill::EventSpec>() {
  using T = drill::EventSpec;
  static const Object table{
      .name = "event",
      .doc = "What changes, and when.",
      .fields =
          {field<T, &T::at>("at", required, {"From the beginning of the traffic.", "30s"}),
           field<T, &T::name>("name", optional, {"What the report calls it.", "the deploy"}),
           field<T, &T::gateway>(
               "gateway", optional,
               {"Values of the gateway's configuration, by path, applied to the running gateway.",
                "{limits.per-caller.rate: 3/s}"},
               {1, 100}),
           field<T, &T::apply>(
               "apply", optional,
               {"Another configuration, applied to the running gateway.", "tight.yaml"}),
           field<T, &T::upstream>("upstream", optional, {"All endpoints of it change.", "orders"}),
           field<T, &T::endpoint>("endpoint", optional, {"This one changes.", "127.0.0.1:9001"}),
           field<T, &T::change>("change", optional, {"How; keys of a behaviour.", "{slowdown: 4}"}),
           field<T, &T::link>("link", optional, {"This fault proxy changes.", "to-orders"}),
           field<T, &T::faults>("faults", optional, {"Its faults from now on.", "[blackhole]"},
                                {0, drill::kMostFaults}),
           field<T, &T::traffic>("traffic", optional, {"This traffic changes.", "external"}),
           field<T, &T::rate>("rate", optional, {"Its rate from now on.", "400/s"}),
           field<T, &T::kill>("kill", optional,
                              {"The process of this endpoint ends at once.", "127.0.0.1:9001"}),
           field<T, &T::start>("start", optional,
                               {"It is started again, as it was at first.", "127.0.0.1:9001"}),
           field<T, &T::freeze>("freeze", optional, {"It stops doing anything.", "127.0.0.1:9001"}),
           field<T, &T::thaw>("thaw", optional, {"It goes on.", "127.0.0.1:9001"})},
      .one_of = {"gateway", "apply", "upstream", "endpoint", "link", "traffic", "kill", "start",
                 "freeze", "thaw"},
      .at_most_one = {"change", "faults", "rate"}};
  return table;
}

template <>
const Object& object<drill::ExpectSpec>() {
  using T = drill::ExpectSpec;
  static const Object table{
      .name = "expect",
      .doc = "What has to come of the requests of a window.",
      .fields = {
          field<T, &T::name>("name", optional, {"What it shows.", "payments stay whole"}),
          field<T, &T::from>("from", defaulted, {"Requests that came from then on,", "30s"}),
          field<T, &T::to>("to", optional, {"and before this; left out: to the end.", "60s"}),
          field<T, &T::traffic>("traffic", optional, {"Of this traffic alone.", "external"}),
          field<T, &T::request>("request", optional, {"Requests of this name alone.", "orders"}),
          field<T, &T::requests>("requests", optional, {"How many there are.", "1000.."}),
          field<T, &T::good>("good", optional, {"How many are answered 2xx or 3xx.", "99..%"}),
          field<T, &T::outcomes>(
              "outcomes", optional,
              {"How many end how: a status, a cause of the gateway, or what the client saw.",
               "{limit_rejected: 25..35%}"},
              {0, 100}),
          field<T, &T::p50>("p50", optional, {"The median of their time.", "..50ms"}),
          field<T, &T::p99>("p99", optional, {"The 99th percentile of their time.", "..300ms"}),
          field<T, &T::within>(
              "within", defaulted,
              {"By how many percentage points a single share may be missed.", "1%"})}};
  return table;
}

template <>
const Object& object<drill::ScenarioSpec>() {
  using T = drill::ScenarioSpec;
  static const Object table{
      .name = "scenario",
      .doc = "The whole file.",
      .fields = {
          field<T, &T::version>("version", required, {"The version of this language.", "1"},
                                {1, 1}),
          field<T, &T::name>("name", optional, {"What it is called.", "a slow upstream"}),
          field<T, &T::gateway>(
              "gateway", required,
              {"The gateway's configuration, relative to this file.", "gateway.yaml"}),
          field<T, &T::seed>("seed", defaulted, {"Chance is drawn from it.", "1"},
                             {0, std::numeric_limits<std::uint32_t>::max()}),
          field<T, &T::duration>("duration", required, {"How long the traffic lasts.", "60s"}),
          field<T, &T::upstreams>(
              "upstreams", optional,
              {"The services.", "[{name: orders, endpoints: [127.0.0.1:9001]}]"}, {0, 256}),
          field<T, &T::links>("links", optional,
                              {"The fault proxies.", "[{name: to-orders, before: orders}]"},
                              {0, 256}),
          field<T, &T::traffic>(
              "traffic", required,
              {"Who asks what.", "[{name: all, rate: 50/s, requests: [{name: home, path: /}]}]"},
              {1, 64}),
          field<T, &T::events>(
              "events", optional,
              {"What changes when.", "[{at: 30s, upstream: orders, change: {slowdown: 4}}]"},
              {0, 10'000}),
          field<T, &T::expect>("expect", optional, {"What has to come of it.", "[{good: 99..%}]"},
                               {0, 1000})}};
  return table;
}

}  // namespace weir::config

namespace weir::drill {

const config::Object& scenario_object() { return config::object<ScenarioSpec>(); }

std::string print_given(const Behaviour& change) {
  config::Yaml out;
  for (const config::Field& field : config::object<Behaviour>().fields) {
    if (field.given(&change).known()) out.add(field.key, field.write(&change));
  }
  return config::flow(out);
}

void decode_scenario(const config::Node& node, config::Diagnostics& diagnostics,
                     ScenarioSpec& spec) {
  config::Decoder(diagnostics, scenario_object()).decode_object(scenario_object(), node, &spec);
}

}  // namespace weir::drill
