// The two detectors of the watched hour.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <optional>

#include "base/hash.h"
#include "rollout/burn_rate.h"
#include "rollout/step_change.h"

namespace weir::rollout {
namespace {

using Alarm = BurnRate::Alarm;

// Seconds until an alarm, when from some second on a share of 1,000 exchanges a second is bad.
std::optional<std::int64_t> alarm_after(double share, Alarm wanted, double objective = 0.999) {
  BurnRate burn(objective);
  for (std::int64_t second = 0; second < 2000; ++second) {
    burn.add(second, 1000, second < 600 ? 0 : static_cast<std::uint64_t>(1000 * share));
    if (const Alarm alarm = burn.alarm(second); alarm == wanted) return second - 600 + 1;
  }
  return std::nullopt;
}

// 20 % of 60 s are 12 s of exchanges that all fail: after 24 s where half fails. 3.6 % of 300 s are 10.8: after 21.6.
TEST(BurnRate, SeesAsFastAsWorkedOut) {
  EXPECT_EQ(alarm_after(0.5, Alarm::fast), 24);
  EXPECT_EQ(alarm_after(0.5, Alarm::slow), 22);
  EXPECT_EQ(alarm_after(1, Alarm::fast), 12);
  EXPECT_EQ(alarm_after(0.1, Alarm::slow), 108);
  EXPECT_EQ(alarm_after(0.1, Alarm::fast), std::nullopt);
  EXPECT_EQ(alarm_after(0.035, Alarm::slow), std::nullopt);
  EXPECT_EQ(alarm_after(0.035, Alarm::slow, 0.9995), 155) << "half the budget: 5.4 s of 300, at 3.5 % after 154.3";
}

TEST(BurnRate, IsOverWhenItIsOver) {
  BurnRate burn;
  for (std::int64_t second = 0; second < 60; ++second) burn.add(second, 100, 50);
  EXPECT_EQ(burn.alarm(59), Alarm::fast);
  for (std::int64_t second = 60; second < 65; ++second) burn.add(second, 100, 0);
  EXPECT_NE(burn.alarm(64), Alarm::fast) << "five good seconds";
  for (std::int64_t second = 65; second < 85; ++second) burn.add(second, 100, 0);
  EXPECT_EQ(burn.alarm(84), Alarm::none) << "25 good seconds";
}

TEST(BurnRate, FewBadOnesAreNone) {
  BurnRate burn;
  burn.add(0, 9, 9);
  EXPECT_EQ(burn.alarm(0), Alarm::none);
  burn.add(0, 1, 1);
  EXPECT_EQ(burn.alarm(0), Alarm::fast);
}

TEST(BurnRate, SecondsWithoutTrafficArePassedOver) {
  BurnRate burn;
  burn.add(0, 100, 100);
  EXPECT_EQ(burn.alarm(59), Alarm::none) << "nothing in the last five seconds";
  EXPECT_NEAR(burn.share(60), 1, 0);
  EXPECT_EQ(burn.alarm(1'000'000'000), Alarm::none);
  EXPECT_EQ(burn.share(300), 0);
  burn.add(5, 10, 10);   // an earlier second counts with the newest
  EXPECT_EQ(burn.alarm(1'000'000'000), Alarm::fast);
}

// Quantiles of the normal distribution, as tables have them.
TEST(StepChange, KnowsTheNormalDistribution) {
  EXPECT_NEAR(normal_quantile(0.5), 0, 1e-8);
  EXPECT_NEAR(normal_quantile(0.975), 1.959963985, 1e-8);
  EXPECT_NEAR(normal_quantile(0.001), -3.090232306, 1e-8);
}

struct Noise {
  std::uint64_t state = 7;
  double uniform() { return (static_cast<double>(mix(state++) >> 11) + 0.5) * 0x1p-53; }
  double normal() { return normal_quantile(uniform()); }
  // Student's t with three degrees of freedom: a tail so heavy that one value in 370 lies beyond nine standard ones.
  double heavy() {
    const double a = normal(), b = normal(), c = normal(), z = normal();
    return z / std::sqrt((a * a + b * b + c * c) / 3);
  }
};

std::optional<std::size_t> seen_after(double shift, std::uint64_t seed) {
  StepChange detector;
  Noise noise{.state = seed};
  for (int i = 0; i < 700; ++i)
    if (detector.add(noise.normal())) return std::nullopt;
  for (std::size_t i = 1; i < 400; ++i)
    if (const auto step = detector.add(noise.normal() + shift)) return step->up ? std::optional(i) : std::nullopt;
  return std::nullopt;
}

// The research measured 24 values at one standard deviation and 5.4 at three, on raw scores; scores of ranks are bounded.
TEST(StepChange, SeesAStepAsFastAsMeasured) {
  double one = 0, three = 0;
  constexpr std::uint64_t kRuns = 40;
  for (std::uint64_t run = 0; run < kRuns; ++run) {
    const auto small = seen_after(1, run * 10'000), great = seen_after(3, run * 10'000);
    ASSERT_TRUE(small && great) << run;
    one += static_cast<double>(*small) / kRuns;
    three += static_cast<double>(*great) / kRuns;
  }
  EXPECT_NEAR(one, 24, 6);
  EXPECT_NEAR(three, 5.4, 1.5);
}

TEST(StepChange, HeavyTailsAreNoSteps) {
  StepChange detector;
  Noise noise;
  int alarms = 0;
  for (int i = 0; i < 20'000; ++i) alarms += detector.add(noise.heavy()) ? 1 : 0;
  EXPECT_LE(alarms, 1) << "raw values bring three";
}

TEST(StepChange, SeesDownAsUpAndSaysSinceWhen) {
  StepChange detector;
  for (int i = 0; i < 400; ++i) EXPECT_FALSE(detector.add(i % 20));
  std::optional<StepChange::Step> step;
  std::size_t after = 0;
  while (!step) {
    step = detector.add(-100);
    ++after;
  }
  EXPECT_FALSE(step->up);
  EXPECT_LE(after, 8);
  EXPECT_LE(step->ago, after + 20);
  EXPECT_GE(step->ago, after);
  for (int i = 0; i < 1000; ++i) EXPECT_FALSE(detector.add(-100)) << "it is the new normal";
}

TEST(StepChange, EqualValuesNeverStep) {
  StepChange detector;
  for (int i = 0; i < 5000; ++i) EXPECT_FALSE(detector.add(0));
}

}  // namespace
}  // namespace weir::rollout
