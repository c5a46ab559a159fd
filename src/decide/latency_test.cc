#include "decide/latency.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

namespace weir::decide {
namespace {

using namespace std::chrono_literals;
using enum AttemptResult;
constexpr Stamp kStart{std::chrono::seconds(1'000'000)};
const double kKept = std::exp(-1.0);   // of an average, after kFade

TEST(PeakLatency, GoesUpAtOnceAndComesDownByTime) {
  PeakLatency latency;
  EXPECT_EQ(latency.at(kStart), 0);
  latency.add(good, 10ms, kStart);
  EXPECT_DOUBLE_EQ(latency.at(kStart), 0.010);
  latency.add(good, 50ms, kStart);
  EXPECT_DOUBLE_EQ(latency.at(kStart), 0.050);
  // The same moment says nothing against the worse time; 10 s later it weighs 1/e, the better one the rest.
  latency.add(good, 10ms, kStart);
  EXPECT_DOUBLE_EQ(latency.at(kStart), 0.050);
  latency.add(good, 10ms, kStart + 10s);
  EXPECT_NEAR(latency.at(kStart + 10s), 0.050 * kKept + 0.010 * (1 - kKept), 1e-12);
}

TEST(PeakLatency, IsForgottenWhereNobodyAsks) {
  PeakLatency latency;
  latency.add(good, 1s, kStart);
  EXPECT_NEAR(latency.at(kStart + 10s), kKept, 1e-12);
  EXPECT_NEAR(latency.at(kStart + 20s), kKept * kKept, 1e-12);
}

TEST(PeakLatency, FailuresAddUpToABound) {
  PeakLatency latency;
  latency.add(failed, 1ms, kStart);   // nothing was known: a second
  EXPECT_DOUBLE_EQ(latency.at(kStart), 1);
  for (const double seconds : {2.0, 4.0, 8.0, 10.0, 10.0}) {
    latency.add(failed, 1ms, kStart);
    EXPECT_DOUBLE_EQ(latency.at(kStart), seconds);
  }
  latency.add(failed, 30s, kStart);   // it took longer than any penalty
  EXPECT_DOUBLE_EQ(latency.at(kStart), 30);
}

TEST(PeakLatency, WhatNobodyWaitedForOnlyRaises) {
  PeakLatency latency;
  latency.add(good, 100ms, kStart);
  latency.add(silent, 10ms, kStart + 1s);
  EXPECT_NEAR(latency.at(kStart + 1s), 0.1 * std::exp(-0.1), 1e-12);
  latency.add(silent, 3s, kStart + 1s);
  EXPECT_DOUBLE_EQ(latency.at(kStart + 1s), 3);
}

// Whatever comes: never above the worst that could be said, and right after a sample not below it.
TEST(PeakLatencyProperty, StaysWithinWhatWasSaid) {
  EXPECT_TRUE(rc::check([] {
    PeakLatency latency;
    Stamp now = kStart;
    double worst = 0;
    for (const int step : *rc::gen::container<std::vector<int>>(rc::gen::inRange(0, 30'000))) {
      now += std::chrono::milliseconds(step % 97);
      const Nanos took = std::chrono::milliseconds(step);
      const auto result = static_cast<AttemptResult>(step % 3);
      latency.add(result, took, now);
      worst = std::max({worst, std::chrono::duration<double>(took).count(), result == failed ? 10.0 : 0.0});
      RC_ASSERT(latency.at(now) <= worst + 1e-9);
      RC_ASSERT(latency.at(now + 5s) <= latency.at(now));
    }
  }));
}

}  // namespace
}  // namespace weir::decide
