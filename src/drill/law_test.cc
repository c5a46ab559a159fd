#include "drill/law.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <vector>

#include "drill/chance.h"

namespace weir::drill {
namespace {

using namespace std::chrono_literals;

std::vector<double> drawn(const char* text, std::size_t count) {
  const auto law = read_law(text);
  EXPECT_TRUE(law) << text;
  const Chance chance(7);
  std::vector<double> ms;
  for (std::uint64_t i = 0; i < count; ++i) {
    const Nanos value =
        law->value(chance.unit(Draw::service, i, 0), chance.unit(Draw::service, i, 1));
    ms.push_back(static_cast<double>(value.count()) / 1e6);
  }
  std::ranges::sort(ms);
  return ms;
}

double mean(const std::vector<double>& values) {
  double sum = 0;
  for (const double value : values) sum += value;
  return sum / static_cast<double>(values.size());
}

TEST(Law, IsReadAsItIsPrinted) {
  for (const char* text :
       {"20ms", "250us", "0s", "uniform(10ms, 30ms)", "exponential(20ms)", "lognormal(8ms, 0.5)"})
    EXPECT_EQ(print_law(*read_law(text)), text);
  for (const char* text : {"lognormal(8ms,0.5)", "lognormal(8ms 0.5)", "lognormal( 8ms ,  0.5 )"})
    EXPECT_EQ(*read_law(text), *read_law("lognormal(8ms, 0.5)")) << text;
  for (const char* text :
       {"", "20", "fast", "lognormal(20ms)", "lognormal(20ms, 6)", "uniform(30ms, 10ms)",
        "exponential(20ms", "lognormal(x, 0.4)", "lognormal(20ms, -1)", "2h", "exponential(1ms, 2)",
        "lognormal(20ms, 0.4, 1)", "lognormal(20ms,, 0.4)", "lognormal(20ms, nan)"})
    EXPECT_FALSE(read_law(text)) << text;
}

// With n = 100,000 the sample quantile of order q is off by at most 4 sqrt(q (1 - q) / n) in
// probability.
TEST(Law, LognormalHasItsMedianAndItsTail) {
  const auto ms = drawn("lognormal(20ms, 0.4)", 100'000);
  EXPECT_NEAR(ms[50'000], 20.0, 0.2);
  EXPECT_NEAR(ms[84'134], 20.0 * std::exp(0.4), 0.5);  // one sigma above: the normal law's 84.134 %
  EXPECT_NEAR(ms[97'725], 20.0 * std::exp(0.8), 1.5);  // two
  EXPECT_NEAR(mean(ms), 20.0 * std::exp(0.08), 0.2);   // exp(sigma^2 / 2)
  EXPECT_NEAR(static_cast<double>(read_law("lognormal(20ms, 0.4)")->mean().count()) / 1e6, 21.666,
              0.001);
}

// 100,000 calls for auth at LogN(8 ms, 0.5): 12 ms is ln(1.5) / 0.5 = 0.811 sigma above the median,
// and 20.9 % of a normal law lie beyond that (incidents: "21 % of auth calls are slower").
TEST(Law, OneInFiveAuthCallsIsSlowerThanTwelveMilliseconds) {
  const auto ms = drawn("lognormal(8ms, 0.5)", 100'000);
  const auto slower = ms.end() - std::ranges::upper_bound(ms, 12.0);
  EXPECT_NEAR(static_cast<double>(slower) / 1e5, 0.2087, 0.006);
}

TEST(Law, ExponentialAndUniformHaveTheirMoments) {
  const auto waits = drawn("exponential(20ms)", 100'000);
  EXPECT_NEAR(mean(waits), 20.0, 0.3);
  EXPECT_NEAR(waits[50'000], 20.0 * std::log(2), 0.3);
  const auto flat = drawn("uniform(10ms, 30ms)", 100'000);
  EXPECT_GE(flat.front(), 10.0);
  EXPECT_LE(flat.back(), 30.0);
  EXPECT_NEAR(flat[25'000], 15.0, 0.2);
}

TEST(Law, FactorsAreAboveZero) {
  EXPECT_EQ(read_factor("4")->value, 4);
  EXPECT_EQ(read_factor("1.25")->value, 1.25);
  for (const char* text : {"0", "-1", "x", "1e3", "", "inf"})
    EXPECT_FALSE(read_factor(text)) << text;
}

}  // namespace
}  // namespace weir::drill
