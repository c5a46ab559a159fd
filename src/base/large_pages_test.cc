#include "base/large_pages.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <numeric>
#include <vector>

namespace weir {
namespace {

struct alignas(64) Line {
  std::uint64_t number = 0;
};

TEST(LargePages, WhatFillsOneBeginsAtOne) {
  std::vector<Line, LargePages<Line>> lines(kLargePage / sizeof(Line));
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(lines.data()) % kLargePage, 0u);
  EXPECT_EQ(lines.back().number, 0u);
}

TEST(LargePages, WhatIsSmallerIsAligned) {
  std::vector<Line, LargePages<Line>> lines(3);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(lines.data()) % alignof(Line), 0u);
}

// Over the boundary in both directions, with what it held.
TEST(LargePages, AVectorGrowsAndShrinksAcrossThem) {
  const std::size_t many = 2 * kLargePage / sizeof(std::uint64_t);
  std::vector<std::uint64_t, LargePages<std::uint64_t>> numbers;
  for (std::uint64_t i = 0; i < many; ++i) numbers.push_back(i);
  EXPECT_EQ(std::accumulate(numbers.begin(), numbers.end(), std::uint64_t{0}), many * (many - 1) / 2);
  numbers.resize(10);
  numbers.shrink_to_fit();
  EXPECT_EQ(std::accumulate(numbers.begin(), numbers.end(), std::uint64_t{0}), 45u);
  const auto copy = numbers;
  EXPECT_EQ(copy, numbers);
}

}  // namespace
}  // namespace weir
