// Profiles and schedules against what the formulas of rates, Poisson processes and Pareto's law
// give.
#include "load/schedule.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

namespace weir::load {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

std::vector<double> all(Schedule schedule) {
  std::vector<double> times;
  while (const auto due = schedule.next()) times.push_back(static_cast<double>(due->count()) / 1e9);
  return times;
}

std::vector<double> gaps(const std::vector<double>& times) {
  std::vector<double> between;
  for (std::size_t i = 1; i < times.size(); ++i) between.push_back(times[i] - times[i - 1]);
  return between;
}

double mean(const std::vector<double>& values) {
  double sum = 0;
  for (const double each : values) sum += each;
  return sum / static_cast<double>(values.size());
}

TEST(Profile, a_constant_rate_puts_the_kth_call_at_k_over_the_rate) {
  const auto times = all(Schedule(*Profile::constant(1000, seconds(10)), {}));
  ASSERT_EQ(times.size(), 10'000u);
  for (std::size_t k = 0; k < times.size(); ++k)
    ASSERT_NEAR(times[k], static_cast<double>(k) / 1000, 1e-9);
}

TEST(Profile, a_rate_that_divides_badly_loses_no_call) {
  EXPECT_EQ(all(Schedule(*Profile::constant(333.333, seconds(3600)), {})).size(),
            1'199'999u);  // ceil(1199998.8)
}

TEST(Profile, of_a_ramp_from_nothing_calls_grow_with_the_square_of_time) {
  // 0 → 100/s over 10 s: C(t) = 5·t², 500 in all, the 125th at 5 s, the 320th at 8 s.
  const auto times =
      all(Schedule(*Profile::of({{.length = seconds(10), .from = 0, .to = 100}}), {}));
  ASSERT_EQ(times.size(), 500u);
  EXPECT_NEAR(times[125], 5, 1e-6);
  EXPECT_NEAR(times[320], 8, 1e-6);
}

TEST(Profile, a_ramp_down_is_the_ramp_up_backwards) {
  // 100 → 0/s over 10 s: C(t) = 100·t − 5·t²; the 375th at 5 s.
  const auto times =
      all(Schedule(*Profile::of({{.length = seconds(10), .from = 100, .to = 0}}), {}));
  ASSERT_EQ(times.size(), 500u);
  EXPECT_NEAR(times[375], 5, 1e-6);
}

TEST(Profile, steps_share_the_time_evenly) {
  const auto times = all(Schedule(*Profile::steps({100, 200, 400}, seconds(3)), {}));
  ASSERT_EQ(times.size(), 700u);
  EXPECT_NEAR(times[99], 0.99, 1e-6);
  EXPECT_NEAR(times[100], 1, 1e-6);
  EXPECT_NEAR(times[300], 2, 1e-6);
}

TEST(Profile, on_off_keeps_the_mean_rate_and_is_silent_in_between) {
  // 100/s over 1 s on and 4 s off: 500/s while on.
  const auto times = all(Schedule(*Profile::on_off(100, seconds(1), seconds(4), seconds(20)), {}));
  ASSERT_EQ(times.size(), 2000u);
  for (const double at : times) ASSERT_LT(std::fmod(at, 5.0), 1.0);
  EXPECT_NEAR(times[499], 0.998, 1e-6);
  EXPECT_NEAR(times[500], 5, 1e-6);
}

TEST(Profile, refuses_what_makes_no_sense) {
  EXPECT_FALSE(Profile::of({}));
  EXPECT_FALSE(Profile::constant(-1, seconds(1)));
  EXPECT_FALSE(Profile::constant(std::nan(""), seconds(1)));
  EXPECT_FALSE(Profile::constant(1e12, seconds(1)));
  EXPECT_FALSE(Profile::constant(1, Nanos(0)));
  EXPECT_FALSE(Profile::on_off(1, milliseconds(1), milliseconds(1), std::chrono::hours(24)));
}

TEST(Schedule, poisson_has_exponential_gaps) {
  const auto times =
      all(Schedule(*Profile::constant(1000, seconds(100)), {.arrivals = Arrivals::poisson}));
  // 100,000 ± 316 (one standard deviation); gaps of mean 1 ms, of which e^-1 are longer than the
  // mean.
  EXPECT_NEAR(static_cast<double>(times.size()), 100'000, 4 * 316);
  const auto between = gaps(times);
  EXPECT_NEAR(mean(between), 0.001, 0.001 * 0.0127);
  std::size_t longer = 0;
  for (const double each : between) longer += each > 0.001 ? 1 : 0;
  EXPECT_NEAR(static_cast<double>(longer) / static_cast<double>(between.size()), std::exp(-1),
              0.006);
}

TEST(Schedule, poisson_counts_in_windows_vary_as_much_as_their_mean) {
  const auto times =
      all(Schedule(*Profile::constant(100, seconds(1000)), {.arrivals = Arrivals::poisson}));
  std::vector<double> counts(1000);
  for (const double at : times) ++counts[static_cast<std::size_t>(at)];
  const double average = mean(counts);
  double variance = 0;
  for (const double each : counts) variance += (each - average) * (each - average) / 999;
  EXPECT_NEAR(variance / average, 1, 0.18);  // 4 × sqrt(2 / 1000)
}

TEST(Schedule, pareto_gaps_have_the_tail_that_was_asked_for) {
  const auto between = gaps(all(
      Schedule(*Profile::constant(1000, seconds(100)), {.arrivals = Arrivals::pareto, .tail = 3})));
  std::size_t twice = 0, tenfold = 0;
  for (const double each : between) {
    ASSERT_GE(each, 0.001 * 2 / 3 - 2e-9);  // none shorter than (tail − 1) / tail of the mean
    twice += each > 0.002 ? 1 : 0;
    tenfold += each > 0.010 ? 1 : 0;
  }
  const auto share = [&](std::size_t count) {
    return static_cast<double>(count) / static_cast<double>(between.size());
  };
  EXPECT_NEAR(share(twice), std::pow(1.0 / 3, 3), 0.0025);
  EXPECT_NEAR(share(tenfold), std::pow(1.0 / 15, 3), 0.0003);
}

TEST(Schedule, the_same_seed_makes_the_same_times_and_another_one_others) {
  const auto made = [](std::uint64_t seed) {
    return all(Schedule(*Profile::constant(100, seconds(1)),
                        {.arrivals = Arrivals::poisson, .seed = {.k0 = seed}}));
  };
  EXPECT_EQ(made(1), made(1));
  EXPECT_NE(made(1), made(2));
}

}  // namespace
}  // namespace weir::load
