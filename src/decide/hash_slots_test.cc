#include "decide/hash_slots.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "base/hash.h"

namespace weir::decide {
namespace {

std::vector<Endpoint> endpoints(const std::vector<std::uint32_t>& weights) {
  std::vector<Endpoint> made;
  for (const std::uint32_t weight : weights) {
    made.emplace_back();
    made.back().weight = weight;
    made.back().identity = mix(1000 + made.size());
  }
  return made;
}

std::vector<std::uint16_t> all_of(std::size_t count) {
  std::vector<std::uint16_t> members(count);
  std::iota(members.begin(), members.end(), std::uint16_t{0});
  return members;
}

std::vector<std::uint32_t> some_weights() {
  const auto count = *rc::gen::inRange<std::size_t>(2, 9);
  return *rc::gen::container<std::vector<std::uint32_t>>(count, rc::gen::inRange<std::uint32_t>(1, 20));
}

// Slots are independent draws, so a share is binomial: five standard deviations in two million cases once.
void expect_shares(const std::vector<std::uint16_t>& owners, const std::vector<std::uint32_t>& weights) {
  const double sum = std::accumulate(weights.begin(), weights.end(), 0.0);
  for (std::size_t i = 0; i < weights.size(); ++i) {
    const double p = weights[i] / sum, slots = static_cast<double>(kHashSlots);
    EXPECT_NEAR(static_cast<double>(std::ranges::count(owners, i)), p * slots, 5 * std::sqrt(slots * p * (1 - p))) << i;
  }
}

TEST(HashSlots, AreSharedByWeight) {
  for (const auto& weights : {std::vector<std::uint32_t>{1}, {1, 1}, {1, 2, 3, 4}, {1000, 1, 500}, std::vector<std::uint32_t>(100, 7)}) {
    expect_shares(slot_owners(endpoints(weights), all_of(weights.size())), weights);
  }
}

TEST(HashSlots, BelongToMembersOnly) {
  const auto owners = slot_owners(endpoints({1, 1, 1}), std::vector<std::uint16_t>{0, 2});
  EXPECT_EQ(std::ranges::count(owners, 1), 0);
  EXPECT_GT(std::ranges::count(owners, 2), 0);
}

// Without one of them its own slots move and no others; they go to the rest by weight.
TEST(HashSlotsProperty, WithoutOneOnlyItsOwnSlotsMove) {
  EXPECT_TRUE(rc::check([] {
    const auto weights = some_weights();
    const auto list = endpoints(weights);
    const auto gone = *rc::gen::inRange<std::uint16_t>(0, static_cast<std::uint16_t>(weights.size()));
    std::vector<std::uint16_t> rest = all_of(weights.size());
    std::erase(rest, gone);
    const auto before = slot_owners(list, all_of(weights.size())), after = slot_owners(list, rest);
    for (std::size_t slot = 0; slot < kHashSlots; ++slot) RC_ASSERT((before[slot] == gone ? after[slot] != gone : after[slot] == before[slot]));
    auto left = weights;
    left[gone] = 0;
    expect_shares(after, left);
  }));
}

TEST(HashSlotsProperty, AWeightThatGrowsOnlyTakes) {
  EXPECT_TRUE(rc::check([] {
    auto weights = some_weights();
    const auto before = slot_owners(endpoints(weights), all_of(weights.size()));
    weights[0] += *rc::gen::inRange<std::uint32_t>(1, 20);
    const auto after = slot_owners(endpoints(weights), all_of(weights.size()));
    for (std::size_t slot = 0; slot < kHashSlots; ++slot) RC_ASSERT((after[slot] == before[slot] || after[slot] == 0));
  }));
}

}  // namespace
}  // namespace weir::decide
