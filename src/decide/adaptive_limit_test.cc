#include "decide/adaptive_limit.h"

#include <algorithm>
#include <cmath>
#include <deque>
#include <queue>
#include <vector>

#include "gtest/gtest.h"
#include "rapidcheck/gtest.h"

namespace weir::decide {
namespace {

using std::chrono_literals::operator""s;
using std::chrono_literals::operator""ms;

// A service with `slots` workers of constant latency behind a queue without an end, asked at a constant rate; what the limit
// does not let in is refused. In steps of a millisecond.
struct Service {
  AdaptiveConcurrency limit;
  AdaptiveLimit rules;
  int slots = 8;
  Nanos latency = 25ms;
  Stamp now = stamp_from_nanos(1'000'000'000'000);
  double owed = 0;
  std::uint64_t refused = 0, done = 0;
  std::deque<Stamp> waiting;                     // since
  std::vector<std::pair<Stamp, Stamp>> served;   // until, since
  Outcomes outcomes;

  std::uint64_t under_way() const { return waiting.size() + served.size(); }
  void run(double per_second, Nanos time) {
    for (const Stamp end = now + time; now < end; now += 1ms) {
      for (owed += per_second / 1000; owed >= 1; owed -= 1) {
        if (under_way() < limit.limit()) waiting.push_back(now);
        else ++refused;
      }
      std::erase_if(served, [&](const auto& each) {
        if (each.first > now) return false;
        outcomes.add_ok(now - each.second);
        ++done;
        return true;
      });
      while (!waiting.empty() && served.size() < static_cast<std::size_t>(slots)) {
        served.emplace_back(now + latency, waiting.front());
        waiting.pop_front();
      }
      if (now.time_since_epoch() % 50ms != Nanos(0)) continue;
      limit.on_outcomes(outcomes);
      outcomes = {};
      limit.tick(rules, under_way(), now);
    }
  }
  std::uint64_t refused_in(double per_second, Nanos time) {
    const std::uint64_t before = refused;
    run(per_second, time);
    return refused - before;
  }
};

TEST(AdaptiveLimit, BelowCapacityNobodyIsRefused) {
  Service service;
  service.run(250, 60s);   // of 320
  EXPECT_EQ(service.refused, 0u);
}

// L = tolerance x slots + sqrt(L): with 1.5 and 8, 12 + sqrt(L) gives 16. Latencies are known to an eighth.
TEST(AdaptiveLimit, UnderOverloadItSettlesWhereTheArithmeticSays) {
  for (const double times : {2.0, 5.0}) {
    Service service;
    service.run(250, 10s);
    service.run(320 * times, 20s);
    EXPECT_NEAR(service.limit.limit(), 16, 3) << times;
    const std::uint64_t before = service.done;
    service.run(320 * times, 10s);
    EXPECT_GE(service.done - before, 3168u) << "99 % of 320 a second";
    EXPECT_LE(service.waiting.size(), 12u);
  }
}

// It starts in the middle of an overload: the floor is not known, and found all the same.
TEST(AdaptiveLimit, ACapacityThatWasNeverSeenUnloadedIsNotExceededForEver) {
  Service service;
  service.run(640, 30s);
  EXPECT_LE(service.limit.limit(), 64u) << "no more than it began with";
  service.run(100, 10s);
  service.run(640, 20s);
  EXPECT_NEAR(service.limit.limit(), 16, 3);
}

TEST(AdaptiveLimit, IsShortWhileThereIsMoreToDoThanItCan) {
  Service service;
  service.run(250, 10s);   // of 320
  EXPECT_FALSE(service.limit.is_short());
  service.run(640, 20s);
  EXPECT_TRUE(service.limit.is_short());
  service.run(250, 10s);
  EXPECT_FALSE(service.limit.is_short());
  service.latency = 100ms;   // slower, and what it has to do fits: two at once of the four (half of L and sqrt(L)) that it may have
  service.run(20, 30s);
  EXPECT_FALSE(service.limit.is_short());
}

TEST(AdaptiveLimit, MoreCapacityIsFoundWithoutRefusingForLong) {
  Service service;
  service.run(250, 10s);
  service.run(640, 20s);
  service.slots = 64;      // 2,560 a second
  service.run(1280, 20s);
  EXPECT_EQ(service.refused_in(1280, 10s), 0u);
}

// 2,000 at once, 25 ms: 80,000 a second come at once to a gateway that has just begun.
TEST(AdaptiveLimit, AGatewayThatStartsUnderLoadRefusesForASecondOrTwo) {
  Service service;
  service.slots = 4000;
  service.run(80'000, 3s);
  EXPECT_EQ(service.refused_in(80'000, 3s), 0u);
}

// 25 at once are asked for, 64 fit, and for 20 s two. By a fifth of sqrt(limit) it would be 22 steps from 8 to 25: more than 4 s.
TEST(AdaptiveLimit, AfterAShortageItIsBackInTwoSeconds) {
  Service service;
  service.slots = 64;
  service.run(1000, 10s);
  service.slots = 2;
  service.run(1000, 20s);
  EXPECT_LE(service.limit.limit(), 10u);
  service.slots = 64;
  service.run(1000, 2s);
  EXPECT_EQ(service.refused_in(1000, 10s), 0u);
}

TEST(AdaptiveLimit, WhereLessCapacityIsLeftForGoodItStaysThere) {
  Service service;
  service.slots = 64;   // 2,560 a second
  service.run(2000, 10s);
  service.slots = 8;    // 320
  service.run(2000, 20s);
  const std::uint64_t before = service.done;
  for (int second = 0; second < 60; ++second) {
    service.run(2000, 1s);
    EXPECT_NEAR(service.limit.limit(), 16, 3);
  }
  EXPECT_GE(service.done - before, 60u * 3168 / 10) << "99 %";
}

// Whole steps, worked out by hand.
struct Steps {
  AdaptiveConcurrency limit;
  AdaptiveLimit rules;
  Stamp now = stamp_from_nanos(1'000'000'000);

  Steps() { limit.tick(rules, 0, now); }
  std::uint32_t step(std::uint32_t good, Nanos latency, std::uint32_t failed, std::uint64_t in_flight) {
    Outcomes outcomes;
    for (std::uint32_t i = 0; i < good; ++i) outcomes.add_ok(latency);
    for (std::uint32_t i = 0; i < failed; ++i) outcomes.add_failed();
    limit.on_outcomes(outcomes);
    limit.tick(rules, in_flight, now += 200ms);
    return limit.limit();
  }
  // 64 x 0.9^20 is 7.8: at the least there is.
  void sink() {
    EXPECT_EQ(step(50, 10ms, 0, 10), 64u);
    for (int i = 0; i < 20; ++i) step(10, 10ms, 10, 64);
    EXPECT_EQ(limit.limit(), 8u);
  }
};

// 8 + 0.2 sqrt(8) = 8.57, + 0.2 sqrt(8.57) = 9.15; the third that is well doubles it: 18.3, then 32, half of 64, then + 0.2 sqrt(32).
TEST(AdaptiveLimit, ComesBackToHalfOfWhatItWasByDoubling) {
  Steps steps;
  steps.sink();
  for (const std::uint32_t expected : {8u, 9u, 18u, 32u, 33u}) EXPECT_EQ(steps.step(50, 10ms, 0, 1000), expected);
}

TEST(AdaptiveLimit, DoesNotComeBackWhereNobodyAsksForIt) {
  Steps steps;
  steps.sink();
  for (int i = 0; i < 10; ++i) EXPECT_EQ(steps.step(50, 10ms, 0, 3), 8u);
}

// From 9.15 a slow step more: wanted 9.15 / 2 + sqrt(9.15) = 7.60, a fifth of the way 8.84. Then a fifth of the root each: 9.44, 10.05,
// 10.68, 11.34.
TEST(AdaptiveLimit, ADoublingThatWasTooMuchIsTakenBackAtOnceAndNotTriedAgain) {
  Steps steps;
  steps.sink();
  for (const std::uint32_t expected : {8u, 9u, 18u}) EXPECT_EQ(steps.step(50, 10ms, 0, 1000), expected);
  for (const std::uint32_t expected : {9u, 8u}) EXPECT_EQ(steps.step(50, 40ms, 0, 1000), expected);
  for (const std::uint32_t expected : {9u, 10u, 10u, 11u}) EXPECT_EQ(steps.step(50, 10ms, 0, 1000), expected);
}

TEST(AdaptiveLimit, TheUnloadedLatencyIsNotTheLuckOfTenAnswers) {
  Steps steps;
  for (int i = 0; i < 50; ++i) EXPECT_EQ(steps.step(10, i % 5 == 4 ? 10ms : 30ms, 0, 10), 64u);   // by 10 ms, 30 would be slow
  for (int i = 0; i < 5; ++i) steps.step(10, 10ms, 0, 10);
  EXPECT_EQ(steps.step(10, 30ms, 0, 10), 59u) << "64 / 2 + sqrt(64) = 40, a fifth of the way";
}

TEST(AdaptiveLimit, FailuresTakeATenthOff) {
  AdaptiveConcurrency limit;
  const AdaptiveLimit rules;
  Stamp now = stamp_from_nanos(1'000'000'000);
  limit.tick(rules, 40, now);
  Outcomes outcomes;
  for (int i = 0; i < 8; ++i) outcomes.add_ok(10ms);
  for (int i = 0; i < 2; ++i) outcomes.add_failed();
  limit.on_outcomes(outcomes);
  EXPECT_TRUE(limit.tick(rules, 40, now + 200ms));
  EXPECT_EQ(limit.limit(), 57u);   // of 64
}

TEST(AdaptiveLimit, StaysWithinItsBounds) {
  AdaptiveConcurrency limit;
  const AdaptiveLimit rules{.min = 20, .max = 70};
  Stamp now = stamp_from_nanos(1'000'000'000);
  const AdaptiveLimit wide{.min = 100, .max = 200};
  AdaptiveConcurrency fresh;
  fresh.tick(wide, 0, now);
  EXPECT_EQ(fresh.limit(), 100u) << "before it has seen anything";
  const auto step = [&](std::uint32_t good, std::uint32_t failed) {
    Outcomes outcomes;
    for (std::uint32_t i = 0; i < good; ++i) outcomes.add_ok(10ms);
    for (std::uint32_t i = 0; i < failed; ++i) outcomes.add_failed();
    limit.on_outcomes(outcomes);
    limit.tick(rules, 1000, now += 200ms);
  };
  for (int i = 0; i < 50; ++i) step(0, 20);
  EXPECT_EQ(limit.limit(), 20u);
  for (int i = 0; i < 500; ++i) step(20, 0);
  EXPECT_EQ(limit.limit(), 70u);
}

AdaptiveLimit any_rules() {
  const auto min = *rc::gen::inRange<std::uint32_t>(1, 200);
  return {.min = min, .max = *rc::gen::inRange<std::uint32_t>(min, 10'001), .tolerance = *rc::gen::inRange(11, 50) / 10.0};
}

// What comes in one step of any length.
struct Step {
  Outcomes outcomes;
  std::uint64_t in_flight = 0;
  Nanos passed{0};
};
Step any_step(std::uint32_t limit) {
  Step step;
  const auto good = *rc::gen::inRange(0, 80), failed = *rc::gen::element(0, 0, 0, 1, 5, 40);
  const Nanos took = std::chrono::microseconds(*rc::gen::inRange(1, 3'000'000));
  for (int i = 0; i < good; ++i) step.outcomes.add_ok(i % 3 == 0 ? took / 2 : took);
  for (int i = 0; i < failed; ++i) step.outcomes.add_failed();
  step.in_flight = *rc::gen::inRange<std::uint64_t>(0, 2 * std::uint64_t{limit} + 2);
  step.passed = std::chrono::milliseconds(*rc::gen::element(10, 200, 250, 1000, 400'000));
  return step;
}

// Whatever comes, and also where the rules change in between.
RC_GTEST_PROP(AdaptiveLimitProperty, IsNeverOutsideOfItsBounds, ()) {
  AdaptiveConcurrency limit;
  AdaptiveLimit rules = any_rules();
  Stamp now = stamp_from_nanos(1'000'000'000);
  for (const int what : *rc::gen::container<std::vector<int>>(rc::gen::inRange(0, 10))) {
    if (what == 0) rules = any_rules();
    const Step step = any_step(limit.limit());
    limit.on_outcomes(step.outcomes);
    limit.tick(rules, step.in_flight, now += step.passed);
    RC_ASSERT(limit.limit() >= rules.min);
    RC_ASSERT(limit.limit() <= rules.max);
  }
}

// It is at most doubled or halved at once, and stays where nothing is known.
RC_GTEST_PROP(AdaptiveLimitProperty, MovesByNoMoreThanItsRulesSay, ()) {
  AdaptiveConcurrency limit;
  const AdaptiveLimit rules = any_rules();
  Stamp now = stamp_from_nanos(1'000'000'000);
  limit.tick(rules, 0, now);
  for (const int what : *rc::gen::container<std::vector<int>>(rc::gen::inRange(0, 10))) {
    const std::uint32_t before = limit.limit();
    Step step = any_step(before);
    if (what == 0) step.outcomes = {};
    limit.on_outcomes(step.outcomes);
    const bool changed = limit.tick(rules, step.in_flight, now += AdaptiveConcurrency::kStep);
    const std::uint32_t after = limit.limit();
    RC_ASSERT(changed == (after != before));
    if (what == 0) RC_ASSERT(after == before);
    RC_ASSERT(after <= 2 * before + 1);   // both are rounded down
    RC_ASSERT(after >= before / 2);
  }
}

RC_GTEST_PROP(AdaptiveLimitProperty, RisesOnlyWhereHalfOfItWasUsed, ()) {
  AdaptiveConcurrency limit;
  const AdaptiveLimit rules = any_rules();
  Stamp now = stamp_from_nanos(1'000'000'000);
  limit.tick(rules, 0, now);
  for (const int what : *rc::gen::container<std::vector<int>>(rc::gen::inRange(0, 3))) {
    const std::uint32_t before = limit.limit();
    Step step = any_step(before);
    if (what == 0) step.in_flight = before / 2 == 0 ? 0 : before / 2 - 1;
    for (int i = 0; i < 10; ++i) step.outcomes.add_ok(10ms);   // enough to judge it by
    limit.on_outcomes(step.outcomes);
    limit.tick(rules, step.in_flight, now += AdaptiveConcurrency::kStep);
    if (what == 0) RC_ASSERT(limit.limit() <= before);
  }
}

// 0.9 to the hundredth of 10,000 is less than one.
RC_GTEST_PROP(AdaptiveLimitProperty, WhereAllFailsItComesDownToTheLeast, ()) {
  AdaptiveConcurrency limit;
  const AdaptiveLimit rules = any_rules();
  Stamp now = stamp_from_nanos(1'000'000'000);
  for (const int what : *rc::gen::container<std::vector<int>>(rc::gen::inRange(0, 10))) {
    const Step step = any_step(limit.limit() + static_cast<std::uint32_t>(what));
    limit.on_outcomes(step.outcomes);
    limit.tick(rules, step.in_flight, now += step.passed);
  }
  for (int i = 0; i < 101; ++i) {
    Outcomes outcomes;
    for (int j = 0; j < 1000; ++j) outcomes.add_failed();
    limit.on_outcomes(outcomes);
    limit.tick(rules, 0, now += AdaptiveConcurrency::kStep);
  }
  RC_ASSERT(limit.limit() == rules.min);
}

}  // namespace
}  // namespace weir::decide
