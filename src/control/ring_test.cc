#include "control/ring.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>
#include <thread>
#include <vector>

namespace weir::control {
namespace {

// Each slot passes all stations once and in order, whichever of them is slow, and is the station's alone meanwhile.
TEST(Ring, PassesAllSlotsThroughAllStationsInOrder) {
  struct Slot {
    std::uint64_t number = 0, station = 0;
  };
  constexpr std::uint64_t kCount = 20'000;
  for (std::uint64_t slow = 0; slow < 3; ++slow) {
    Ring<Slot, 6, 3> ring;
    std::uint64_t drained = 0, counted = 0;
    std::atomic<std::uint64_t> wrong = 0;
    const auto dawdle = [&](std::uint64_t station) {
      if (station == slow) std::this_thread::yield();
    };
    std::jthread first([&] {
      for (std::uint64_t i = 0; i < kCount; ++i) {
        Slot* const slot = ring.take(0);
        if (slot == nullptr) break;
        dawdle(0);
        *slot = {.number = i, .station = 1};
        ring.pass(0);
        if (i % 1000 == 500) drained += ring.drain() && counted == i + 1 ? 1 : 0;
      }
      ring.close();
    });
    std::jthread middle([&] {
      for (std::uint64_t next = 0; Slot* const slot = ring.take(1); ++next) {
        dawdle(1);
        wrong += slot->number != next || slot->station != 1 ? 1 : 0;
        slot->station = 2;
        ring.pass(1);
      }
    });
    while (Slot* const slot = ring.take(2)) {
      dawdle(2);
      wrong += slot->number != counted || slot->station != 2 ? 1 : 0;
      ++counted;
      ring.pass(2);
    }
    first.join();
    middle.join();
    EXPECT_EQ(counted, kCount);
    EXPECT_EQ(drained, kCount / 1000);   // all had come back each time
    EXPECT_EQ(wrong, 0u);
  }
}

TEST(Ring, AStopEndsAllWhoWait) {
  Ring<int, 4, 2> ring;
  bool ended = false;
  std::jthread first([&] {
    while (ring.take(0) != nullptr) ring.pass(0);
    ended = !ring.drain();
  });
  for (int i = 0; i < 10; ++i) {
    ASSERT_NE(ring.take(1), nullptr);
    ring.pass(1);
  }
  ring.stop();
  first.join();
  EXPECT_TRUE(ended);
  EXPECT_EQ(ring.take(1), nullptr);
}

}  // namespace
}  // namespace weir::control
