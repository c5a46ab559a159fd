// A configuration and two weeks of traffic as a review would have counted them, for the tests of what is worth a finding.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "decide/policy_for_tests.h"
#include "replay/advice.h"
#include "replay/advice_parts.h"
#include "replay/plan_report.h"
#include "replay/review.h"

namespace weir::replay {

using std::chrono::hours;
using std::chrono::milliseconds;

constexpr WallTime kFrom = wall_from_nanos(1'793'491'200'000'000'000);
constexpr std::uint32_t kKnown = 0, kStranger = 1;

// A policy, and two weeks of nothing remarkable: one known caller, one who came once.
struct Fortnight : decide::PolicyBuilder {
  Review::Counts counts;
  PlanReport report;
  Callers callers;
  AdviceFacts facts{.now = kFrom + hours(24 * 14), .unchanged_since = kFrom};

  Fortnight() {
    policy.listeners.emplace_back().name = names.intern("main");
    upstream("app", {1, 1});
    limit("per-client", {KeyKind::client_ip}, 10, 100);
    policy.settings.emplace_back().timeouts = {.connect = {.value = milliseconds(100)},
                                               .response = ConfiguredTime{.value = milliseconds(1000)}};
    route("all", decide::prefix("/")).limits = {LimitId{0}};
    prepared();
    for (const auto& [name, days] : {std::pair("192.0.2.1", 9u), {"192.0.2.2", 1u}}) {
      InputCaller& caller = callers[callers.index(days, true, [&] { return std::string(name); })];
      for (unsigned day = 0; day < days; ++day)
        caller.standing.add(kFrom + hours(24 * day), {.status = 200}, Outcome::good);
      caller.standing.requests = 2000;
    }
    report.long_input = true;
    counts.requests = 10'000;
    counts.from = kFrom;
    counts.to = kFrom + hours(24 * 14);
    counts.with_response = counts.with_endpoint = counts.with_status = counts.requests;
    counts.limits.resize(1);
    counts.limits[0].asked = counts.requests;
    counts.limits[0].keys[0][1] = {.fullest = 0.3, .caller = kKnown, .best = 60};
    counts.routes.resize(1);
    counts.routes[0].requests = counts.requests;
    took(10'000, milliseconds(50));
    counts.endpoints = {{.best = 100}, {.best = 100}};
    counts.upstreams.resize(1);
    counts.upstreams[0].load.best = 200;
    counts.upstreams[0].hours.assign(14 * 24, 200);
    predicted(100, 100);
  }

  void lasting(Nanos time) { counts.to = kFrom + time; }
  void took(std::uint64_t requests, Nanos time) {
    Review::RouteUse& route = counts.routes[0];
    if (route.answered == nullptr) route.answered = std::make_unique<Histogram>();
    for (std::uint64_t i = 0; i < requests; ++i) route.answered->add(time);
    route.timed += requests;
    route.reached += time > milliseconds(1000) ? requests : 0;
  }
  void gone(std::uint64_t requests, Nanos time) {
    Review::RouteUse& route = counts.routes[0];
    if (route.gone == nullptr) route.gone = std::make_unique<Histogram>();
    for (std::uint64_t i = 0; i < requests; ++i) route.gone->add(time);
  }
  void predicted(double first, double second) {  // a minute
    report.balance = {{.upstream = "app",
                       .endpoint = std::string(names.text(policy.endpoints[0].name)),
                       .picks_per_s = first / 60},
                      {.upstream = "app",
                       .endpoint = std::string(names.text(policy.endpoints[1].name)),
                       .picks_per_s = second / 60}};
  }
  Advice advice() const {
    return advise({.policy = policy,
                   .names = names,
                   .counts = counts,
                   .report = report,
                   .callers = callers,
                   .facts = facts});
  }
  // The one finding there is; its check is count_ where there is none, or another.
  Finding only() const {
    Advice advice = this->advice();
    EXPECT_LE(advice.findings.size(), 1u);
    return advice.findings.size() == 1 ? advice.findings[0] : Finding{.check = Check::count_};
  }
  bool cannot(Topic topic) const {
    const Advice advice = this->advice();
    return std::ranges::find(advice.cannot_judge, topic, &CannotJudge::topic) !=
           advice.cannot_judge.end();
  }
};

inline double number(const Finding& finding, std::string_view name) {
  const Measure* const measure = finding.measure(name);
  return measure == nullptr ? -1 : measure->value;
}

}  // namespace weir::replay
