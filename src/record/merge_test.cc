#include "record/merge.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <vector>

namespace weir::record {
namespace {

using Ints = Merge<int, std::less<>>;

// A piece as a reader makes it: in memory that was used before, where there is some.
std::vector<int> piece(Ints& merge, int from, std::size_t size) {
  std::vector<int> items = merge.spare();
  for (std::size_t i = 0; i < size; ++i) items.push_back(from + static_cast<int>(i));
  return items;
}

TEST(Merge, PiecesThatOverlapComeInOneOrder) {
  Ints merge;
  merge.push({1, 4, 9}, 0);
  merge.push({2, 3, 10}, 1);
  merge.push({5}, 2);
  std::vector<int> out;
  for (; !merge.empty(); merge.pop()) out.push_back(merge.front());
  EXPECT_EQ(out, (std::vector{1, 2, 3, 4, 5, 9, 10}));
}

// Three large pieces are held, as one goes another comes: after the first round each comes in memory that was there.
TEST(Merge, AStreamUnderWayGoesOnInItsMemory) {
  constexpr std::size_t kSize = 60'000;
  Ints merge;
  std::vector<const int*> seen;
  for (int round = 0; round < 12; ++round) {
    std::vector<int> items = piece(merge, round * static_cast<int>(kSize), kSize);
    const bool fresh = std::ranges::find(seen, items.data()) == seen.end();
    EXPECT_EQ(fresh, round < 4) << round;
    seen.push_back(items.data());
    merge.push(std::move(items), 0);
    if (round >= 3) merge.pop(kSize);
  }
}

// What is left of a busy time is not kept for ever: with nothing held a small rest.
TEST(Merge, KeepsNoMoreThanASmallRestWhereNothingIsHeld) {
  Ints merge;
  for (int i = 0; i < 8; ++i) merge.push(piece(merge, i * 60'000, 60'000), 0);
  while (!merge.empty()) merge.pop();
  EXPECT_EQ(merge.spare().capacity(), 0u);
  merge.push(piece(merge, 0, 100), 0);
  merge.pop(100);
  EXPECT_GE(merge.spare().capacity(), 100u);
}

// Pieces of one stream differ in length: what was made for a long one is not made anew because a short one was taken last.
TEST(Merge, TheRoomiestMemoryIsTakenFirst) {
  Ints merge;
  std::vector<std::vector<int>> pieces(2);
  pieces[0].reserve(1000);
  pieces[1].reserve(100);
  pieces[0].push_back(0);
  pieces[1].push_back(1);
  for (std::vector<int>& each : pieces) merge.push(std::move(each), 0);
  merge.pop();
  merge.pop();
  EXPECT_GE(merge.spare().capacity(), 1000u);
  const std::size_t left = merge.spare().capacity();
  EXPECT_GE(left, 100u);
  EXPECT_LT(left, 1000u);
  EXPECT_EQ(merge.spare().capacity(), 0u);
}

}  // namespace
}  // namespace weir::record
