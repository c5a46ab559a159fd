#include "decide/admission.h"

#include <algorithm>

#include "decide/known_callers.h"
#include "decide/limits.h"

namespace weir::decide {
namespace {

NotAdmitted refused_by(const ConcurrencyLimit& limit) {
  return {.cause = Cause::concurrency_rejected, .rule = {.kind = Rule::Kind::concurrency, .name = limit.name, .source = limit.source}};
}

NotAdmitted shed_by(const Upstream& upstream) {
  return {.cause = Cause::shed_overload,
          .rule = {.kind = Rule::Kind::overload, .name = upstream.name,
                   .source = upstream.adaptive_limit ? upstream.adaptive_limit->source : upstream.source}};
}

NotAdmitted broken_by(const Upstream& upstream) {
  return {.cause = Cause::breaker_open,
          .rule = {.kind = Rule::Kind::breaker, .name = upstream.name,
                   .source = upstream.breaker ? upstream.breaker->source : upstream.source}};
}

NotAdmitted too_late(const Upstream& upstream) {
  return {.cause = Cause::deadline_expired, .rule = {.kind = Rule::Kind::timeout, .name = upstream.name, .source = upstream.source}};
}

NotAdmitted short_of(const OverloadRules& rules, NameId resource) {
  return {.cause = Cause::gateway_overloaded, .rule = {.kind = Rule::Kind::overload, .name = resource, .source = rules.source}};
}

bool is_known(const AdmissionQuestion& question) {
  return is_known(question.own.known, question.caller, question.facts, question.seed);
}

// As it was then, where the rule that refused is there.
std::optional<NotAdmitted> carry_over(const AdmissionQuestion& question, const Upstream& upstream) {
  switch (question.carried->cause) {
    case Cause::shed_overload: return shed_by(upstream);
    case Cause::breaker_open: return broken_by(upstream);
    case Cause::deadline_expired: return too_late(upstream);
    case Cause::gateway_overloaded: return short_of(question.policy.overload, question.carried->rule);
    case Cause::concurrency_rejected:
      for (const std::uint16_t index : question.policy.settings_of(question.route).concurrency) {
        const ConcurrencyLimit& limit = question.policy.concurrency_limits[index];
        if (limit.name == question.carried->rule && means(limit.who, question.caller)) return refused_by(limit);
      }
      return std::nullopt;
    default: return std::nullopt;
  }
}

// How many are under way under this identity, with this one; held where it is spent.
std::uint64_t enter(const AdmissionQuestion& question, std::uint64_t identity, limits::InFlight::Hold& hold) {
  if (!question.spend) return question.in_flight.count(identity) + 1;
  hold = question.in_flight.enter(identity);
  return hold.count();
}

std::optional<NotAdmitted> ask_own_load(const AdmissionQuestion& question) {
  const OwnLoad& own = question.own;
  if (own.level == ShedLevel::none) return std::nullopt;
  const OverloadRules& rules = question.policy.overload;
  const Priority priority = question.route.priority;
  if (own.level >= refused_from(priority, true) || (own.level >= refused_from(priority, false) && !is_known(question))) {
    return short_of(rules, rules.names[static_cast<std::size_t>(own.shortest)]);
  }
  const bool old = own.queue_stands && question.facts.waited > QueueLevel::kInterval;
  if (old && priority != Priority::critical) return short_of(rules, rules.names[static_cast<std::size_t>(OwnResource::loop)]);
  return std::nullopt;
}

// What is left of a deadline that a peer told is in the facts already.
std::optional<NotAdmitted> ask_waited(const AdmissionQuestion& question, const Upstream& upstream) {
  if (question.facts.waited == Nanos(0)) return std::nullopt;
  const OptionalTime& total = question.policy.timeouts_of(question.route).total;
  if (total && question.facts.waited >= total->value) return too_late(upstream);
  return std::nullopt;
}

bool sheds(const AdmissionQuestion& question, std::uint32_t limit, std::uint64_t under_way) {
  const Priority priority = question.route.priority;
  if (under_way <= share_of(limit, priority, false)) return false;
  return under_way > share_of(limit, priority, true) || !is_known(question);
}

std::optional<NotAdmitted> ask_concurrency(const AdmissionQuestion& question, Held& held) {
  std::size_t next = 1;
  for (const std::uint16_t index : question.policy.settings_of(question.route).concurrency) {
    const ConcurrencyLimit& limit = question.policy.concurrency_limits[index];
    if (!means(limit.who, question.caller)) continue;
    const bool known = question.client != nullptr && question.client->concurrency == index;
    const KeyResult key = known ? KeyResult{.key = {.hash = question.client->concurrency_key}}
                                : key_of({.route = question.route, .facts = question.facts, .caller = question.caller, .seed = question.seed},
                                         limit.key, limit.cells);
    if (key.applies == LimitApplies::yes && enter(question, key.key.hash, held[next++]) > limit.max_in_flight) return refused_by(limit);
  }
  return std::nullopt;
}

std::optional<NotAdmitted> ask_upstream(const AdmissionQuestion& question, const Upstream& upstream, Held& held) {
  const auto& deadline = question.facts.deadline;
  if (!upstream.breaker && !upstream.adaptive_limit && !deadline) return std::nullopt;
  const auto& all = question.conditions.upstreams;
  const UpstreamConditions state = question.upstream.index() < all.size() ? all[question.upstream.index()] : UpstreamConditions{};
  if (deadline && *deadline <= std::chrono::milliseconds(state.fastest_ms)) return too_late(upstream);
  if (!upstream.breaker && !upstream.adaptive_limit) return std::nullopt;
  if (state.breaker == BreakerState::open) return broken_by(upstream);
  const std::uint64_t under_way = enter(question, in_flight_identity(upstream), held[0]);
  if (state.limit > 0 && sheds(question, state.limit, under_way)) return shed_by(upstream);
  if (!upstream.breaker) return std::nullopt;
  if (state.breaker == BreakerState::half_open && under_way > upstream.breaker->probes) return broken_by(upstream);
  if (upstream.breaker->max_in_flight > 0 && under_way > upstream.breaker->max_in_flight) return broken_by(upstream);
  return std::nullopt;
}

}  // namespace

std::optional<NotAdmitted> admit(const AdmissionQuestion& question, Held& held) {
  const Upstream& upstream = question.policy.upstreams[question.upstream.index()];
  if (question.carried != nullptr) return carry_over(question, upstream);
  auto refused = ask_own_load(question);
  if (!refused) refused = ask_waited(question, upstream);
  if (!refused) refused = ask_concurrency(question, held);
  if (!refused) refused = ask_upstream(question, upstream, held);
  if (refused) held = Held();
  return refused;
}

std::uint64_t in_flight_identity(const Upstream& upstream) { return mix(0x7570737472656d00 ^ upstream.name.value); }

std::uint64_t share_of(std::uint32_t limit, Priority priority, bool known) {
  const std::uint64_t quarters = priority == Priority::critical ? 6 : priority == Priority::normal ? 4 : 3;
  return std::max<std::uint64_t>(1, limit * quarters * (known ? 8 : 7) / 32);
}

bool all_full(const Policy& policy, const Upstream& upstream, const Conditions& conditions, const limits::InFlight& in_flight) {
  if (!upstream.breaker || upstream.breaker->max_in_flight_per_endpoint == 0) return false;
  bool any = false;
  for (std::uint32_t i = upstream.first_endpoint; i < upstream.first_endpoint + upstream.endpoint_count; ++i) {
    if (policy.endpoints[i].weight == 0 || (i < conditions.endpoints.size() && !conditions.endpoints[i].usable)) continue;
    any = true;
    if (in_flight.count(policy.endpoints[i].identity) < upstream.breaker->max_in_flight_per_endpoint) return false;
  }
  return any;
}

}  // namespace weir::decide
