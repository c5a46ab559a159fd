#include "decide/adaptive_limit.h"

#include <algorithm>
#include <cmath>
#include <deque>
#include <queue>
#include <vector>

#include "gtest/gtest.h"

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
  const std::uint64_t before = service.refused;
  service.run(1280, 10s);
  EXPECT_EQ(service.refused, before);
}

// 2,000 at once, 25 ms: 80,000 a second come at once to a gateway that has just begun.
TEST(AdaptiveLimit, AGatewayThatStartsUnderLoadRefusesForASecondOrTwo) {
  Service service;
  service.slots = 4000;
  service.run(80'000, 3s);
  const std::uint64_t before = service.refused;
  service.run(80'000, 3s);
  EXPECT_EQ(service.refused, before);
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

}  // namespace
}  // namespace weir::decide
