#include "base/histogram.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

namespace weir {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(Histogram, BucketsHoldWhatLiesAboveTheirLowerEdgeUpToTheNext) {
  for (std::size_t i = 0; i + 1 < kHistogramBuckets; ++i) {
    EXPECT_EQ(histogram_bucket(histogram_lower(i) + Nanos(1)), i);
    EXPECT_EQ(histogram_bucket(histogram_lower(i + 1)), i);
  }
}

TEST(Histogram, TakesNegativeAsZeroAndHugeAsTheLast) {
  EXPECT_EQ(histogram_bucket(Nanos(-5)), 0u);
  EXPECT_EQ(histogram_bucket(Nanos(0)), 0u);
  EXPECT_EQ(histogram_bucket(seconds(101)), kHistogramBuckets - 1);
  EXPECT_EQ(histogram_bucket(Nanos::max()), kHistogramBuckets - 1);
}

TEST(Histogram, CountsExactlyAtDecimalEdges) {
  Histogram h;
  for (const auto d : {milliseconds(1), milliseconds(5), milliseconds(6), milliseconds(10), milliseconds(250)}) h.add(d);
  h.add(milliseconds(5) + Nanos(1));
  EXPECT_EQ(h.at_most(milliseconds(1)), 1u);
  EXPECT_EQ(h.at_most(milliseconds(5)), 2u);
  EXPECT_EQ(h.at_most(milliseconds(10)), 5u);
  EXPECT_EQ(h.at_most(seconds(100)), 6u);
  EXPECT_EQ(h.sum(), milliseconds(277) + Nanos(1));
}

TEST(Histogram, AnEmptyOneHasZeroQuantiles) { EXPECT_EQ(Histogram().quantile(0.99), Nanos(0)); }

// Against the nearest-rank quantile of the sorted values: the stated error.
RC_GTEST_PROP(Histogram, QuantilesStayWithinTheStatedError, ()) {
  const auto values = *rc::gen::nonEmpty(rc::gen::container<std::vector<std::int64_t>>(
      rc::gen::map(rc::gen::inRange(0, 1'100'000'000), [](int x) {
        return static_cast<std::int64_t>(std::pow(10.0, static_cast<double>(x) / 1e8));   // 1 ns to 100 s, evenly in log
      })));
  const double q = *rc::gen::inRange(0, 1001) / 1000.0;
  Histogram h;
  for (const std::int64_t v : values) h.add(Nanos(v));
  auto sorted = values;
  std::ranges::sort(sorted);
  const auto rank = std::max<std::size_t>(1, static_cast<std::size_t>(std::ceil(q * static_cast<double>(sorted.size()))));
  const auto truth = static_cast<double>(sorted[rank - 1]);
  const auto got = static_cast<double>(h.quantile(q).count());
  RC_ASSERT(std::abs(got - truth) <= std::max(0.05 * truth, 500.0));
}

RC_GTEST_PROP(Histogram, MergingIsCountingTogether, ()) {
  const auto a = *rc::gen::container<std::vector<std::uint32_t>>(rc::gen::arbitrary<std::uint32_t>());
  const auto b = *rc::gen::container<std::vector<std::uint32_t>>(rc::gen::arbitrary<std::uint32_t>());
  Histogram left, right, both;
  for (const std::uint32_t v : a) { left.add(Nanos(v)); both.add(Nanos(v)); }
  for (const std::uint32_t v : b) { right.add(Nanos(v)); both.add(Nanos(v)); }
  left.merge(right);
  RC_ASSERT(std::ranges::equal(left.counts(), both.counts()));
  RC_ASSERT(left.sum() == both.sum());
  RC_ASSERT(left.count() == both.count());
}

}  // namespace
}  // namespace weir
