#include "decide/auth_breaker.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <vector>

namespace weir::decide {
namespace {

constexpr Stamp at_ms(std::int64_t ms) { return stamp_from_nanos(1'000'000'000 + ms * 1'000'000); }

AuthBreaker opened(std::int64_t ms) {
  AuthBreaker breaker;
  for (std::uint32_t i = 0; i < AuthBreaker::kMinCalls; ++i) breaker.on_result(false, at_ms(ms));
  return breaker;
}

TEST(AuthBreaker, OpensAtTheTwentiethCallThatComesToNothing) {
  AuthBreaker breaker;
  for (int i = 0; i < 19; ++i) breaker.on_result(false, at_ms(i));
  EXPECT_TRUE(breaker.allows(at_ms(20)));
  breaker.on_result(false, at_ms(20));
  EXPECT_FALSE(breaker.allows(at_ms(20)));
}

TEST(AuthBreaker, StaysClosedBelowHalf) {
  AuthBreaker breaker;
  for (int i = 0; i < 20'000; ++i) {   // a third fails: at most 7 of the first 20, and less of more
    breaker.on_result(i % 3 != 0, at_ms(i));
    EXPECT_FALSE(breaker.is_open()) << i;
  }
}

TEST(AuthBreaker, FailuresOfLongAgoDoNotCount) {
  AuthBreaker breaker;
  for (int i = 0; i < 19; ++i) breaker.on_result(false, at_ms(0));
  breaker.on_result(false, at_ms(10'000));   // the half before the one under way began at 5 s at the earliest
  EXPECT_FALSE(breaker.is_open());
}

TEST(AuthBreaker, LetsOneCallASecondThroughUntilOneIsAnswered) {
  AuthBreaker breaker = opened(0);
  EXPECT_FALSE(breaker.allows(at_ms(999)));
  EXPECT_TRUE(breaker.allows(at_ms(1000)));
  EXPECT_FALSE(breaker.allows(at_ms(1001)));
  breaker.on_result(false, at_ms(1100));
  EXPECT_FALSE(breaker.allows(at_ms(1999)));
  EXPECT_TRUE(breaker.allows(at_ms(2000)));
  breaker.on_result(true, at_ms(2010));
  EXPECT_TRUE(breaker.allows(at_ms(2010)));
  breaker.on_result(false, at_ms(2020));   // counts from nothing again
  EXPECT_TRUE(breaker.allows(at_ms(2020)));
}

TEST(AuthBreaker, ACallOfWhichNothingIsHeardHoldsNothingUp) {
  AuthBreaker breaker = opened(0);
  for (int second = 1; second < 5; ++second) EXPECT_TRUE(breaker.allows(at_ms(second * 1000)));   // nobody tells what came of it
}

// Whatever happens: while it is open at most one call a second is made, and a service that answers is in use within a second.
RC_GTEST_PROP(AuthBreaker, IsBoundedWhileOpenAndEndsWithTheFault, ()) {
  AuthBreaker breaker;
  std::int64_t now = 0, let_through_at = -1'000'000;
  for (const auto& [step, good] : *rc::gen::container<std::vector<std::pair<int, bool>>>(
           rc::gen::pair(rc::gen::inRange(0, 400), rc::gen::arbitrary<bool>()))) {
    now += step;
    const bool was_open = breaker.is_open();
    if (!breaker.allows(at_ms(now))) continue;
    if (was_open) {
      RC_ASSERT(now - let_through_at >= 1000);
      let_through_at = now;
    }
    breaker.on_result(good, at_ms(now));
    if (!was_open && breaker.is_open()) let_through_at = now;
  }
  now += 1000;
  RC_ASSERT(breaker.allows(at_ms(now)));
  breaker.on_result(true, at_ms(now));
  RC_ASSERT(breaker.allows(at_ms(now)));
}

}  // namespace
}  // namespace weir::decide
