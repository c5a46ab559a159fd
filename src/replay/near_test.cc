#include "replay/near.h"

#include <gtest/gtest.h>

#include <unordered_map>

#include "base/hash.h"

namespace weir::replay {
namespace {

TEST(Near, FindsWhatWasPutLastUnderAPlaceAndNothingElse) {
  Near<int> near(256);
  EXPECT_EQ(near.find(5), nullptr);
  near.put(5, 1);
  ASSERT_NE(near.find(5), nullptr);
  EXPECT_EQ(*near.find(5), 1);
  near.put(5 + 256, 2);   // the same place
  EXPECT_EQ(near.find(5), nullptr);
  EXPECT_EQ(*near.find(5 + 256), 2);
  near.put(0, 3);         // the key of an empty place
  EXPECT_EQ(near.find(0), nullptr);
  near.clear();
  EXPECT_EQ(near.find(5 + 256), nullptr);
}

// It may forget, and never says what was not put. With places without end for few keys it holds nearly all: 4,096 keys on
// 16,384 places are less than n/2p = 12.5 % short (each pair that meets loses one, the birthday bound).
TEST(Near, GrowsWithWhatIsPutAndKeepsMostOfIt) {
  Near<std::uint64_t> near(std::size_t{1} << 14);
  std::unordered_map<std::uint64_t, std::uint64_t> put;
  for (std::uint64_t i = 1; i <= 4096; ++i) {
    put[mix(i)] = i;
    near.put(mix(i), i);
  }
  for (const auto& [key, value] : put) near.put(key, value);   // now it is as large as it becomes
  std::size_t found = 0;
  for (const auto& [key, value] : put) {
    const std::uint64_t* const is = near.find(key);
    if (is == nullptr) continue;
    EXPECT_EQ(*is, value);
    ++found;
  }
  EXPECT_GE(found, put.size() * 3 / 4);
}

}  // namespace
}  // namespace weir::replay
