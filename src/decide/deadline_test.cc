#include "decide/deadline.h"

#include <gtest/gtest.h>

namespace weir::decide {
namespace {

TEST(Deadline, IsMillisecondsUpToADay) {
  EXPECT_EQ(deadline_of("0"), Nanos(0));
  EXPECT_EQ(deadline_of("250"), std::chrono::milliseconds(250));
  EXPECT_EQ(deadline_of("86400000"), std::chrono::hours(24));
  for (const std::string_view other : {"", "86400001", "-1", "1.5", "1s", " 1", "99999999999"})
    EXPECT_FALSE(deadline_of(other)) << other;
}

}  // namespace
}  // namespace weir::decide
