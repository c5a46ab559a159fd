#include "control/follower_rest.h"

#include <gtest/gtest.h>

#include <chrono>

namespace weir::control {
namespace {

using std::chrono::seconds;

TEST(FollowerRest, RestsTwiceAsLongEachTimeThatItDoesNotKeepUp) {
  FollowerRest rest;
  Stamp now = stamp_from_nanos(1'000'000'000);
  EXPECT_FALSE(rest.lasts(now));
  for (const int expected : {5, 10, 20, 40, 60, 60}) {
    rest.begin(now);
    EXPECT_EQ(rest.length(), seconds(expected));
    EXPECT_TRUE(rest.lasts(now + seconds(expected) - Nanos(1)));
    now += seconds(expected);
    EXPECT_FALSE(rest.lasts(now));
    now += seconds(29);   // and falls behind again
  }
  now += seconds(1);
  rest.begin(now);
  EXPECT_EQ(rest.length(), seconds(5));
}

}  // namespace
}  // namespace weir::control
