#include "replay/replay.h"

namespace weir::replay {

Replay::Replay(const Policy& policy, const NameTable& names, const record::Recording& recording, ReplayOptions options)
    : rebuilder_(policy, names, recording, options.seed), decider_(policy, options), conditions_(recording, policy) {}

Replay::~Replay() = default;

Replay::Answer Replay::decide(const record::RecordedArrival& arrival) {
  return decider_.decide({.stamp = arrival.stamp, .exchange = arrival.exchange}, rebuilder_.rebuild(arrival),
                         conditions_.of(arrival));
}

ExactReport compare_with_recorded(const Policy& policy, const NameTable& names, const record::Recording& recording,
                                  const ReplayOptions& options) {
  ExactReport report;
  Replay replay(policy, names, recording, options);
  for (const record::RecordedArrival& arrival : recording.arrivals) {
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
