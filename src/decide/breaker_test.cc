#include "decide/breaker.h"

#include "gtest/gtest.h"
#include "rapidcheck/gtest.h"

namespace weir::decide {
namespace {

using std::chrono_literals::operator""s;
using std::chrono_literals::operator""ms;

struct Fuse {
  Breaker rules{.failure_ratio = 0.5};   // 20 in 10 s; 5 s, 10 s, … 60 s; 3 probes
  FailureBreaker breaker;
  Stamp now = stamp_from_nanos(1'000'000'000'000);

  void answer(std::uint32_t good, std::uint32_t failed) {
    Outcomes outcomes;
    for (std::uint32_t i = 0; i < good; ++i) outcomes.add_ok(10ms);
    for (std::uint32_t i = 0; i < failed; ++i) outcomes.add_failed();
    breaker.on_outcomes(rules, outcomes, now);
  }
  BreakerState after(Nanos time) {
    now += time;
    breaker.tick(rules, now);
    return breaker.state();
  }
};

TEST(Breaker, OpensAtItsShareAndNotBelow) {
  Fuse fuse;
  fuse.answer(11, 10);   // 10 of 21
  EXPECT_EQ(fuse.breaker.state(), BreakerState::closed);
  fuse.answer(0, 1);     // 11 of 22
  EXPECT_EQ(fuse.breaker.state(), BreakerState::open);
  EXPECT_EQ(fuse.breaker.failed(), 0.5);
}

TEST(Breaker, AFewFailuresSayNothing) {
  Fuse fuse;
  fuse.answer(0, 19);
  EXPECT_EQ(fuse.breaker.state(), BreakerState::closed);
  fuse.answer(0, 1);
  EXPECT_EQ(fuse.breaker.state(), BreakerState::open);
}

TEST(Breaker, OldFailuresLeaveTheWindow) {
  Fuse fuse;
  fuse.answer(0, 19);
  EXPECT_EQ(fuse.after(11s), BreakerState::closed);
  fuse.answer(12, 8);
  EXPECT_EQ(fuse.breaker.state(), BreakerState::closed);
}

TEST(Breaker, ProbesCloseIt) {
  Fuse fuse;
  fuse.answer(0, 20);
  EXPECT_EQ(fuse.after(4999ms), BreakerState::open);
  fuse.answer(5, 0);     // under way when it opened
  EXPECT_EQ(fuse.after(1ms), BreakerState::half_open);
  fuse.answer(2, 0);
  EXPECT_EQ(fuse.breaker.state(), BreakerState::half_open);
  fuse.answer(1, 0);
  EXPECT_EQ(fuse.breaker.state(), BreakerState::closed);
  fuse.answer(0, 19);    // its window began anew
  EXPECT_EQ(fuse.breaker.state(), BreakerState::closed);
}

TEST(Breaker, AFailedProbeOpensItForTwiceAsLong) {
  Fuse fuse;
  fuse.answer(0, 20);
  for (const Nanos open : {5s, 10s, 20s, 40s, 60s, 60s}) {   // max_open
    EXPECT_EQ(fuse.breaker.open_for(), open);
    EXPECT_EQ(fuse.after(open - 1ms), BreakerState::open);
    EXPECT_EQ(fuse.after(1ms), BreakerState::half_open);
    fuse.answer(2, 1);
    EXPECT_EQ(fuse.breaker.state(), BreakerState::open);
  }
  EXPECT_EQ(fuse.after(60s), BreakerState::half_open);
  fuse.answer(3, 0);
  fuse.answer(0, 20);
  EXPECT_EQ(fuse.breaker.open_for(), Nanos(5s)) << "it closed between";
}

TEST(Breaker, WithoutARuleItIsClosed) {
  Fuse fuse;
  fuse.answer(0, 20);
  fuse.rules.failure_ratio = 0;
  EXPECT_EQ(fuse.after(0s), BreakerState::closed);
  fuse.answer(0, 1000);
  EXPECT_EQ(fuse.breaker.state(), BreakerState::closed);
}

// Whatever comes: it is never open for longer than max_open without a tick in which it is half open, and good answers in a row
// close it in the end.
RC_GTEST_PROP(Breaker, AlwaysComesBack, (std::vector<std::pair<std::uint8_t, std::uint8_t>> answers)) {
  Fuse fuse;
  for (const auto& [good, failed] : answers) {
    fuse.answer(good % 32, failed % 32);
    fuse.after(std::chrono::milliseconds(good * 10));
    RC_ASSERT(fuse.breaker.state() != BreakerState::open || fuse.breaker.until() <= fuse.now + fuse.rules.max_open);
  }
  fuse.after(60s);
  fuse.answer(3, 0);
  if (fuse.breaker.state() != BreakerState::closed) fuse.after(60s);
  fuse.answer(3, 0);
  RC_ASSERT(fuse.breaker.state() == BreakerState::closed);
}

}  // namespace
}  // namespace weir::decide
