#include "load/search.h"

#include <gtest/gtest.h>

namespace weir::load {
namespace {

int trials_of(Search& search, double capacity) {
  int trials = 0;
  while (const auto rate = search.next()) {
    search.judge(*rate <= capacity);
    ++trials;
  }
  return trials;
}

TEST(Search, finds_every_capacity_within_its_precision) {
  for (double capacity = 1.5; capacity < 900'000; capacity *= 1.37) {
    Search search({.start = 50});
    EXPECT_LE(trials_of(search, capacity), 24);
    ASSERT_TRUE(search.holds() && search.fails()) << capacity;
    EXPECT_LE(*search.holds(), capacity);
    EXPECT_GT(*search.fails(), capacity);
    EXPECT_LE(*search.fails() / *search.holds(), 1.05);
  }
}

TEST(Search, what_nothing_breaks_ends_at_the_highest_rate) {
  Search search({.start = 50, .most = 1000});
  trials_of(search, 1e9);
  EXPECT_EQ(search.holds(), 1000);
  EXPECT_FALSE(search.fails());
}

TEST(Search, what_never_holds_ends_at_the_lowest_rate) {
  Search search({.start = 50, .least = 1});
  trials_of(search, 0);
  EXPECT_FALSE(search.holds());
  EXPECT_EQ(search.fails(), 1);
}

}  // namespace
}  // namespace weir::load
