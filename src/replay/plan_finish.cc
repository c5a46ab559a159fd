// From what a plan counted to its report (plan.h).
#include <algorithm>
#include <map>
#include <tuple>

#include "fmt/core.h"
#include "replay/plan.h"
#include "replay/review.h"

namespace weir::replay {
namespace {

constexpr std::size_t kTop = 10;
constexpr Nanos kLong = std::chrono::hours(24);

Bounded bounded(std::uint64_t spread, std::uint64_t at_once) {
  return {.value = spread, .low = std::min(spread, at_once), .high = std::max(spread, at_once)};
}

double share(std::uint64_t part, std::uint64_t whole) {
  return whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole);
}

std::string_view hint_of(Unjudged why) {
  switch (why) {
    case Unjudged::identity:
      return "the log does not say who asked: --field identity:RULE=FIELD";
    case Unjudged::host:
      return "routes ask for the host, and the log has none: --host NAME";
    case Unjudged::value:
      return "a header or query decides that was not recorded: --field header:NAME=FIELD";
    case Unjudged::address:
      return "a limit asks for more of the address than was recorded";
    case Unjudged::path:
      return "paths were recorded by class: record: {paths: full}";
    case Unjudged::hops:
      return "recorded before hops were: whether these requests went round is not known";
    case Unjudged::external_auth:
      return "an auth service would be asked that was not asked then: what it would say is not known";
    case Unjudged::learned:
      return "a limit is learned from the past of its callers, which no caller directory tells";
    case Unjudged::shape_lost:
      return "a part of the recording is damaged";
    default:
      return "";
  }
}

}  // namespace

PlanReport Plan::finish(const PlanInput& input) {
  PlanReport report;
  report.budget = options_.budget;
  report.base_is_recorded = before_ == nullptr;
  report.long_input = from_ && *to_ - *from_ >= kLong;
  report.by_directory = callers_.has_directory();
  report_input(report, input);
  report_requests(report);
  report_callers(report);
  report_limits(report);
  report_routes(report);
  report_timeouts(report);
  report_balance(report);
  if (retries_ && last_conditions_ != nullptr) {
    retries_->finish(*last_conditions_);
    report.retries = {.modelled = true,
                      .newly_refused_with = retries_->refused(),
                      .retries = retries_->retries()};
  }
  report_how(report, input);
  report.minutes = minutes_;
  pass_sentence(report);
  if (options_.review != nullptr) options_.review->finish(report, callers_);
  return report;
}

void Plan::report_input(PlanReport& report, const PlanInput& input) const {
  PlanReport::Input& to = report.input;
  to.rows = input.rows;
  to.skipped = input.skipped;
  to.late = input.late;
  to.from = from_;
  to.to = to_;
  to.clock_resolution = input.clock_resolution;
  to.two_readings = readings_[1].after.has_value();
  to.durations = with_response_ > 0;
  to.statuses = with_status_ > 0;
  to.upstreams = std::ranges::any_of(after_.endpoints, [&](const Endpoint& endpoint) {
    return sustained_.find(names_.text(endpoint.name)) != nullptr;
  });
  for (std::size_t i = 1; i < unjudged_.size(); ++i) {
    if (unjudged_[i] == 0) continue;
    const auto why = static_cast<Unjudged>(i);
    std::string hint(hint_of(why));
    if (why == Unjudged::identity && !input.redefined.empty())
      hint = fmt::format("rule {} reads what this log does not have", input.redefined.front());
    to.cannot_judge.push_back({.what = std::string(to_string(why)),
                               .requests = unjudged_[i],
                               .share = share(unjudged_[i], total_),
                               .hint = std::move(hint)});
  }
  if (!to.durations) {
    to.cannot_judge.push_back(
        {.what = "timeouts",
         .hint = input.recording
                     ? "this recording holds no durations"
                     : "no durations in this log; log_format to add: weir help log-format"});
  }
  if (!to.upstreams) {
    to.cannot_judge.push_back(
        {.what = "balance",
         .hint = input.recording ? "no endpoint of the configuration is in this recording"
                                 : "no endpoint of the configuration is named in this log"});
    return;
  }
  // Which endpoint takes a request hurts nobody by itself: said, but no reason against a plan.
  const auto unpicked = [&](PickKnown why, std::string hint) {
    const std::uint64_t requests = picks_known_[static_cast<std::size_t>(why)];
    if (requests > 0)
      to.cannot_judge.push_back({.what = "balance",
                                 .requests = requests,
                                 .share = share(requests, total_),
                                 .hint = std::move(hint)});
  };
  unpicked(PickKnown::latencies, "peak_ewma goes by latencies, which a replay does not have");
  unpicked(PickKnown::key, "ring_hash goes by a key that is not in this input");
}

void Plan::report_requests(PlanReport& report) const {
  const Reading &spread = readings_[0], &at_once = readings_[readings_[1].after ? 1 : 0];
  report.requests = {.total = total_,
                     .judged = spread.judged,
                     .before_refused = before_refused_,
                     .after_refused = after_refused_,
                     .newly_refused = bounded(spread.newly_refused, at_once.newly_refused),
                     .newly_allowed = bounded(spread.newly_allowed, at_once.newly_allowed),
                     .newly_expected = bounded(spread.newly_expected, at_once.newly_expected),
                     .carried_over = spread.carried_over,
                     .route_changed = route_changed_};
}

void Plan::report_callers(PlanReport& report) const {
  const std::size_t second = readings_[1].after ? 1 : 0;
  std::uint64_t all[2] = {}, known[2] = {}, established[2] = {};
  for (const InputCaller& caller : callers_.list()) {
    ++report.callers.active;
    report.callers.known += caller.is_known() ? 1 : 0;
    report.callers.established += caller.standing.is_established() ? 1 : 0;
    for (const std::size_t i : {std::size_t{0}, std::size_t{1}}) {
      if (caller.refused[i == 0 ? 0 : second].newly == 0) continue;
      ++all[i];
      known[i] += caller.is_known() ? 1 : 0;
      established[i] += caller.standing.is_established() ? 1 : 0;
    }
    const Refused& worse = caller.refused[0].newly >= caller.refused[second].newly
                               ? caller.refused[0]
                               : caller.refused[second];
    if (worse.newly == 0) continue;
    report.hurt.push_back({.caller = caller.name,
                           .before_refused = worse.before,
                           .after_refused = worse.after,
                           .newly_refused = worse.newly,
                           .of = caller.standing.requests,
                           .known = caller.is_known(),
                           .established = caller.standing.is_established(),
                           .days = caller.days()});
  }
  report.callers.newly_refused = bounded(all[0], all[1]);
  report.callers.known_newly_refused = bounded(known[0], known[1]);
  report.callers.established_newly_refused = bounded(established[0], established[1]);
  std::ranges::sort(report.hurt, [](const auto& a, const auto& b) {
    return std::tuple(b.newly_refused, b.after_refused, a.caller) <
           std::tuple(a.newly_refused, a.after_refused, b.caller);
  });
}

void Plan::report_limits(PlanReport& report) const {
  const LimitWatch &spread = *readings_[0].watch,
                   &strict = *readings_[readings_[1].after ? 1 : 0].watch;
  const auto must_pass = [&](Callers::Index caller) {
    return callers_.is_protected(caller, report.by_known());
  };
  for (std::size_t i = 0; i < after_.limits.size(); ++i) {
    const LimitWatch::Limited &one = spread.limits()[i], &other = strict.limits()[i];
    if (one.fullest == 0 && other.fullest == 0) continue;  // never met
    const Limit& limit = after_.limits[i];
    PlanReport::LimitPart& part = report.limits.emplace_back();
    part.name = names_.text(limit.name);
    part.rate = limit.rate;
    part.burst = limit.burst;
    part.learned = limit.learned.has_value();
    part.source = limit.source;
    part.refused = bounded(one.refused, other.refused);
    const LimitWatch::Limited& worse = one.refused >= other.refused ? one : other;
    part.callers_refused = worse.callers.size();
    part.headroom = 1 - std::min(1.0, std::max(one.fullest, other.fullest));
    part.nearest_safe = strict.nearest_safe(LimitId{static_cast<std::uint16_t>(i)}, must_pass,
                                            &spread == &strict ? nullptr : &spread);
    part.too_much_to_keep = other.incomplete;
    for (const auto& [caller, refused] : worse.callers)
      part.top.push_back({.caller = callers_.list()[caller].name, .refused = refused});
    std::ranges::sort(part.top, [](const auto& a, const auto& b) {
      return std::tuple(b.refused, a.caller) < std::tuple(a.refused, b.caller);
    });
    if (part.top.size() > kTop) part.top.resize(kTop);
  }
}

void Plan::report_routes(PlanReport& report) const {
  std::map<std::string_view, RouteCount> by_name;
  for (std::size_t i = 0; i < routes_.size(); ++i) {
    const RouteCount& count = routes_[i];
    const NameId name = i == 0 ? NameId::none() : NameId{static_cast<std::uint32_t>(i - 1)};
    if (count != RouteCount()) by_name.emplace(names_.text(name), count);
  }
  for (const auto& [name, count] : by_name) {
    report.routes.push_back(
        {.name = std::string(name),
         .before = count.before,
         .after = count.after,
         .newly_refused = bounded(count.newly[0], count.newly[readings_[1].after ? 1 : 0])});
  }
  for (std::size_t i = 0; i < causes_.size(); ++i) {
    if (causes_[i] > 0)
      report.causes.push_back(
          {.name = std::string(info(static_cast<Cause>(i)).name), .newly_refused = causes_[i]});
  }
  std::ranges::sort(report.causes, [](const auto& a, const auto& b) {
    return std::tuple(b.newly_refused, a.name) < std::tuple(a.newly_refused, b.name);
  });
}

void Plan::report_timeouts(PlanReport& report) const {
  for (std::size_t i = 0; i < after_.routes.size(); ++i) {
    const Timeouts::Count& count = timeouts_.counts()[i];
    const Route& route = after_.routes[i];
    const OptionalTime& response = after_.timeouts_of(route).response;
    if ((count.cut == 0 && count.known == 0) || !response) continue;
    const Interval interval = count.interval();
    report.timeouts.push_back({.route = std::string(names_.text(route.name)),
                               .timeout = response->value,
                               .source = response->source,
                               .of = count.of,
                               .cut = count.cut,
                               .cut_share = share(count.cut, count.of),
                               .low = interval.low,
                               .high = interval.high,
                               .longer = count.passed()});
  }
}

void Plan::report_balance(PlanReport& report) const {
  if (!report.input.upstreams) return;
  std::vector<std::uint64_t> of_upstream(after_.upstreams.size());
  for (std::size_t i = 0; i < after_.endpoints.size(); ++i)
    of_upstream[after_.endpoints[i].upstream.index()] += picks_of_[i];
  for (std::size_t i = 0; i < after_.endpoints.size(); ++i) {
    const Endpoint& endpoint = after_.endpoints[i];
    const std::string_view name = names_.text(endpoint.name);
    const Picks::Count* const count = picks_.find(name);
    const Picks::Count* const carried = sustained_.find(name);
    if (of_upstream[endpoint.upstream.index()] == 0) continue;
    report.balance.push_back(
        {.upstream = std::string(names_.text(after_.upstreams[endpoint.upstream.index()].name)),
         .endpoint = std::string(name),
         .share = share(picks_of_[i], of_upstream[endpoint.upstream.index()]),
         .picks_per_s = count == nullptr ? 0 : count->best_per_s(),
         .sustained_per_s = carried == nullptr ? 0 : carried->best_per_s(),
         .sustained_known = carried != nullptr});
  }
}

void Plan::report_how(PlanReport& report, const PlanInput& input) const {
  report.how.redecided = {"routes", "identity", "limits"};
  if (input.recording) report.how.redecided.insert(report.how.redecided.begin() + 1, "loops");
  if (report.input.durations) report.how.modelled.push_back("timeouts");
  if (report.input.upstreams) report.how.modelled.push_back("balance");
  if (report.retries.modelled) report.how.modelled.push_back("retries");
  if (input.recording) report.how.carried_over = {"health", "admission"};
  if (input.recording && !after_.external_auths.empty()) report.how.carried_over.push_back("external_auth");
}

}  // namespace weir::replay
