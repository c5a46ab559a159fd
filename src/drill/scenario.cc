#include "drill/scenario.h"

#include <algorithm>
#include <string>
#include <unordered_map>

#include "config/cases.h"
#include "config/complaint.h"
#include "config/node.h"
#include "config/rules.h"
#include "drill/tally.h"
#include "fmt/core.h"
#include "model/cause.h"

namespace weir::drill {

void decode_scenario(const config::Node& node, config::Diagnostics& diagnostics,
                     ScenarioSpec& spec);  // scenario_schema.cc

namespace {

using config::quote;
using config::Rule;
using Names = std::unordered_map<std::string_view, config::Span>;

constexpr Nanos kLongestRun = std::chrono::hours(24);

bool is_outcome(std::string_view word) {
  const bool status = word.size() == 3 && word[0] >= '1' && word[0] <= '5' &&
                      word.find_first_not_of("0123456789") == std::string_view::npos;
  return status || std::ranges::find(saw::kAll, word) != saw::kAll.end() ||
         cause_from_name(word).value_or(Cause::none) != Cause::none;
}

class Check {
 public:
  Check(const ScenarioSpec& spec, config::Diagnostics& diagnostics)
      : spec_(spec), diagnostics_(diagnostics) {}

  void all() {
    if (spec_.duration.value.value <= Nanos(0) || spec_.duration.value.value > kLongestRun)
      add(Rule::out_of_range, spec_.duration.at, "the duration is not between 1us and 24h",
          "write duration: 60s");
    for (const auto& upstream : spec_.upstreams.value) {
      define(upstreams_, "upstream", upstream.value.name);
      for (const auto& endpoint : upstream.value.endpoints.value)
        unique(endpoints_, "endpoint", endpoint.value.written, endpoint.at);
    }
    for (const auto& link : spec_.links.value) define(links_, "link", link.value.name);
    for (const auto& link : spec_.links.value) check_link(link.value);
    for (const auto& traffic : spec_.traffic.value) {
      define(traffic_, "traffic", traffic.value.name);
      Names own;
      for (const auto& request : traffic.value.requests.value) {
        unique(own, "request", request.value.name.value.text, request.value.name.at);
        requests_.try_emplace(request.value.name.value.text, request.value.name.at);
      }
      for (const auto& word : traffic.value.retry.value.on.value) check_outcome(word);
      if (traffic.value.burst.value.mean.given() && traffic.value.burst.value.mean.value.value < 1)
        add(Rule::out_of_range, traffic.value.burst.value.mean.at, "a burst has a request at least",
            "write mean: 4");
    }
    for (const auto& event : spec_.events.value) check_event(event.value, event.at);
    for (const auto& expect : spec_.expect.value) check_expect(expect.value, expect.at);
  }

 private:
  void add(Rule rule, config::Span at, std::string message, std::string remedy) {
    diagnostics_.add(rule, at, std::move(message), std::move(remedy));
  }
  void unique(Names& names, std::string_view what, std::string_view name, config::Span at) {
    const auto [first, fresh] = names.try_emplace(name, at);
    if (fresh || name.empty()) return;
    diagnostics_
        .add(Rule::duplicate_name, at, fmt::format("{} {} is there twice", what, quote(name)),
             "give each its own")
        .notes.push_back({first->second, "the first one is here"});
  }
  void define(Names& names, std::string_view what, const Given<config::Name>& name) {
    unique(names, what, name.value.text, name.at);
  }
  bool known(const Names& names, std::string_view what, const Given<config::Word>& word) {
    if (!word.given() || names.contains(word.value.text)) return true;
    std::vector<std::string_view> all;
    for (const auto& [name, at] : names) all.push_back(name);
    std::ranges::sort(all);
    const std::string_view near = config::nearest(word.value.text, all);
    std::string list;
    for (const std::string_view name : all)
      list += (list.empty() ? "" : ", ") + config::printable(name);
    add(Rule::unknown_reference, word.at,
        fmt::format("there is no {} {}", what, quote(word.value.text)),
        !near.empty()  ? fmt::format("did you mean {}?", near)
        : list.empty() ? fmt::format("the scenario has none; add one")
                       : fmt::format("there are {}", list));
    return false;
  }
  // One that never comes would make an expectation of none hold always.
  void check_outcome(const Given<config::Word>& word) {
    if (is_outcome(word.value.text)) return;
    std::vector<std::string_view> all(saw::kAll.begin(), saw::kAll.end());
    for (std::uint8_t cause = 1; cause < static_cast<std::uint8_t>(Cause::count_); ++cause)
      all.push_back(info(static_cast<Cause>(cause)).name);
    const std::string_view near = config::nearest(word.value.text, all);
    add(Rule::unknown_reference, word.at, fmt::format("{} is no outcome", quote(word.value.text)),
        near.empty()
            ? "write a status (\"503\"), a cause (limit_rejected) or what a client sees (reset)"
            : fmt::format("did you mean {}?", near));
  }
  void check_link(const LinkSpec& link) {
    const std::string& before = link.before.value.text;
    if (before == "gateway" || upstreams_.contains(before)) return;
    known(endpoints_, "endpoint or upstream", link.before);
  }
  void check_event(const EventSpec& event, config::Span at) {
    if (event.at.value.value >= spec_.duration.value.value && event.at.given())
      add(Rule::out_of_range, event.at.at, "this is not before the end of the traffic",
          "write an earlier time, or a longer duration");
    known(upstreams_, "upstream", event.upstream);
    known(links_, "link", event.link);
    known(traffic_, "traffic", event.traffic);
    for (const auto* endpoint :
         {&event.endpoint, &event.kill, &event.start, &event.freeze, &event.thaw})
      known(endpoints_, "endpoint", *endpoint);
    const auto pair = [&](bool one, bool other, std::string_view what, std::string_view with,
                          std::string_view example) {
      if (one == other) return;
      add(Rule::missing_key, at,
          one ? fmt::format("{} without {}", what, with) : fmt::format("{} without {}", with, what),
          fmt::format("write {}", example));
    };
    pair(event.upstream.given() || event.endpoint.given(), event.change.given(),
         "an upstream or endpoint", "change", "{at: 30s, upstream: orders, change: {slowdown: 4}}");
    pair(event.link.given(), event.faults.given(), "a link", "faults",
         "{at: 30s, link: to-orders, faults: [blackhole]}");
    pair(event.traffic.given(), event.rate.given(), "traffic", "rate",
         "{at: 30s, traffic: external, rate: 400/s}");
  }
  void check_expect(const ExpectSpec& expect, config::Span at) {
    known(traffic_, "traffic", expect.traffic);
    known(requests_, "request", expect.request);
    for (const auto& [word, wanted] : expect.outcomes.value.entries) check_outcome(word);
    if (expect.requests.value.share)
      add(Rule::conflict, expect.requests.at,
          "requests are counted: a share of them is all of them",
          "write requests: 100.., or a share of good or of an outcome");
    const Nanos to = expect.to.given() ? expect.to.value.value : spec_.duration.value.value;
    if (expect.from.value.value >= to)
      add(Rule::out_of_range, expect.from.given() ? expect.from.at : expect.to.at,
          "the window is empty", "write from before to");
    if (!expect.requests.given() && !expect.good.given() && !expect.outcomes.given() &&
        !expect.p50.given() && !expect.p99.given())
      add(Rule::missing_key, at, "nothing is expected of this window", "add good: 99..%");
  }

  const ScenarioSpec& spec_;
  config::Diagnostics& diagnostics_;
  Names upstreams_, endpoints_, links_, traffic_, requests_;
};

}  // namespace

ScenarioSpec read_scenario(std::string_view text, config::Diagnostics& diagnostics) {
  ScenarioSpec spec;
  const auto tree = config::parse(0, text, {}, diagnostics);
  if (!tree) return spec;
  if (tree->documents.empty()) {
    diagnostics.add(Rule::missing_key, {.file = 0, .line = 1, .column = 1, .length = 0},
                    "the scenario is empty",
                    "write version: 1, gateway: gateway.yaml, duration: 60s and traffic: [...]");
    return spec;
  }
  if (tree->documents.size() > 1)
    diagnostics.add(Rule::conflict, tree->documents[1].at, "a second document begins here",
                    "a scenario is one document: remove the ---");
  decode_scenario(tree->documents[0], diagnostics, spec);
  Check(spec, diagnostics).all();
  diagnostics.sort();
  return spec;
}

std::string describe(const EventSpec& event) {
  if (event.name.given()) return event.name.value.text;
  if (event.apply.given()) return "apply " + event.apply.value.text;
  for (const auto& [word, at] : {std::pair("kill", &event.kill),
                                 {"start", &event.start},
                                 {"freeze", &event.freeze},
                                 {"thaw", &event.thaw}}) {
    if (at->given()) return fmt::format("{} {}", word, at->value.text);
  }
  if (event.change.given())
    return fmt::format(
        "{}: {}", event.upstream.given() ? event.upstream.value.text : event.endpoint.value.text,
        print_given(event.change.value));
  if (event.traffic.given())
    return fmt::format("{}: {}", event.traffic.value.text, config::print_rate(event.rate.value));
  if (event.link.given()) {
    std::string faults;
    for (const auto& fault : event.faults.value)
      faults += (faults.empty() ? "" : ", ") + print_fault(fault.value);
    return fmt::format("{}: {}", event.link.value.text, faults.empty() ? "no fault" : faults);
  }
  std::string values;
  for (const auto& [path, value] : event.gateway.value.entries)
    values +=
        fmt::format("{}{} = {}", values.empty() ? "" : ", ", path.value.text, value.value.text);
  return "gateway: " + values;
}

}  // namespace weir::drill
