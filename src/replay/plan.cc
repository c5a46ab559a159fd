#include "replay/plan.h"

#include <algorithm>

#include "replay/review.h"

namespace weir::replay {
namespace {

constexpr std::int64_t kMinute = 60'000'000'000;
constexpr std::uint16_t kTooMany = 429;
constexpr Nanos kCoarseSlack = std::chrono::seconds(2);  // a clock of a second is off twice

NameId route_of(const Policy& policy, const Verdict& verdict) {
  return verdict.route.valid() ? policy.routes[verdict.route.index()].name : NameId::none();
}

bool refuses(const Verdict& verdict) { return verdict.action == Action::refuse; }

// Health is carried over from the recording: what is refused for it is no fault of the policy.
bool is_carried_over(const Verdict& verdict, const Conditions& conditions) {
  if (verdict.cause != Cause::no_healthy_endpoint) return false;
  return std::ranges::any_of(conditions.endpoints,
                             [](const EndpointConditions& each) { return !each.usable; });
}

Ending ending_of(const Past& past) {
  return {.status = past.status, .refused = past.refused, .recorded = past.recorded};
}

}  // namespace

std::string_view to_string(PlanVerdict verdict) {
  switch (verdict) {
    case PlanVerdict::harmless:
      return "harmless";
    case PlanVerdict::harm:
      return "harm";
    case PlanVerdict::not_enough_data:
      break;
  }
  return "not_enough_data";
}

Plan::Plan(const Policy& after, const Policy* before, const NameTable& names, PlanOptions options)
    : after_(after), before_(before), names_(names), options_(options), timeouts_(after) {
  for (std::size_t i = 0; i < (options.two_readings ? 2u : 1u); ++i) {
    readings_[i].after.emplace(after, options.decider);
    if (before != nullptr) readings_[i].before.emplace(*before, options.decider);
    readings_[i].watch.emplace(*readings_[i].after);
    if (options.review == nullptr) continue;
    readings_[i].watch->tell(
        [review = options.review, i](const LimitAsk& ask) { review->asked(i, ask); });
  }
  if (options.review != nullptr) options.review->begin(after, names);
  if (options.retries) retries_.emplace(after, options.decider);
}

void Plan::add(const PlanRequest& request, Callers::Index caller) {
  count_input(request, caller);
  if (options_.review != nullptr) options_.review->turn(request.time, caller);
  const Outcome spread = judge(readings_[0], 0, request, caller);
  if (readings_[1].after) judge(readings_[1], 1, request, caller);
  if (options_.review != nullptr) options_.review->decided(request, spread.why, spread.after);
  last_conditions_ = request.conditions_after;
  if (retries_) retries_->add(request.event, *request.after, *last_conditions_, spread.was_refused);
  if (spread.why != Unjudged::none) {
    ++unjudged_[static_cast<std::size_t>(spread.why)];
    return;
  }
  count_all(request, spread);
  count_picks(request, spread);
}

void Plan::count_input(const PlanRequest& request, Callers::Index index) {
  ++total_;
  if (!from_) from_ = request.time;
  to_ = request.time;
  ++minutes_[minute(request.time)].requests;

  InputCaller& caller = callers_[index];
  const Ending ending = ending_of(request.past);
  caller.standing.add(request.time, ending, outcome_of(ending, caller.is_known()));
  with_status_ += request.past.status ? 1 : 0;
  with_response_ += request.past.response ? 1 : 0;
  with_head_ += request.past.head_bytes > 0 ? 1 : 0;
}

// Minutes of the input that exist so far; those beyond the bound count with the last.
std::size_t Plan::minute(WallTime time) {
  const auto of = [](WallTime at) { return at.time_since_epoch().count() / kMinute; };
  const auto since = static_cast<std::size_t>(std::max<std::int64_t>(of(time) - of(*from_), 0));
  const std::size_t index = std::min(since, kMostMinutes - 1);
  if (index >= minutes_.size()) minutes_.resize(index + 1);
  return index;
}

Plan::Outcome Plan::judge(Reading& reading, std::size_t which, const PlanRequest& request,
                          Callers::Index caller) {
  Event event = request.event;
  if (which == 1) event.stamp = request.at_once;
  const Decider::Answer is =
      decide(*reading.after, event, *request.after, *request.conditions_after, request.past);
  Outcome outcome{.why = is.why, .after = is.verdict, .before = {}};
  if (reading.before) {
    const Decider::Answer was =
        decide(*reading.before, event, *request.before, *request.conditions_before, request.past);
    if (outcome.why == Unjudged::none) outcome.why = was.why;
    outcome.before = was.verdict;
  }
  if (is.why == Unjudged::none) reading.watch->add(event, is.verdict, caller);
  if (outcome.why != Unjudged::none) return outcome;

  outcome.is_refused = refuses(is.verdict);
  outcome.was_refused = reading.before ? refuses(outcome.before)
                                       : was_refused(request.past, is.verdict, outcome.is_refused);
  if (is_carried_over(is.verdict, *request.conditions_after))
    outcome.was_refused = outcome.is_refused;
  // What never was a request any route could take is harmed by limits alone.
  if (request.past.is_odd && is.verdict.cause != Cause::limit_rejected)
    outcome.was_refused = outcome.is_refused;
  if (!reading.before && !request.past.recorded)
    find_shift(reading, which, request, event.stamp, caller, outcome);
  const bool allowed = outcome.allowed();
  ++reading.judged;
  reading.newly_refused += outcome.newly() ? 1 : 0;
  reading.newly_allowed += allowed ? 1 : 0;
  Refused& refused = callers_[caller].refused[which];
  refused.before += outcome.was_refused ? 1 : 0;
  refused.after += outcome.is_refused ? 1 : 0;
  refused.newly += outcome.newly() ? 1 : 0;
  refused.newly_allowed += allowed ? 1 : 0;
  if (outcome.newly()) {
    const NameId name =
        reading.before ? route_of(*before_, outcome.before) : route_of(after_, is.verdict);
    ++routes_[name.value].newly[which];
  }
  return outcome;
}

// A counterpart is taken back where it was counted; the request at hand is not counted then.
void Plan::find_shift(Reading& reading, std::size_t which, const PlanRequest& request, Stamp at,
                      Callers::Index caller, Outcome& outcome) {
  const bool newly = outcome.newly() && outcome.after.cause == Cause::limit_rejected;
  const bool allowed = outcome.allowed() && request.past.status == kTooMany;
  if (!newly && !allowed) return;
  Shift& shift = reading.shifts[caller];
  Stamp until{};
  if (newly) {
    const auto limit = std::ranges::find(after_.limits, outcome.after.rule.name, &Limit::name);
    if (limit == after_.limits.end()) return;
    const Nanos tokens(static_cast<std::int64_t>(2e9 / limit->rate.per_second()));
    const Nanos reach = tokens + (options_.two_readings ? kCoarseSlack : Nanos(0));
    until = at + reach;
    if (shift.open > 0 && at - shift.last > reach) shift.open = 0;
  } else if (shift.open < 0 && at > shift.until) {
    shift.open = 0;
  }
  Refused& refused = callers_[caller].refused[which];
  outcome.shifted = newly ? shift.open > 0 : shift.open < 0;
  shift.open += newly ? -1 : 1;
  if (!outcome.shifted) {
    shift.last = at;
    if (!newly) return;
    shift.until = until;
    shift.route = route_of(after_, outcome.after);
    shift.minute = minute(request.time);
  } else if (newly) {
    --reading.newly_allowed;
    --refused.newly_allowed;
  } else {
    --reading.newly_refused;
    --refused.newly;
    RouteCount& route = routes_[shift.route.value];
    if (route.newly[which] > 0) --route.newly[which];
    if (which != 0) return;
    --causes_[static_cast<std::size_t>(Cause::limit_rejected)];
    if (minutes_[shift.minute].newly_refused > 0) --minutes_[shift.minute].newly_refused;
  }
}

// Caps of the head come before any decision, and spend nothing.
Decider::Answer Plan::decide(Decider& decider, const Event& event, const Rebuilt& rebuilt,
                             const Conditions& conditions, const Past& past) const {
  const std::vector<Listener>& listeners = decider.policy().listeners;
  const std::size_t listener = rebuilt.facts.listener.index();
  if (rebuilt.why != Unjudged::no_facts && listener < listeners.size() &&
      past.head_bytes > listeners[listener].caps.head.count) {
    return {.why = Unjudged::none,
            .verdict = {.action = Action::refuse,
                        .cause = Cause::head_too_large,
                        .status = info(Cause::head_too_large).status}};
  }
  return decider.decide(event, rebuilt, conditions);
}

bool Plan::was_refused(const Past& past, const Verdict& verdict, bool is_refused) const {
  if (past.recorded || past.refused) return past.refused;
  if (!past.status) return false;
  return *past.status == kTooMany || (is_refused && *past.status == verdict.status);
}

void Plan::count_all(const PlanRequest& request, const Outcome& outcome) {
  before_refused_ += outcome.was_refused ? 1 : 0;
  after_refused_ += outcome.is_refused ? 1 : 0;
  const NameId is = route_of(after_, outcome.after);
  const NameId was = before_ != nullptr ? route_of(*before_, outcome.before) : is;
  if (is != was) ++route_changed_;
  if (!outcome.is_refused) ++routes_[is.value].after;
  if (!outcome.was_refused) ++routes_[was.value].before;
  if (outcome.newly()) {
    ++causes_[static_cast<std::size_t>(outcome.after.cause)];
    ++minutes_[minute(request.time)].newly_refused;
  }
}

void Plan::count_picks(const PlanRequest& request, const Outcome& outcome) {
  const auto minute = static_cast<std::uint64_t>(request.time.time_since_epoch().count() / kMinute);
  if (!request.past.endpoint.empty()) sustained_.add(request.past.endpoint, minute);
  if (before_ != nullptr && outcome.before.action == Action::forward)
    picks_before_.add(names_.text(before_->endpoints[outcome.before.endpoint.index()].name),
                      minute);
  if (outcome.after.action != Action::forward || outcome.is_refused) return;
  picks_.add(names_.text(after_.endpoints[outcome.after.endpoint.index()].name), minute);
  if (outcome.was_refused) return;
  const auto timeout = [](const Policy& policy, const Verdict& verdict) {
    const OptionalTime& response =
        policy.timeouts_of(policy.routes[verdict.route.index()]).response;
    return response ? std::optional(response->value) : std::nullopt;
  };
  std::optional<Nanos> before;
  if (before_ != nullptr) {
    before = timeout(*before_, outcome.before);
    if (before != timeout(after_, outcome.after)) {
      ++timeout_changed_;
      if (request.past.response) timeout_changed_known_ += request.past.weight;
    }
  }
  if (!request.past.response) return;
  timeouts_.add(outcome.after.route, *request.past.response, before, request.past.weight);
}

}  // namespace weir::replay
