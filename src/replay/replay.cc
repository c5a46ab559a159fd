#include "replay/replay.h"

#include <algorithm>

#include "decide/decide.h"

namespace weir::replay {
namespace {

bool misses_address(const Limit& limit, AddressDetail detail, bool caller_is_address) {
  return std::ranges::any_of(limit.key, [&](const KeyPart& part) {
    switch (part.kind) {
      case KeyKind::caller: return caller_is_address && detail == AddressDetail::net;
      case KeyKind::client_ip: return detail == AddressDetail::net;
      case KeyKind::client_net: return detail == AddressDetail::keyed;
      default: return false;
    }
  });
}

bool misses_value(const Limit& limit, const Facts& facts) {
  const auto unrecorded = [](std::span<const WatchedValue> values, std::uint16_t index) {
    return index < values.size() && values[index].state == WatchedValue::State::unrecorded;
  };
  return std::ranges::any_of(limit.key, [&](const KeyPart& part) {
    return (part.kind == KeyKind::header && unrecorded(facts.headers, part.watched)) ||
           (part.kind == KeyKind::query && unrecorded(facts.queries, part.watched));
  });
}

}  // namespace

Replay::Replay(const Policy& policy, const NameTable& names, const record::Recording& recording, ReplayOptions options)
    : policy_(policy), recording_(recording), options_(options), rebuilder_(policy, names, recording, options.seed),
      limits_(options.limit_cells), in_flight_(std::max<std::size_t>(policy.endpoints.size(), 1) * 2) {}

Replay::~Replay() = default;

Replay::Answer Replay::decide(const Arrival& arrival) {
  const Rebuilt rebuilt = rebuilder_.rebuild(arrival);
  if (rebuilt.why == Unjudged::no_facts || rebuilt.why == Unjudged::shape_lost) return {.why = rebuilt.why, .verdict = {}};

  const decide::State state{.limits = limits_, .balancer = balancer(arrival.exchange.worker),
                            .conditions = conditions(arrival.conditions), .seed = options_.seed};
  decide::Decision decision(policy_, state, {.stamp = arrival.stamp, .exchange = arrival.exchange});
  if (decision.on_head(rebuilt.facts) == decide::Step::need_evidence) {
    if (!rebuilt.evidence_known) return {.why = Unjudged::identity, .verdict = {}};
    decision.on_evidence(rebuilt.facts, rebuilt.evidence);
  }
  Answer answer{.why = rebuilt.why, .verdict = decision.verdict()};
  if (answer.why == Unjudged::none) answer.why = what_limits_miss(rebuilt, answer.verdict);
  return answer;
}

Unjudged Replay::what_limits_miss(const Rebuilt& rebuilt, const Verdict& verdict) const {
  if (!verdict.route.valid()) return Unjudged::none;
  const bool by_address = verdict.caller.kind == CallerRef::Kind::address;
  for (const LimitId id : policy_.routes[verdict.route.index()].limits) {
    const Limit& limit = policy_.limits[id.index()];
    if (misses_address(limit, rebuilt.address, by_address)) return Unjudged::address;
    if (misses_value(limit, rebuilt.facts)) return Unjudged::value;
  }
  return Unjudged::none;
}

decide::Balancer& Replay::balancer(WorkerId worker) {
  std::unique_ptr<decide::Balancer>& balancer = balancers_[worker.value];
  if (balancer == nullptr) balancer = std::make_unique<decide::Balancer>(worker, in_flight_);
  return *balancer;
}

// The conditions of that number, for the endpoints of this policy; all usable where they were not recorded.
const Conditions& Replay::conditions(std::uint64_t number) {
  const auto [at, fresh] = conditions_.try_emplace(number);
  if (!fresh) return at->second;
  at->second.number = number;
  const auto recorded = std::ranges::find(recording_.conditions, number, &record::RecordedConditions::number);
  for (const Endpoint& endpoint : policy_.endpoints) {
    const bool unusable = recorded != recording_.conditions.end() &&
                          std::ranges::find(recorded->unusable, endpoint.identity) != recorded->unusable.end();
    at->second.endpoints.push_back({.usable = !unusable, .addresses = {}});
  }
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
