// The order of DESIGN: route, limits before_auth, identity, other limits, endpoint. Each step either ends the decision
// by refuse() or hands on to the next; the text below reads in that order.
#include "decide/decide.h"

#include "base/check.h"

namespace weir::decide {
namespace {

static_assert(sizeof(Verdict) <= 192, "a verdict is copied into every exchange");

constexpr Nanos kNoEndpointWait = std::chrono::seconds(1);

// Half as long again at most: callers that were refused together do not come back together.
Nanos jittered(Nanos wait, HashKey seed, ExchangeId exchange) {
  const std::uint64_t half = static_cast<std::uint64_t>(wait.count()) / 2;
  return wait + Nanos(static_cast<std::int64_t>(scale(draw(seed, exchange, Purpose::retry_after, 0), half + 1)));
}

}  // namespace

Decision::Decision(const Policy& policy, State state, At at, Options options)
    : policy_(policy), state_(state), at_(at), options_(options) {}

Step Decision::on_head(const Facts& facts) {
  return on_routed(facts, match_route(policy_, facts, state_.seed, options_.trace));
}

Step Decision::on_routed(const Facts& facts, const Matched& matched) {
  const Caller nobody_yet = address_caller(facts.client, state_.seed);
  verdict_.caller = nobody_yet.ref;
  if (!matched.route.valid()) return refuse(matched.cause);
  verdict_.route = matched.route;
  verdict_.rule = {.kind = Rule::Kind::route, .name = route().name, .source = route().source};
  if (facts.encoded_slash && !route().encoded_slash_kept) return refuse(Cause::bad_request);

  if (!pass_limits(facts, nobody_yet, true)) return Step::decided;
  if (!policy_.identities.empty()) return Step::need_evidence;
  return after_identity(facts, nobody_yet, {});
}

Step Decision::on_evidence(const Facts& facts, std::span<const Evidence> evidence) {
  const Caller caller = judge(policy_, facts, evidence, state_.seed, options_.trace);
  verdict_.caller = caller.ref;
  return after_identity(facts, caller, evidence);
}

Step Decision::after_identity(const Facts& facts, const Caller& caller, std::span<const Evidence> evidence) {
  const RouteAuth& auth = route().auth;
  const std::uint16_t denied = denied_status(auth, evidence);
  if (options_.trace != nullptr) {
    options_.trace->on_caller({.caller = caller.ref, .subject = caller.subject, .client = facts.client,
                               .require = auth.require.empty() ? nullptr : &auth, .satisfied = denied == 0});
  }
  if (denied != 0) {
    verdict_.rule = {.kind = Rule::Kind::auth, .name = route().name, .source = auth.source};
    return refuse(Cause::auth_denied, denied);
  }
  if (pass_limits(facts, caller, false)) act();
  return Step::decided;
}

bool Decision::pass_limits(const Facts& facts, const Caller& caller, bool before_auth) {
  const LimitQuestion question{.policy = policy_, .route = route(), .facts = facts, .caller = caller,
                               .table = state_.limits, .seed = state_.seed, .now = at_.stamp,
                               .spend = options_.spend, .trace = options_.trace, .asked = options_.asked};
  if (ask_limits(question, before_auth ? LimitGroup::before_auth : LimitGroup::after_auth, verdict_)) return true;
  verdict_.retry_after = jittered(verdict_.retry_after, state_.seed, at_.exchange);
  refuse(Cause::limit_rejected);
  return false;
}

// All rules let it pass: what the route does with it.
void Decision::act() {
  if (const auto* redirect = std::get_if<Redirect>(&route().action)) {
    verdict_.action = Action::redirect;
    verdict_.cause = Cause::redirect;
    verdict_.status = redirect->status;
    return;
  }
  if (const auto* direct = std::get_if<DirectResponse>(&route().action)) {
    verdict_.action = Action::direct_response;
    verdict_.cause = Cause::direct_response;
    verdict_.status = direct->status;
    return;
  }
  verdict_.upstream = draw_upstream(std::get<Forward>(route().action).split, state_.seed, at_.exchange);
  if (options_.trace != nullptr) options_.trace->on_upstream(verdict_.upstream);
  const auto endpoint = verdict_.upstream.valid() ? pick(0, at_.stamp) : std::nullopt;
  if (!endpoint) {
    verdict_.retry_after = jittered(kNoEndpointWait, state_.seed, at_.exchange);
    refuse(Cause::no_healthy_endpoint);
    return;
  }
  verdict_.endpoint = *endpoint;
  verdict_.action = Action::forward;
  verdict_.cause = Cause::none;
  verdict_.status = 0;
}

std::optional<EndpointId> Decision::pick(std::uint32_t attempt, Stamp now) {
  return state_.balancer.pick({.policy = policy_, .upstream = policy_.upstreams[verdict_.upstream.index()],
                               .conditions = state_.conditions, .seed = state_.seed, .exchange = at_.exchange,
                               .attempt = attempt, .now = now, .spend = options_.spend, .trace = options_.trace});
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
  AttemptVerdict verdict{.endpoint = end.endpoint, .cause = cause_of(end.kind)};
  switch (may_retry(end)) {
    case Retry::no: break;
    case Retry::fresh_connection:
      verdict.retry = verdict.fresh = !tried_fresh_;
      tried_fresh_ = true;
      break;
    case Retry::other_endpoint: {
      if (tried_other_) break;
      tried_other_ = true;
      const auto other = pick(++attempts_, now);
      if (!other || *other == end.endpoint) break;   // none is left but this one
      verdict.retry = true;
      verdict.endpoint = verdict_.endpoint = *other;
      break;
    }
  }
  return verdict;
}

}  // namespace weir::decide
