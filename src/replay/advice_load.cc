// What takes time and what carries load: timeouts against durations, weights against what endpoints
// have sustained, upstreams against their growth.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "fmt/core.h"
#include "replay/advice_parts.h"
#include "replay/auth_timeout.h"

namespace weir::replay {
namespace {

using Unit = Measure::Unit;

constexpr double kTail = 1 - threshold::kCutShare;

class TimeoutsOfRoute {
 public:
  TimeoutsOfRoute(const AdviceInput& in, std::size_t route, Advice& out)
      : in_(in), use_(in.counts.routes[route]), route_(in.policy.routes[route]), out_(out) {}

  // False: there are too few durations to say anything.
  bool find() {
    const RouteTimeouts& timeouts = in_.policy.timeouts_of(route_);
    if (!timeouts.response || use_.requests == 0) return true;
    response_ = timeouts.response->value;
    source_ = timeouts.response->source;
    if (use_.answered == nullptr || use_.timed < threshold::kDurations) return false;
    tail_ = use_.answered->quantile(kTail);
    const double reached = static_cast<double>(use_.reached);
    if (reached > threshold::kCutShare * static_cast<double>(use_.timed)) {
      find_short();
    } else if (timeouts.total && timeouts.total->value < response_) {
      find_long("total_ms", timeouts.total->value);
    } else if (const auto patience = this->patience();
               patience && static_cast<double>(response_.count()) >
                               threshold::kPatience * static_cast<double>(patience->count())) {
      find_long("patience_ms", *patience);
    }
    return true;
  }

 private:
  Finding finding(Check check, Level level) const {
    return {.check = check,
            .level = level,
            .subject = {.kind = Subject::Kind::route, .name = name_of(in_, route_.name)},
            .source = source_,
            .measures = {milliseconds_as("timeout_ms", response_),
                         milliseconds_as("p99_9_ms", tail_), counted_as("of", use_.timed)}};
  }

  void propose(Finding& finding, Nanos timeout) const {
    finding.candidates.push_back(
        {{.kind = Change::Kind::response, .subject = finding.subject, .time = timeout}});
  }

  void find_short() {
    Finding found = finding(Check::timeout_short, Level::hurts);
    found.measures.push_back(counted_as("reached", use_.reached));
    found.measures.push_back(counted_as("cut", use_.cut));
    // What was cut did not show how long it would have taken.
    const double most = static_cast<double>(std::max(tail_, response_).count());
    for (const double times : {threshold::kAimedTimeout, threshold::kAimedTimeout * 2}) {
      const Nanos wanted = time_up(most * times);
      const auto& total = in_.policy.timeouts_of(route_).total;
      if (total && wanted >= total->value) continue;
      propose(found, wanted);
    }
    if (found.candidates.empty()) found.nothing = "the route's total would end it before";
    if (use_.late_known >= threshold::kLateAnswers) go_by_late(found);
    out_.findings.push_back(std::move(found));
  }

  // What was cut and probed afterwards does show it: the time that nine in ten of those that came at all took.
  void go_by_late(Finding& found) {
    found.measures.push_back(counted_as("late_known", use_.late_known));
    if (use_.late == nullptr) {
      found.measures.push_back(counted_as("late_in_time", 0));
      found.candidates.clear();
      found.nothing = "what was cut did not come later either: a longer timeout would not help";
      return;
    }
    const Nanos wanted = time_up(static_cast<double>(use_.late->quantile(threshold::kLateShare).count()));
    found.measures.push_back(counted_as("late_in_time", use_.late->at_most(wanted)));
    found.measures.push_back(milliseconds_as("late_ms", wanted));
    const auto& total = in_.policy.timeouts_of(route_).total;
    if (wanted <= response_ || (total && wanted >= total->value)) return;
    propose(found, wanted);
    std::ranges::rotate(found.candidates, found.candidates.end() - 1);   // tried first
    found.nothing.clear();
  }

  void find_long(std::string_view deadline_is, Nanos deadline) {
    Finding found = finding(Check::timeout_long, Level::soon);
    found.measures.push_back(milliseconds_as(deadline_is, deadline));
    if (use_.gone != nullptr) found.measures.push_back(counted_as("gone", use_.gone->count()));
    const Nanos wanted =
        deadline_is == "total_ms" ? deadline : time_up(static_cast<double>(deadline.count()));
    if (tail_ <= wanted)
      propose(found, wanted);
    else
      found.nothing = "answers take longer than their callers wait";
    out_.findings.push_back(std::move(found));
  }

  // After what time those went away who did: where they show one deadline.
  std::optional<Nanos> patience() const {
    if (use_.gone == nullptr || use_.gone->count() < threshold::kGone) return std::nullopt;
    const double early = static_cast<double>(use_.gone->quantile(0.05).count()),
                 middle = static_cast<double>(use_.gone->quantile(0.5).count()),
                 late = static_cast<double>(use_.gone->quantile(0.95).count());
    if (late - early > threshold::kGoneSpread * middle) return std::nullopt;
    return Nanos(static_cast<std::int64_t>(middle));
  }

  const AdviceInput& in_;
  const Review::RouteUse& use_;
  const Route& route_;
  Advice& out_;
  Nanos response_{0}, tail_{0};
  Source source_;
};

struct EndpointLoad {
  std::string name;
  std::uint32_t weight = 0;
  double predicted = 0;  // requests of its busiest minute, as the policy would send them; where it
                         // balances by what is under way, as it was
  double sustained = 0;  // of its busiest clean minute; these two of all upstreams that it is in
  double own = 0;        // sustained of this one
};

// Then replay cannot tell who gets what, and weights alone do not decide it.
bool by_load(const Upstream& upstream) { return decide::goes_by_load(upstream.balance); }

// What was counted of it in all upstreams that it is in, for it carries all of that.
double sum_of(const AdviceInput& in, NameId endpoint, std::uint32_t Review::Load::* counted) {
  double sum = 0;
  for (std::size_t i = 0; i < in.policy.endpoints.size(); ++i) {
    if (in.policy.endpoints[i].name == endpoint) sum += in.counts.endpoints[i].*counted;
  }
  return sum;
}

std::vector<EndpointLoad> loads_of(const AdviceInput& in, const Upstream& upstream) {
  std::vector<EndpointLoad> loads;
  for (std::size_t i = 0; i < upstream.endpoint_count; ++i) {
    const std::size_t at = upstream.first_endpoint + i;
    const Endpoint& endpoint = in.policy.endpoints[at];
    EndpointLoad load{.name = name_of(in, endpoint.name),
                      .weight = endpoint.weight,
                      .sustained = sum_of(in, endpoint.name, &Review::Load::best),
                      .own = static_cast<double>(in.counts.endpoints[at].best)};
    for (const auto& part : in.report.balance) {
      if (part.endpoint == load.name && part.upstream == in.names.text(upstream.name))
        load.predicted = part.picks_per_s * 60;
    }
    if (by_load(upstream)) load.predicted = sum_of(in, endpoint.name, &Review::Load::most);
    if (load.weight > 0) loads.push_back(std::move(load));
  }
  return loads;
}

// The smallest whole weights, at most ten times each other's steps, within 5 % of what each has
// sustained of this upstream: others have weights of their own.
std::vector<std::uint64_t> weights_like(const std::vector<EndpointLoad>& loads) {
  const double least = std::ranges::min_element(loads, {}, &EndpointLoad::own)->own;
  std::vector<std::uint64_t> weights(loads.size());
  for (std::uint64_t unit = 1; unit <= 10; ++unit) {
    double worst = 0;
    for (std::size_t i = 0; i < loads.size(); ++i) {
      const double exact = loads[i].own / least * static_cast<double>(unit);
      weights[i] = static_cast<std::uint64_t>(std::max(std::round(exact), 1.0));
      worst = std::max(worst, std::abs(static_cast<double>(weights[i]) / exact - 1));
    }
    if (worst <= 0.05) break;
  }
  return weights;
}

// True: the weights are at fault for what its endpoints carry.
bool find_weights(const AdviceInput& in, const Upstream& upstream,
                  const std::vector<EndpointLoad>& loads, Advice& out) {
  const auto excess = [](const EndpointLoad& load) {
    return load.sustained == 0 ? 0 : load.predicted / load.sustained;
  };
  const EndpointLoad& worst = *std::ranges::max_element(loads, {}, excess);
  if (excess(worst) <= threshold::kAboveSustained ||
      worst.predicted - worst.sustained <= threshold::kDeviations * std::sqrt(worst.sustained))
    return false;
  Finding finding{.check = Check::weights,
                  .level = Level::soon,
                  .subject = {.kind = Subject::Kind::upstream,
                              .name = name_of(in, upstream.name),
                              .part = worst.name},
                  .source = upstream.source,
                  .measures = {measured("predicted_per_s", worst.predicted / 60, Unit::per_s),
                               measured("sustained_per_s", worst.sustained / 60, Unit::per_s)}};
  const bool all_carried =
      std::ranges::all_of(loads, [](const EndpointLoad& load) { return load.own > 0; });
  if (by_load(upstream)) {
    finding.nothing = "it balances by load, weights alone do not decide its share";
  } else if (all_carried) {
    const std::vector<std::uint64_t> weights = weights_like(loads);
    std::vector<Change>& changes = finding.candidates.emplace_back();
    for (std::size_t i = 0; i < loads.size(); ++i) {
      if (weights[i] == loads[i].weight) continue;
      changes.push_back({.kind = Change::Kind::weight,
                         .subject = {.kind = Subject::Kind::upstream,
                                     .name = finding.subject.name,
                                     .part = loads[i].name},
                         .number = weights[i]});
    }
    if (changes.empty()) {
      finding.candidates.clear();
      finding.nothing = "the weights are as its endpoints have carried: all of them are short";
    }
  } else {
    finding.nothing = "an endpoint has carried nothing in this input: its share is not known";
  }
  out.findings.push_back(std::move(finding));
  return true;
}

// Busiest minutes of whole weeks, the newest last, counted back from the end to its first request.
std::vector<std::uint32_t> weekly_peaks(const Review::UpstreamUse& use) {
  constexpr std::ptrdiff_t kHours = 7 * 24;
  const auto begin = std::ranges::find_if(use.hours, [](std::uint32_t peak) { return peak > 0; });
  std::vector<std::uint32_t> peaks(static_cast<std::size_t>((use.hours.end() - begin) / kHours));
  auto from = use.hours.end() - static_cast<std::ptrdiff_t>(peaks.size()) * kHours;
  for (std::uint32_t& peak : peaks) {
    peak = *std::max_element(from, from + kHours);
    from += kHours;
  }
  return peaks;
}

// `apart`: the busiest clean minutes of its endpoints, whenever they were, summed.
void find_capacity(const AdviceInput& in, std::size_t index, double apart, bool weighted,
                   Advice& out) {
  const Upstream& upstream = in.policy.upstreams[index];
  const Review::UpstreamUse& use = in.counts.upstreams[index];
  std::vector<std::uint32_t> peaks = weekly_peaks(use);
  const std::size_t weeks = peaks.size();
  if (peaks.empty()) peaks.push_back(*std::ranges::max_element(use.hours));
  const double last = peaks.back(), first = peaks.front();
  const auto failed = static_cast<std::uint64_t>(std::ranges::count_if(
      use.failing, [&](std::uint32_t minute) { return minute > use.load.best; }));
  // Where it failed as a whole, what its endpoints carried one by one is no proof.
  const bool full = failed >= threshold::kSaturated;
  const double sustained = full && apart > 0 ? use.load.best : apart;

  Headroom& headroom = out.headroom.emplace_back();
  headroom = {.upstream = name_of(in, upstream.name),
              .peak_per_s = last / 60,
              .sustained_per_s = sustained / 60};
  if (weeks >= threshold::kWeeksOfTrend && first > 0) {
    const bool chance = std::abs(last - first) <= threshold::kDeviations * std::sqrt(first);
    headroom.growth_per_week =
        chance ? 0 : std::pow(last / first, 1.0 / static_cast<double>(weeks - 1)) - 1;
  }
  if (apart == 0 || weighted || !lasts(in, threshold::kDay)) return;
  const double growth = headroom.growth_per_week.value_or(0);
  if (growth >= threshold::kGrowth)
    headroom.weeks_left = std::max(std::log(sustained / last) / std::log1p(growth), 0.0);
  const bool near_end = full && last >= threshold::kNearCapacity * sustained;
  if (!near_end && headroom.weeks_left.value_or(threshold::kWeeksLeft) >= threshold::kWeeksLeft)
    return;
  Finding finding{
      .check = Check::capacity,
      .level = full ? Level::hurts : Level::soon,
      .subject = {.kind = Subject::Kind::upstream, .name = headroom.upstream},
      .source = upstream.source,
      .measures = {measured("peak_per_s", headroom.peak_per_s, Unit::per_s),
                   measured("sustained_per_s", headroom.sustained_per_s, Unit::per_s),
                   measured("headroom", std::max(1 - last / sustained, 0.0), Unit::share),
                   counted_as("failed_minutes", failed)}};
  if (headroom.growth_per_week)
    finding.measures.push_back(measured("growth_per_week", growth, Unit::share));
  if (headroom.weeks_left)
    finding.measures.push_back(measured("weeks_left", *headroom.weeks_left, Unit::weeks));
  finding.nothing = "it needs endpoints that are not in the configuration";
  out.findings.push_back(std::move(finding));
}

// What is cut is answered 503 or let pass unjudged, by `on_failure`. Nothing is proposed: a plan cannot tell what a service
// would have said that had more time.
void find_auth_timeout(const AdviceInput& in, std::size_t index, Advice& out) {
  const Route& route = in.policy.routes[index];
  const Review::RouteUse& use = in.counts.routes[index];
  if (use.auth == nullptr) return;
  const ExternalAuth& asked = *in.policy.external_auth_of(route);
  const Nanos timeout = asked.timeout.value;
  const auto found = short_auth_timeout(timeout, *use.auth, use.auth_reached);
  if (!found) return;
  Finding& finding = out.findings.emplace_back();
  finding = {.check = Check::auth_timeout,
             .level = found->cut ? Level::hurts : Level::soon,
             .subject = {.kind = Subject::Kind::route, .name = name_of(in, route.name), .part = "auth.external"},
             .source = asked.timeout.source.line != 0 ? asked.timeout.source : asked.source,
             .measures = {milliseconds_as("timeout_ms", timeout), milliseconds_as("p99_ms", found->p99),
                          counted_as("of", use.auth->count()), counted_as("reached", use.auth_reached)}};
  finding.nothing = fmt::format("what the service says later is not known; twice its p99 is {} ms",
                                found->wanted.count() / 1'000'000);
}

}  // namespace

void advise_timeouts(const AdviceInput& in, Advice& out) {
  bool none = false, few = false;
  for (std::size_t i = 0; i < in.policy.routes.size(); ++i) {
    find_auth_timeout(in, i, out);
    if (!std::holds_alternative<Forward>(in.policy.routes[i].action)) continue;
    if (in.counts.with_response == 0) {
      none = none || in.policy.timeouts_of(in.policy.routes[i]).response.has_value();
    } else {
      few = !TimeoutsOfRoute(in, i, out).find() || few;
    }
  }
  if (none) {
    out.cannot_judge.push_back({Topic::timeouts, "the input holds no durations",
                                "log_format to add: weir help log-format"});
  }
  if (few) {
    out.cannot_judge.push_back(
        {Topic::timeouts, fmt::format("a route has fewer than {} durations", threshold::kDurations),
         "give a longer input"});
  }
}

void advise_load(const AdviceInput& in, Advice& out) {
  bool asked = false, several = false;
  for (std::size_t i = 0; i < in.policy.upstreams.size(); ++i) {
    const Upstream& upstream = in.policy.upstreams[i];
    if (in.counts.upstreams[i].hours.empty()) continue;
    asked = true;
    const std::vector<EndpointLoad> loads = loads_of(in, upstream);
    several = several || loads.size() > 1;
    double sustained = 0;
    bool weighted = false;
    for (const EndpointLoad& load : loads) sustained += load.own;
    if (loads.size() > 1 && sustained > 0 && lasts(in, threshold::kDay)) {
      weighted = find_weights(in, upstream, loads, out);
    }
    find_capacity(in, i, sustained, weighted, out);
  }
  if (!asked) return;
  const auto cannot = [&](Topic topic, std::string why, std::string hint) {
    out.cannot_judge.push_back({topic, std::move(why), std::move(hint)});
  };
  if (in.counts.with_status == 0) {
    cannot(Topic::capacity, "which minutes failed: the input holds no statuses",
           "log_format to add: weir help log-format");
  }
  if (in.counts.with_endpoint == 0) {
    const std::string why = "the input does not name an endpoint of the configuration",
                      hint = "log_format to add: weir help log-format";
    if (several) cannot(Topic::weights, why, hint);
    cannot(Topic::capacity, why, hint);
  } else if (!lasts(in, threshold::kDay)) {
    const std::string why = "what endpoints have sustained, in less than a day";
    if (several) cannot(Topic::weights, why, "give a day or more");
    cannot(Topic::capacity, why, "give two weeks or more");
  } else if (!lasts(in, threshold::kWeek * threshold::kWeeksOfTrend)) {
    cannot(Topic::capacity, "growth, in less than two weeks", "give two weeks or more");
  }
}

}  // namespace weir::replay
