#include "replay/decider.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "decide/learned.h"
#include "decide/overlay.h"

namespace weir::replay {
namespace {

using Key = std::span<const KeyPart>;

bool misses_address(Key key, AddressDetail detail, bool caller_is_address) {
  return std::ranges::any_of(key, [&](const KeyPart& part) {
    switch (part.kind) {
      case KeyKind::caller:
        return caller_is_address && detail == AddressDetail::net;
      case KeyKind::client_ip:
        return detail == AddressDetail::net;
      case KeyKind::client_net:
        return detail == AddressDetail::keyed;
      default:
        return false;
    }
  });
}

bool misses_value(Key key, const Facts& facts) {
  const auto unrecorded = [](std::span<const WatchedValue> values, std::uint16_t index) {
    return index < values.size() && values[index].state == WatchedValue::State::unrecorded;
  };
  return std::ranges::any_of(key, [&](const KeyPart& part) {
    return (part.kind == KeyKind::header && unrecorded(facts.headers, part.watched)) ||
           (part.kind == KeyKind::query && unrecorded(facts.queries, part.watched));
  });
}

// A net that is finer than what was kept of the address.
bool misses_net(const Overlay& overlay, const Rebuilt& rebuilt) {
  const unsigned kept = rebuilt.address == AddressDetail::keyed ? 0 : rebuilt.facts.client.family == Address::Family::v4 ? 24 : 48;
  return std::ranges::any_of(overlay.restraints, [&](const Restraint& each) { return each.net && each.net->prefix > kept; });
}

const CallerPeaks kNobody;

bool asks_who(const Limit& limit) {
  return !limit.who.everyone() || !limit.overrides.empty() ||
         std::ranges::any_of(limit.key,
                             [](const KeyPart& part) { return part.kind == KeyKind::caller; });
}

}  // namespace

std::string_view to_string(Unjudged why) {
  switch (why) {
    case Unjudged::none:
      return "none";
    case Unjudged::no_facts:
      return "no_facts";
    case Unjudged::shape_lost:
      return "shape_lost";
    case Unjudged::path:
      return "path";
    case Unjudged::value:
      return "value";
    case Unjudged::identity:
      return "identity";
    case Unjudged::address:
      return "address";
    case Unjudged::host:
      return "host";
    case Unjudged::hops:
      return "hops";
    case Unjudged::external_auth:
      return "external_auth";
    case Unjudged::learned:
      return "learned";
    case Unjudged::count_:
      break;
  }
  return "none";
}

Decider::Decider(const Policy& policy, DeciderOptions options)
    : policy_(policy),
      options_(options),
      no_evidence_(policy.identities.size()),
      own_limits_(options.limits == nullptr
                      ? std::make_unique<decide::limits::Table>(options.limit_cells)
                      : nullptr),
      limits_(options.limits == nullptr ? own_limits_.get() : options.limits),
      in_flight_(std::max<std::size_t>(policy.endpoints.size(), 1) * 2) {
  learns_ = decide::learns(policy);
  WEIR_CHECK(limits_->restore(std::exchange(options_.owed, {})));
  const bool all_asked = policy.overlay != nullptr && decide::asks_who(*policy.overlay);
  for (const Route& route : policy.routes) {
    asks_who_.push_back(all_asked || !policy.settings_of(route).auth.require.empty() ||
                        std::ranges::any_of(route.limits, [&](LimitId id) {
                          return asks_who(policy.limits[id.index()]);
                        }));
  }
}

Decider::Answer Decider::decide(const Event& event, const Rebuilt& rebuilt,
                                const Conditions& conditions) {
  begin({.event = event, .rebuilt = &rebuilt, .conditions = &conditions}, halves_[0]);
  return end(halves_[0]);
}

void Decider::begin(const Question& question, Half& half) {
  half.question = question;
  half.asked.clear();
  half.decision.reset();
  const Rebuilt& rebuilt = *question.rebuilt;
  if (rebuilt.why == Unjudged::no_facts || rebuilt.why == Unjudged::shape_lost) return;

  const decide::State state{.limits = *limits_,
                            .asked = half.asked,
                            .balancer = balancer(question.event.exchange.worker),
                            .conditions = *question.conditions,
                            .in_flight = in_flight_,
                            .seed = options_.seed};
  decide::Decision& decision = half.decision.emplace(policy_, state, question.event.exchange,
                                                    decide::Decision::Options{.carried = &rebuilt.carried,
                                                                              .client = rebuilt.client ? &*rebuilt.client : nullptr,
                                                                              .answers = false});
  half.step = rebuilt.routed ? decision.on_routed(rebuilt.facts, *rebuilt.routed)
                             : decision.on_head(rebuilt.facts);
  if (half.step != decide::Step::need_evidence) return;
  const bool known = rebuilt.evidence_known;
  if (known || !asks_who_[decision.verdict().route.index()]) {
    half.step = decision.on_evidence(
        rebuilt.facts, known ? rebuilt.evidence : std::span<const Evidence>(no_evidence_));
  }
}

Decider::Seen Decider::end(Half& half) {
  static const Verdict kNone;
  const Rebuilt& rebuilt = *half.question.rebuilt;
  asked_ = {};
  if (!half.decision) return {.why = rebuilt.why, .verdict = kNone};
  decide::Decision& decision = *half.decision;
  if (half.step != decide::Step::decided)
    half.step = decision.on_stamp(rebuilt.facts, half.question.event.stamp);
  asked_ = half.asked.all();
  Seen seen{.why = rebuilt.why, .verdict = decision.verdict()};
  if (half.step == decide::Step::need_evidence)
    seen.why = Unjudged::identity;
  else if (seen.why == Unjudged::none)
    seen.why = what_limits_miss(rebuilt, seen.verdict);
  if (seen.why == Unjudged::none && learns_ && misses_past(*half.question.conditions))
    seen.why = Unjudged::learned;
  if (seen.why == Unjudged::none && seen.verdict.asks && !rebuilt.asked_auth)
    seen.why = Unjudged::external_auth;
  return seen;
}

Unjudged Decider::what_limits_miss(const Rebuilt& rebuilt, const Verdict& verdict) const {
  if (!verdict.route.valid()) return Unjudged::none;
  const bool whole = rebuilt.address == AddressDetail::full;
  if (!whole && policy_.overlay != nullptr && misses_net(*policy_.overlay, rebuilt)) return Unjudged::address;
  if (whole && rebuilt.facts.headers.empty() && rebuilt.facts.queries.empty())
    return Unjudged::none;
  const bool by_address = verdict.caller.kind == CallerRef::Kind::address;
  for (const LimitId id : policy_.routes[verdict.route.index()].limits) {
    const Limit& limit = policy_.limits[id.index()];
    if (misses_address(limit.key, rebuilt.address, by_address)) return Unjudged::address;
    if (misses_value(limit.key, rebuilt.facts)) return Unjudged::value;
  }
  return Unjudged::none;
}

bool Decider::misses_past(const Conditions& conditions) const {
  return conditions.learned == nullptr && std::ranges::any_of(asked_, [](const decide::AskedLimit& asked) {
    return asked.limit->learned && asked.over == nullptr;
  });
}

PickKnown pick_known(const Policy& policy, const Verdict& verdict, const Rebuilt& rebuilt) {
  const Upstream& upstream = policy.upstreams[verdict.upstream.index()];
  if (upstream.balance == BalanceKind::peak_ewma) return PickKnown::latencies;
  if (upstream.balance != BalanceKind::ring_hash) return PickKnown::yes;
  constexpr KeyPart kCaller{.kind = KeyKind::caller};
  const Key key = upstream.hash.key.empty() ? Key(&kCaller, 1) : Key(upstream.hash.key);
  const bool by_address = verdict.caller.kind == CallerRef::Kind::address;
  const bool by_caller =
      std::ranges::any_of(key, [](const KeyPart& part) { return part.kind == KeyKind::caller; });
  const bool misses = misses_address(key, rebuilt.address, by_address) ||
                      misses_value(key, rebuilt.facts) ||
                      (by_caller && !policy.identities.empty() && !rebuilt.evidence_known);
  return misses ? PickKnown::key : PickKnown::yes;
}

decide::Balancer& Decider::balancer(WorkerId worker) {
  if (worker.value >= balancers_.size()) balancers_.resize(std::size_t{worker.value} + 1);
  std::unique_ptr<decide::Balancer>& balancer = balancers_[worker.value];
  if (balancer == nullptr) balancer = std::make_unique<decide::Balancer>(worker, in_flight_);
  return *balancer;
}

Conditions all_usable(const Policy& policy) {
  Conditions conditions;
  conditions.endpoints.resize(policy.endpoints.size());
  conditions.learned = decide::learned_rates(policy, &kNobody);
  return conditions;
}

}  // namespace weir::replay
