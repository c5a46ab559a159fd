// Worked by hand from the exact Poisson bounds at 99.9 %: for 0 seen the mean is below -ln 0.001 = 6.91, for 100 between 71.92
// and 134.92, solved from the sum of the distribution's terms.
#include "rollout/prediction.h"

#include <gtest/gtest.h>

#include "rollout/evidence.h"

namespace weir::rollout {
namespace {

TEST(Prediction, BoundsOfACountAreThoseOfThePoissonDistribution) {
  EXPECT_NEAR(poisson_upper(0), 6.91, 0.03 * 6.91);
  EXPECT_NEAR(poisson_upper(100), 134.92, 0.5);
  EXPECT_NEAR(poisson_lower(100), 71.92, 0.5);
  EXPECT_EQ(poisson_lower(0), 0);
  EXPECT_GE(poisson_lower(1), 0);
}

TEST(Prediction, OfAsManyAsWereSeen) {
  // 100 of 10,000, and half as many seen: a mean of 35.96 to 67.46; less 3.09 times 6.00, more 3.09 times 8.21.
  const auto half = expected({.low = 100, .high = 100, .of = 10'000}, 5'000);
  ASSERT_TRUE(half);
  EXPECT_NEAR(half->from, 17.4, 1);
  EXPECT_NEAR(half->to, 92.8, 1);
  EXPECT_TRUE(half->has(50));
  EXPECT_FALSE(half->has(10));
  EXPECT_FALSE(half->has(100));
}

TEST(Prediction, NoneOfManyAllowsFewOfFew) {
  const auto few = expected({.low = 0, .high = 0, .of = 100'000}, 1'000);   // a mean of 0.069 at most
  ASSERT_TRUE(few);
  EXPECT_EQ(few->from, 0);
  EXPECT_EQ(few->to, 1);
  EXPECT_FALSE(few->has(2));
}

TEST(Prediction, OfNothingNothingIsExpected) {
  EXPECT_FALSE(expected({}, 1'000));
  EXPECT_EQ(expected({.low = 5, .high = 5, .of = 10}, 0)->to, 0);
}

}  // namespace
}  // namespace weir::rollout
