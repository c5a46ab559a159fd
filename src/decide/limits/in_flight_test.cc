#include "decide/limits/in_flight.h"

#include <gtest/gtest.h>

#include <random>
#include <thread>
#include <vector>

namespace weir::decide::limits {
namespace {

TEST(InFlight, CountsWhatIsHeld) {
  InFlight in_flight(64);
  EXPECT_EQ(in_flight.count(7), 0u);
  {
    const auto first = in_flight.enter(7);
    auto second = in_flight.enter(7);
    EXPECT_EQ(in_flight.count(7), 2u);
    second = in_flight.enter(8);   // moved to another endpoint
    EXPECT_EQ(in_flight.count(8), 1u);
  }
  EXPECT_EQ(in_flight.count(7), 0u);
  EXPECT_EQ(in_flight.count(8), 0u);
}

TEST(InFlight, GivesPlacesWithNothingInFlightToOthers) {
  InFlight in_flight(InFlight::kWindow);
  for (std::uint64_t identity = 1; identity <= 1000; ++identity) {
    const auto hold = in_flight.enter(identity);
    EXPECT_EQ(in_flight.count(identity), 1u);
  }
  EXPECT_EQ(in_flight.overflowed(), 0u);
}

TEST(InFlight, SaysHowOftenThereWasNoPlace) {
  InFlight in_flight(InFlight::kWindow);
  std::vector<InFlight::Hold> holds;
  for (std::uint64_t identity = 1; identity <= InFlight::kWindow + 3; ++identity) {
    holds.push_back(in_flight.enter(identity));
  }
  EXPECT_EQ(in_flight.overflowed(), 3u);
  holds.clear();
  for (std::uint64_t identity = 1; identity <= InFlight::kWindow; ++identity) {
    EXPECT_EQ(in_flight.count(identity), 0u);
  }
}

TEST(InFlight, IsExactOverThreadsWhilePlacesChangeOwners) {
  InFlight in_flight(InFlight::kWindow);
  {
    std::vector<std::jthread> threads;
    for (unsigned w = 0; w < 4; ++w) {
      threads.emplace_back([&, w] {
        std::mt19937_64 random(w);
        for (int i = 0; i < 50'000; ++i) {
          const std::uint64_t identity = random() % 40 + 1;
          const auto hold = in_flight.enter(identity);
          const auto again = in_flight.enter(identity);
          const std::uint64_t count = in_flight.count(identity);
          EXPECT_LE(count, 8u);
          // Four workers hold four identities at most, so there is always a place; getting it can only fail where the
          // machine takes the core of the worker away that holds the stripe.
          if (in_flight.overflowed() == 0) EXPECT_GE(count, 2u);
        }
      });
    }
  }
  EXPECT_LT(in_flight.overflowed(), 300u);
  for (std::uint64_t identity = 1; identity <= 40; ++identity) EXPECT_EQ(in_flight.count(identity), 0u);
}

}  // namespace
}  // namespace weir::decide::limits
