#include "replay/plan.h"

#include <algorithm>

#include "replay/review.h"

namespace weir::replay {
namespace {

constexpr std::int64_t kMinute = 60'000'000'000;
constexpr std::uint16_t kTooMany = 429, kGatewayTimeout = 504;
constexpr std::size_t kFar = 12, kNear = 6;  // requests ahead whose memory is asked for
constexpr Nanos kCoarseSlack = std::chrono::seconds(2);  // a clock of a second is off twice

bool refuses(const Verdict& verdict) { return verdict.action == Action::refuse; }

// Health and admission are carried over from the recording: what is refused for them is no fault of the policy.
bool is_carried_over(const Verdict& verdict, const Conditions& conditions) {
  if (decide::is_admission(verdict.cause)) return true;
  if (verdict.cause != Cause::no_healthy_endpoint) return false;
  return std::ranges::any_of(conditions.endpoints,
                             [](const EndpointConditions& each) { return !each.usable; });
}

// The second reading has all of a step of the clock at its beginning.
Event event_in(const PlanRequest& request, std::size_t reading) {
  Event event = request.event;
  if (reading == 1) event.stamp = request.at_once;
  return event;
}

// By a timeout then, as far as the input says; a log has the status alone.
bool was_cut(const Past& past) {
  return past.cut || (!past.recorded && past.status == kGatewayTimeout);
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
  const auto index = [&](const Policy& policy, Picks& picks, std::vector<Picks::Index>& by_endpoint) {
    for (const Endpoint& endpoint : policy.endpoints)
      by_endpoint.push_back(picks.index(names.text(endpoint.name)));
  };
  index(after, picks_, picked_);
  picks_of_.resize(after.endpoints.size());
  const auto routes = [](const Policy& policy, std::vector<NameId>& by_route) {
    for (const Route& route : policy.routes) by_route.push_back(route.name);
  };
  routes(after, names_after_);
  if (before != nullptr) routes(*before, names_before_);
  if (before != nullptr) index(*before, picks_before_, picked_before_);
  for (std::size_t i = 0; i < (options.two_readings ? 2u : 1u); ++i) {
    readings_[i].after.emplace(after, options.decider);
    if (before != nullptr) readings_[i].before.emplace(*before, options.decider);
    readings_[i].watch.emplace(after);
    if (options.review == nullptr) continue;
    readings_[i].watch->tell(
        [review = options.review, i](const LimitAsk& ask) { review->asked(i, ask); });
  }
  if (options.review != nullptr) options.review->begin(after, names);
  if (options.retries) retries_.emplace(after, options.decider);
}

void Plan::decide(std::span<const PlanRequest> requests, Decided& decided) {
  for (std::size_t which = 0; which < readings_.size() && readings_[which].after; ++which) {
    decide(*readings_[which].after, requests, [&](const PlanRequest& request) {
      return Decider::Question{.event = event_in(request, which),
                               .rebuilt = request.after,
                               .conditions = request.conditions_after};
    }, decided.after[which]);
    if (!readings_[which].before) continue;
    decide(*readings_[which].before, requests, [&](const PlanRequest& request) {
      return Decider::Question{.event = event_in(request, which),
                               .rebuilt = request.before,
                               .conditions = request.conditions_before};
    }, decided.before[which]);
  }
}

// Caps of the head come before any decision, and spend nothing.
template <class Ask>
void Plan::decide(Decider& decider, std::span<const PlanRequest> requests, const Ask& question, Answers& answers) {
  static const Rebuilt nothing{.why = Unjudged::no_facts, .facts = {}, .evidence = {}};
  const std::vector<Listener>& listeners = decider.policy().listeners;
  answers.asked.clear();
  answers.answers.resize(requests.size());
  answers.begins.resize(requests.size());
  const auto is_too_large = [&](const PlanRequest& request, const Rebuilt& rebuilt) {
    const std::size_t listener = rebuilt.facts.listener.index();
    return rebuilt.why != Unjudged::no_facts && listener < listeners.size() &&
           request.past.head_bytes > listeners[listener].caps.head.count;
  };
  decider.decide(
      requests.size(),
      [&](std::size_t i) {
        Decider::Question asked = question(requests[i]);
        if (is_too_large(requests[i], *asked.rebuilt)) asked.rebuilt = &nothing;
        return asked;
      },
      [&](std::size_t i, const Decider::Seen& seen, std::span<const decide::AskedLimit> asked) {
        answers.answers[i] = seen;
        if (seen.why == Unjudged::no_facts && is_too_large(requests[i], *question(requests[i]).rebuilt)) {
          answers.answers[i] = {.why = Unjudged::none,
                                .verdict = {.action = Action::refuse,
                                            .cause = Cause::head_too_large,
                                            .status = info(Cause::head_too_large).status}};
        }
        answers.begins[i] = answers.asked.size();
        answers.asked.insert(answers.asked.end(), asked.begin(), asked.end());
      });
}

void Plan::count(std::span<const PlanRequest> requests, const Decided& decided) {
  for (std::size_t i = 0; i < requests.size(); ++i) {
    expect(requests, decided, i);
    count(requests[i], decided, i);
  }
}

void Plan::expect(std::span<const PlanRequest> requests, const Decided& decided, std::size_t at) const {
  const bool far = at + kFar < requests.size(), near = at + kNear < requests.size();
  if (far) {
    callers_.expect(requests[at + kFar].caller);
    const Verdict& verdict = decided.after[0].answers[at + kFar].verdict;
    const NameId name = route_of(names_after_, verdict);
    if (name.valid() && name.index() + 1 < routes_.size()) __builtin_prefetch(&routes_[name.index() + 1], 1);
    if (verdict.route.valid()) timeouts_.expect(verdict.route);
  }
  for (std::size_t which = 0; which < readings_.size() && readings_[which].after; ++which) {
    if (far) readings_[which].watch->expect(decided.after[which].asked_by(at + kFar));
    if (near) readings_[which].watch->expect_bucket(decided.after[which].asked_by(at + kNear));
  }
}

void Plan::count(const PlanRequest& request, const Decided& decided, std::size_t at) {
  count_input(request);
  if (options_.review != nullptr) options_.review->turn(request.time, request.caller);
  const Outcome spread = judge(0, request, decided, at);
  if (readings_[1].after) judge(1, request, decided, at);
  if (options_.review != nullptr) options_.review->decided(request, spread.why, *spread.after);
  last_conditions_ = request.conditions_after;
  if (retries_)
    retries_->add(request.event, *request.after, *last_conditions_,
                  spread.was_refused || spread.carried_over);
  if (spread.why != Unjudged::none) {
    ++unjudged_[static_cast<std::size_t>(spread.why)];
    return;
  }
  count_all(request, spread);
  count_picks(request, spread);
}

void Plan::count_input(const PlanRequest& request) {
  ++total_;
  if (!from_) from_ = request.time;
  to_ = request.time;
  ++minutes_[minute(request.time)].requests;

  InputCaller& caller = callers_[request.caller];
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

Plan::RouteCount& Plan::route_count(NameId name) {
  const std::size_t index = name.valid() ? name.index() + 1 : 0;
  if (index >= routes_.size()) routes_.resize(index + 1);
  return routes_[index];
}

Plan::Outcome Plan::judge(std::size_t which, const PlanRequest& request, const Decided& decided,
                          std::size_t at) {
  Reading& reading = readings_[which];
  const Event event = event_in(request, which);
  const Decider::Answer& is = decided.after[which].answers[at];
  Outcome outcome{.why = is.why, .after = &is.verdict};
  if (reading.before) {
    const Decider::Answer& was = decided.before[which].answers[at];
    if (outcome.why == Unjudged::none) outcome.why = was.why;
    outcome.before = &was.verdict;
  }
  if (is.why == Unjudged::none)
    reading.watch->add(event, decided.after[which].asked_by(at), is.verdict, request.caller);
  if (outcome.why != Unjudged::none) return outcome;

  outcome.is_refused = refuses(is.verdict);
  outcome.expected = outcome.is_refused && is.verdict.expected;
  outcome.was_refused = reading.before ? refuses(*outcome.before)
                                       : was_refused(request.past, is.verdict, outcome.is_refused);
  outcome.carried_over = is_carried_over(is.verdict, *request.conditions_after);
  reading.carried_over += outcome.carried_over ? 1 : 0;
  // What never was a request any route could take is harmed by limits alone.
  if (request.past.is_odd && is.verdict.cause != Cause::limit_rejected)
    outcome.was_refused = outcome.is_refused;
  if (!reading.before && !request.past.recorded)
    find_shift(reading, which, request, outcome);
  const bool allowed = outcome.allowed();
  ++reading.judged;
  reading.newly_refused += outcome.newly() ? 1 : 0;
  reading.newly_allowed += allowed ? 1 : 0;
  reading.newly_expected += outcome.newly_expected() ? 1 : 0;
  Refused& refused = callers_[request.caller].refused[which];
  refused.before += outcome.was_refused ? 1 : 0;
  refused.after += outcome.is_refused ? 1 : 0;
  refused.newly += outcome.newly() ? 1 : 0;
  refused.newly_allowed += allowed ? 1 : 0;
  if (outcome.newly()) {
    const NameId name =
        reading.before ? route_of(names_before_, *outcome.before) : route_of(names_after_, is.verdict);
    ++route_count(name).newly[which];
  }
  return outcome;
}

// A counterpart is taken back where it was counted; the request at hand is not counted then.
void Plan::find_shift(Reading& reading, std::size_t which, const PlanRequest& request,
                      Outcome& outcome) {
  const bool newly = outcome.anew() && outcome.after->cause == Cause::limit_rejected;
  const bool allowed = outcome.allowed() && request.past.status == kTooMany;
  if (!newly && !allowed) return;
  const Stamp at = event_in(request, which).stamp;
  Shift& shift = reading.shifts[request.caller];
  Stamp until{};
  if (newly) {
    const auto limit = std::ranges::find(after_.limits, outcome.after->rule.name, &Limit::name);
    if (limit == after_.limits.end()) return;
    const Nanos tokens(static_cast<std::int64_t>(2e9 / limit->rate.per_second()));
    const Nanos reach = tokens + (options_.two_readings ? kCoarseSlack : Nanos(0));
    until = at + reach;
    if (shift.open > 0 && at - shift.last > reach) shift.open = 0;
  } else if (shift.open < 0 && at > shift.until) {
    shift.open = shift.expected = 0;
  }
  Refused& refused = callers_[request.caller].refused[which];
  outcome.shifted = newly ? shift.open > 0 : shift.open < 0;
  shift.open += newly ? -1 : 1;
  if (!outcome.shifted) {
    shift.last = at;
    if (!newly) return;
    shift.until = until;
    if (outcome.expected) {
      ++shift.expected;
      return;
    }
    shift.route = route_of(names_after_, *outcome.after);
    shift.minute = minute(request.time);
  } else if (newly) {
    --reading.newly_allowed;
    --refused.newly_allowed;
  } else if (shift.expected > 0) {  // first, so that no harm is hidden
    --shift.expected;
    --reading.newly_expected;
  } else {
    --reading.newly_refused;
    --refused.newly;
    RouteCount& route = route_count(shift.route);
    if (route.newly[which] > 0) --route.newly[which];
    if (which != 0) return;
    --causes_[static_cast<std::size_t>(Cause::limit_rejected)];
    if (minutes_[shift.minute].newly_refused > 0) --minutes_[shift.minute].newly_refused;
  }
}

bool Plan::was_refused(const Past& past, const Verdict& verdict, bool is_refused) const {
  if (past.recorded || past.refused) return past.refused;
  if (!past.status) return false;
  return *past.status == kTooMany || (is_refused && *past.status == verdict.status);
}

void Plan::count_all(const PlanRequest& request, const Outcome& outcome) {
  before_refused_ += outcome.was_refused ? 1 : 0;
  after_refused_ += outcome.is_refused ? 1 : 0;
  const NameId is = route_of(names_after_, *outcome.after);
  const NameId was = before_ != nullptr ? route_of(names_before_, *outcome.before) : is;
  if (is != was) ++route_changed_;
  if (!outcome.is_refused) ++route_count(is).after;
  if (!outcome.was_refused) ++route_count(was).before;
  if (outcome.newly()) {
    ++causes_[static_cast<std::size_t>(outcome.after->cause)];
    ++minutes_[minute(request.time)].newly_refused;
  }
}

void Plan::count_picks(const PlanRequest& request, const Outcome& outcome) {
  const auto minute = static_cast<std::uint64_t>(request.time.time_since_epoch().count() / kMinute);
  if (!request.past.endpoint.empty()) sustained_.add(sustained_.index(request.past.endpoint), minute);
  // What a log let pass without a word of its endpoint is not in what that has sustained, nor then in
  // what it would get.
  const bool compares = request.past.recorded || !request.past.endpoint.empty() || outcome.was_refused;
  if (compares && before_ != nullptr && outcome.before->action == Action::forward &&
      pick_known(*before_, *outcome.before, *request.before) == PickKnown::yes)
    picks_before_.add(picked_before_[outcome.before->endpoint.index()], minute);
  if (outcome.after->action != Action::forward || outcome.is_refused) return;
  const PickKnown known = pick_known(after_, *outcome.after, *request.after);
  ++picks_known_[static_cast<std::size_t>(known)];
  if (known == PickKnown::yes) {
    ++picks_of_[outcome.after->endpoint.index()];
    if (compares) picks_.add(picked_[outcome.after->endpoint.index()], minute);
  }
  if (outcome.was_refused) return;
  const auto timeout = [](const Policy& policy, const Verdict& verdict) {
    const OptionalTime& response =
        policy.timeouts_of(policy.routes[verdict.route.index()]).response;
    return response ? std::optional(response->value) : std::nullopt;
  };
  std::optional<Nanos> before;
  if (before_ == nullptr) {
    if (was_cut(request.past)) before = Nanos(0);
  } else if (outcome.before->action == Action::forward) {
    before = timeout(*before_, *outcome.before);
    if (before != timeout(after_, *outcome.after)) {
      ++timeout_changed_;
      if (request.past.response) timeout_changed_known_ += request.past.weight;
    }
  }
  if (!request.past.response) return;
  timeouts_.add(outcome.after->route, *request.past.response, before, request.past.weight);
  if (!request.past.cut) return;
  timeouts_.add_cut(outcome.after->route, {.took = *request.past.response, .late = request.past.late,
                                          .late_time = request.past.late_time, .weight = request.past.weight});
}

}  // namespace weir::replay
