#include "replay/replay.h"

namespace weir::replay {

Replay::Replay(const Policy& policy, const NameTable& names, const record::Recording& recording, ReplayOptions options)
    : recording_(recording), rebuilder_(policy, names, recording, options.seed), decider_(policy, options) {}

Replay::~Replay() = default;

Replay::Answer Replay::decide(const Arrival& arrival) {
  return decider_.decide({.stamp = arrival.stamp, .exchange = arrival.exchange}, rebuilder_.rebuild(arrival),
                         conditions(arrival.conditions));
}

const Conditions& Replay::conditions(std::uint64_t number) {
  const auto [at, fresh] = conditions_.try_emplace(number);
  if (fresh) at->second = recorded_conditions(recording_, number, decider_.policy());
  return at->second;
}

ExactReport compare_with_recorded(const Policy& policy, const NameTable& names, const record::Recording& recording,
                                  const ReplayOptions& options) {
  ExactReport report;
  Replay replay(policy, names, recording, options);
  for (const Arrival& arrival : recording.arrivals) {
    if (arrival.revision != policy.revision) {
      ++report.other_revisions;
      continue;
    }
    ++report.arrivals;
    const Replay::Answer answer = replay.decide(arrival);
    if (answer.why != Unjudged::none) {
      ++report.unjudged[static_cast<std::size_t>(answer.why)];
      continue;
    }
    ++report.judged;
    const Verdict& verdict = answer.verdict;
    const std::string_view route = verdict.route.valid() ? names.text(policy.routes[verdict.route.index()].name) : "";
    const std::string_view rule = names.text(verdict.rule.name);
    if (verdict.cause == arrival.cause && route == recording.names.text(arrival.route) &&
        rule == recording.names.text(arrival.rule)) {
      continue;
    }
    ++report.differing;
    if (report.examples.size() == ExactReport::kExamples) continue;
    report.examples.push_back({.exchange = arrival.exchange, .stamp = arrival.stamp,
                               .recorded = {.cause = arrival.cause, .route = std::string(recording.names.text(arrival.route)),
                                            .rule = std::string(recording.names.text(arrival.rule))},
                               .decided = {.cause = verdict.cause, .route = std::string(route), .rule = std::string(rule)}});
  }
  return report;
}

}  // namespace weir::replay
