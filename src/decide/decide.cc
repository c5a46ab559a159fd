// In order: route, loop, overrides, limits before_auth, identity, other limits, admission, endpoint. Each step either ends the decision
// by refuse() or hands on to the next; the text below reads in that order.
#include "decide/decide.h"

#include <utility>

#include "base/check.h"
#include "decide/hash_slots.h"
#include "decide/overlay.h"

namespace weir::decide {
namespace {

static_assert(sizeof(Verdict) <= 192, "a verdict is copied into every exchange");

constexpr HashKey kHashing{0x72696e675f686173ULL, 0x686173685f6b6579ULL};   // apart from the keys of limits
constexpr Nanos kNoEndpointWait = std::chrono::seconds(1);

// Half as long again at most: callers that were refused together do not come back together.
Nanos jittered(Nanos wait, HashKey seed, ExchangeId exchange) {
  const std::uint64_t half = static_cast<std::uint64_t>(wait.count()) / 2;
  return wait + Nanos(static_cast<std::int64_t>(scale(draw(seed, exchange, Purpose::retry_after, 0), half + 1)));
}

}  // namespace

Decision::Decision(const Policy& policy, State state, ExchangeId exchange, Options options)
    : policy_(policy), state_(state), exchange_(exchange), options_(options) {
  state_.asked.clear();
}

Step Decision::on_head(const Facts& facts) {
  return on_routed(facts, match_route(policy_, facts, state_.seed, options_.trace));
}

Step Decision::on_routed(const Facts& facts, const Matched& matched) {
  const Caller nobody_yet = options_.client == nullptr
                                ? address_caller(facts.client, state_.seed)
                                : Caller{.ref = {.kind = CallerRef::Kind::address, .rule = IdentityId::none(), .digest = options_.client->caller}, .subject = {}, .groups = {}};
  verdict_.caller = nobody_yet.ref;
  if (!matched.route.valid()) return refuse(matched.cause);
  verdict_.route = matched.route;
  verdict_.rule = {.kind = Rule::Kind::route, .name = route().name, .source = route().source};
  if (facts.encoded_slash && !route().encoded_slash_kept) return refuse(Cause::bad_request);
  if (facts.hops >= policy_.loop.depth) {
    verdict_.rule = {.kind = Rule::Kind::loop, .name = {}, .source = policy_.loop.source};
    return refuse(Cause::loop_detected);
  }

  if (policy_.overlay != nullptr && held_back(facts)) return Step::decided;
  gather_limits(question(facts, nobody_yet), LimitGroup::before_auth, state_.asked);
  before_auth_ = static_cast<std::uint8_t>(state_.asked.size());
  if (!policy_.identities.empty()) return Step::need_evidence;
  know(facts, nobody_yet, denied_status(settings().auth, {}));
  return Step::need_stamp;
}

// By an override, whoever asks.
bool Decision::held_back(const Facts& facts) {
  if (const Restraint* const block = block_of(*policy_.overlay, facts.client)) {
    refuse_blocked(*block);
    return true;
  }
  const NameId by = paused_by(*policy_.overlay, verdict_.route);
  if (!by.valid()) return false;
  verdict_.rule = {.kind = Rule::Kind::restraint, .name = by, .source = {}};
  verdict_.retry_after = jittered(kShedWait, state_.seed, exchange_);
  refuse(Cause::paused);
  return true;
}

Step Decision::refuse_blocked(const Restraint& by) {
  verdict_.rule = {.kind = Rule::Kind::restraint, .name = by.name, .source = {}};
  return refuse(Cause::caller_capped, 403);
}

Step Decision::on_evidence(const Facts& facts, std::span<const Evidence> evidence) {
  know(facts, judge(policy_, facts, evidence, state_.seed, options_.trace), denied_status(settings().auth, evidence));
  return Step::need_stamp;
}

void Decision::know(const Facts& facts, const Caller& caller, std::uint16_t denied) {
  WEIR_CHECK(!known_);
  known_ = true;
  caller_ = caller;
  denied_ = denied;
  if (policy_.overlay != nullptr) blocked_ = block_of(*policy_.overlay, caller_);
  if (denied == 0 && blocked_ == nullptr) gather_limits(question(facts, caller_), LimitGroup::after_auth, state_.asked);
}

Step Decision::on_stamp(const Facts& facts, Stamp now) {
  const std::span<AskedLimit> asked = state_.asked.all();
  if (!passed_before_auth_) {
    const Caller nobody_yet{.ref = verdict_.caller, .subject = {}, .groups = {}};
    if (!pass_limits(facts, nobody_yet, asked.first(before_auth_), now)) {
      state_.asked.shorten(before_auth_);
      return Step::decided;
    }
    passed_before_auth_ = true;
    if (!known_) return Step::need_evidence;
  }
  verdict_.caller = caller_.ref;
  if (options_.trace != nullptr) {
    const RouteAuth& auth = settings().auth;
    options_.trace->on_caller({.caller = caller_.ref, .subject = caller_.subject, .client = facts.client,
                               .require = auth.require.empty() ? nullptr : &auth, .satisfied = denied_ == 0});
  }
  if (blocked_ != nullptr) return refuse_blocked(*blocked_);
  if (denied_ != 0) {
    verdict_.rule = {.kind = Rule::Kind::auth, .name = route().name, .source = settings().auth.source};
    return refuse(Cause::auth_denied, denied_);
  }
  if (pass_limits(facts, caller_, asked.subspan(before_auth_), now)) act(facts, now);
  if (settings().auth.external == 0 || verdict_.action == Action::refuse) return Step::decided;
  verdict_.asks = true;
  if (options_.trace != nullptr) options_.trace->on_external_auth(*policy_.external_auth_of(route()));
  return Step::need_external_auth;
}

Step Decision::on_external_auth(AuthAnswer answer) {
  WEIR_CHECK(verdict_.asks);
  const ExternalAuth& asked = *policy_.external_auth_of(route());
  // Whoever makes a request too large to be asked about does not pass by that.
  const bool failed = answer.result == AuthResult::unavailable && answer.status == 0;
  const bool allowed = answer.result == AuthResult::allowed || (failed && asked.on_failure == ExternalAuth::OnFailure::allow);
  if (allowed) return Step::decided;
  verdict_.rule = {.kind = Rule::Kind::auth, .name = route().name, .source = asked.source};
  if (answer.result == AuthResult::denied) return refuse(Cause::auth_denied, answer.status);
  verdict_.retry_after = jittered(kNoEndpointWait, state_.seed, exchange_);
  return refuse(Cause::auth_unavailable);
}

LimitQuestion Decision::question(const Facts& facts, const Caller& caller) const {
  return {.policy = policy_, .route = route(), .facts = facts, .caller = caller, .table = state_.limits, .seed = state_.seed,
          .learned = state_.conditions.learned.get(), .trace = options_.trace, .client = options_.client, .answers = options_.answers};
}

bool Decision::pass_limits(const Facts& facts, const Caller& caller, std::span<AskedLimit> group, Stamp now) {
  if (group.empty()) return true;
  if (ask_limits(question(facts, caller), group, now, options_.spend, verdict_)) return true;
  verdict_.retry_after = jittered(verdict_.retry_after, state_.seed, exchange_);
  refuse(verdict_.cause);
  return false;
}

// All rules let it pass: what the route does with it.
void Decision::act(const Facts& facts, Stamp now) {
  if (const auto* redirect = std::get_if<Boxed<Redirect>>(&route().action)) {
    verdict_.action = Action::redirect;
    verdict_.cause = Cause::redirect;
    verdict_.status = (*redirect)->status;
    return;
  }
  if (const auto* direct = std::get_if<Boxed<DirectResponse>>(&route().action)) {
    verdict_.action = Action::direct_response;
    verdict_.cause = Cause::direct_response;
    verdict_.status = (*direct)->status;
    return;
  }
  verdict_.upstream = draw_upstream(std::get<Forward>(route().action).split, state_.seed, exchange_);
  if (options_.trace != nullptr) options_.trace->on_upstream(verdict_.upstream);
  if (verdict_.upstream.valid() && !admit(facts)) return;
  if (verdict_.upstream.valid()) hash_for(policy_.upstreams[verdict_.upstream.index()], facts);
  const auto endpoint = verdict_.upstream.valid() ? pick(0, now) : std::nullopt;
  if (!endpoint) return no_endpoint();
  verdict_.endpoint = *endpoint;
  verdict_.action = Action::forward;
  verdict_.cause = Cause::none;
  verdict_.status = 0;
}

void Decision::no_endpoint() {
  verdict_.retry_after = jittered(kNoEndpointWait, state_.seed, exchange_);
  if (verdict_.upstream.valid()) {
    const Upstream& upstream = policy_.upstreams[verdict_.upstream.index()];
    if (all_full(policy_, upstream, state_.conditions, state_.in_flight)) {
      verdict_.rule = {.kind = Rule::Kind::breaker, .name = upstream.name, .source = upstream.breaker->source};
      refuse(Cause::breaker_open);
      return;
    }
  }
  refuse(Cause::no_healthy_endpoint);
}

bool Decision::admit(const Facts& facts) {
  const auto refused = decide::admit({.policy = policy_, .route = route(), .upstream = verdict_.upstream, .facts = facts, .caller = caller_,
                                      .conditions = state_.conditions, .seed = state_.seed, .in_flight = state_.in_flight, .own = state_.own,
                                      .spend = options_.spend && !beside_, .carried = options_.carried, .client = options_.client}, held_);
  if (!refused) return true;
  verdict_.rule = refused->rule;
  verdict_.retry_after = jittered(kShedWait, state_.seed, exchange_);
  refuse(refused->cause);
  return false;
}

// What lacks the value that its upstream hashes by stays together by its caller.
void Decision::hash_for(const Upstream& upstream, const Facts& facts) {
  if (upstream.balance != BalanceKind::ring_hash) return;
  constexpr KeyPart kCaller{.kind = KeyKind::caller};
  const bool by_caller = upstream.hash.key.empty();
  const KeyResult own = key_of(question(facts, caller_).key(), by_caller ? std::span(&kCaller, 1) : std::span(upstream.hash.key), kHashing);
  const bool missing = own.applies != LimitApplies::yes;
  hash_ = (missing ? key_of(question(facts, caller_).key(), std::span(&kCaller, 1), kHashing) : own).key.hash;
  if (options_.trace == nullptr) return;
  options_.trace->on_hash({.by_caller = by_caller || missing, .missing = own.applies, .hash = hash_, .slot = slot_of(hash_)});
}

std::optional<EndpointId> Decision::pick(std::uint32_t attempt, Stamp now, EndpointId except) {
  return state_.balancer.pick({.policy = policy_, .upstream = policy_.upstreams[verdict_.upstream.index()],
                               .conditions = state_.conditions, .seed = state_.seed, .exchange = exchange_,
                               .attempt = attempt, .except = except, .now = now, .hash = hash_, .spend = options_.spend, .trace = options_.trace});
}

Step Decision::refuse(Cause cause, std::uint16_t status) {
  verdict_.action = Action::refuse;
  verdict_.cause = cause;
  verdict_.status = status != 0 ? status : info(cause).status;
  return Step::decided;
}

AttemptVerdict Decision::on_attempt_end(const AttemptEnd& end, Stamp now) {
  WEIR_CHECK(verdict_.action == Action::forward);
  if (end.kind == AttemptEnd::Kind::connect_failed && options_.spend) {
    state_.balancer.avoid(policy_.endpoints[end.endpoint.index()].identity, now);
  }
  AttemptVerdict verdict{.endpoint = end.endpoint, .cause = cause_of(end.kind), .permit = {}};
  switch (may_retry(policy_.retry_of(route()), end)) {
    case Retry::no: break;
    case Retry::fresh_connection:
      verdict.retry = verdict.fresh = !tried_fresh_;
      tried_fresh_ = true;
      break;
    case Retry::again: plan_retry(end, now, verdict); break;
  }
  return verdict;
}

void Decision::plan_retry(const AttemptEnd& end, Stamp now, AttemptVerdict& verdict) {
  const RetryRules& rules = policy_.retry_of(route());
  const bool answered = end.kind == AttemptEnd::Kind::answered;   // then its answer is passed on
  if (retries_ == rules.max_retries) {
    if (retries_ > 0 && !answered) verdict.cause = Cause::retries_exhausted;
    return;
  }
  const auto wait = retry_wait(end, retries_, state_.seed, exchange_);
  if (!wait) return;
  const auto next = pick(retries_ + 1, now, end.endpoint);
  if (!next || (*next == end.endpoint && end.kind == AttemptEnd::Kind::connect_failed)) return;   // none is left but this one
  auto permit = admit_retry(rules, policy_, verdict_.upstream, state_.in_flight);
  if (!permit) {
    if (!answered) verdict.cause = Cause::retry_budget_spent;
    return;
  }
  ++retries_;
  verdict.retry = true;
  verdict.wait = *wait;
  verdict.permit = std::move(*permit);
  verdict.endpoint = verdict_.endpoint = *next;
}

}  // namespace weir::decide
