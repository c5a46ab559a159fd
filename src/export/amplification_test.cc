#include "export/amplification.h"

#include <gtest/gtest.h>

namespace weir::exporting {
namespace {

constexpr NameId kOrders{1}, kStock{2};
Stamp at(std::int64_t seconds) { return Stamp(std::chrono::seconds(seconds)); }

TEST(Amplification, IsAttemptsByFirstAttemptsOfTheLastMinute) {
  Amplification amplification;
  EXPECT_FALSE(amplification.of(kOrders, at(0)));
  for (int i = 0; i < 200; ++i) amplification.add(kOrders, i < 40 ? 2 : 1, at(10 + i / 20), 1);
  amplification.add(kStock, 0, at(12), 1);  // refused before anything was sent
  amplification.add(NameId(), 3, at(12), 1);
  EXPECT_EQ(amplification.of(kOrders, at(20)), 240.0 / 200);
  EXPECT_FALSE(amplification.of(kStock, at(20)));
  // The seconds 10 and 11, which hold all retries, have gone; 12 is the oldest that counts.
  EXPECT_EQ(amplification.of(kOrders, at(71)), (220.0 - 20) / 180);
  EXPECT_EQ(amplification.of(kOrders, at(72)), 1.0);
  EXPECT_FALSE(amplification.of(kOrders, at(80)));
}

TEST(Amplification, OneThatStandsForManyCountsAsMany) {
  Amplification amplification;
  amplification.add(kOrders, 4, at(5), 10);
  amplification.add(kOrders, 1, at(5), 30);
  EXPECT_EQ(amplification.of(kOrders, at(5)), 70.0 / 40);
}

TEST(Amplification, APlaceIsBegunAnewAMinuteLater) {
  Amplification amplification;
  amplification.add(kOrders, 3, at(5), 1);
  amplification.add(kOrders, 1, at(5 + Amplification::kSeconds + 1), 1);
  EXPECT_EQ(amplification.of(kOrders, at(5 + Amplification::kSeconds + 1)), 1.0);
}

TEST(Amplification, OfUpstreamsBeyondTheBoundNothingIsSaid) {
  Amplification amplification;
  for (std::uint32_t i = 0; i < Amplification::kMost + 5; ++i)
    amplification.add(NameId{i}, 1, at(1), 1);
  EXPECT_TRUE(amplification.of(NameId{0}, at(1)));
  EXPECT_FALSE(amplification.of(NameId{Amplification::kMost + 1}, at(1)));
}

}  // namespace
}  // namespace weir::exporting
