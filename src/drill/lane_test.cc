#include "drill/lane.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cmath>
#include <string>

namespace weir::drill {
namespace {

using namespace std::chrono_literals;

Stamp at(Nanos time) { return Stamp(time); }
Lane lane() { return Lane(Chance(5), 1, Way::down); }

// Sends `size` bytes that entered at `from` and answers when the last one has left.
Stamp all_through(Lane& lane, std::size_t size, Stamp from, const Passage& passage,
                  std::size_t* slices = nullptr) {
  Stamp last = from;
  while (size > 0) {
    const auto slice = lane.next(from, size, passage);
    EXPECT_GT(slice.size, 0u);
    EXPECT_GE(slice.due, last);
    lane.passed(slice, slice.due);
    size -= slice.size;
    last = slice.due;
    if (slices != nullptr) ++*slices;
  }
  return last;
}

TEST(Lane, WithoutAFaultBytesPassAtOnceAndWhole) {
  Lane one = lane();
  EXPECT_EQ(Lane::leaves(one.entered(at(5ms)), {}), at(5ms));
  const auto slice = one.next(at(5ms), 48'000, {});
  EXPECT_EQ(slice.size, 48'000u);
  EXPECT_EQ(slice.due, at(5ms));
}

TEST(Lane, ADelayShiftsAndIsThatOfNow) {
  Lane one = lane();
  const Lane::Entry entry = one.entered(at(10ms));
  EXPECT_EQ(Lane::leaves(entry, {.delay = 200ms}), at(210ms));
  EXPECT_EQ(Lane::leaves(entry, {.delay = 300ms}), at(310ms));
  EXPECT_EQ(Lane::leaves(entry, {}), at(10ms));  // the fault is over
}

TEST(Lane, JitterStaysWithinItsBoundsAndReachesBothSides) {
  bool early = false, late = false;
  for (std::uint64_t connection = 0; connection < 1000; ++connection) {
    Lane one(Chance(5), connection, Way::up);
    const Nanos took =
        Lane::leaves(one.entered(at(0ms)), {.delay = 100ms, .jitter = 40ms}) - at(0ms);
    EXPECT_GE(took, 60ms);
    EXPECT_LE(took, 140ms);
    early |= took < 65ms;
    late |= took > 135ms;
  }
  EXPECT_TRUE(early && late);
}

TEST(Lane, ARateTakesSizeByRate) {
  Lane one = lane();
  // 30,000 bytes at 10,000 a second: 3 s, in slices of a fiftieth of a second.
  std::size_t slices = 0;
  const Stamp done = all_through(one, 30'000, at(1s), {.rate = Bytes{10'000}}, &slices);
  EXPECT_NEAR(static_cast<double>((done - at(1s)).count()), 3e9, 1e6);
  EXPECT_EQ(slices, 150u);
  // What comes behind waits for what is under way; after a pause nothing was saved up.
  EXPECT_NEAR(static_cast<double>(
                  (all_through(one, 5'000, at(2s), {.rate = Bytes{10'000}}) - at(1s)).count()),
              3.5e9, 1e6);
  EXPECT_NEAR(static_cast<double>(
                  (all_through(one, 5'000, at(60s), {.rate = Bytes{10'000}}) - at(60s)).count()),
              0.5e9, 1e6);
}

TEST(Lane, AStandstillSavesUpASliceAndNoMore) {
  Lane one = lane();
  // 10,000 bytes a second, nothing taken for 5 s: what was due then, and 20 ms of the rate.
  std::size_t sent = 0;
  for (const Passage passage{.rate = Bytes{10'000}};;) {
    const auto slice = one.next(at(0s), 50'000 - sent, passage);
    if (slice.due > at(5s)) break;
    one.passed(slice, at(5s));
    sent += slice.size;
    ASSERT_LE(sent, 400u);
  }
  EXPECT_GT(sent, 0u);
}

TEST(Lane, ARateBelowASliceStillMovesByteByByte) {
  Lane one = lane();
  EXPECT_EQ(all_through(one, 3, at(0s), {.rate = Bytes{1}}), at(3s));
}

TEST(Lane, ATrickleIsADropAtATime) {
  Lane one = lane();
  std::size_t slices = 0;
  EXPECT_EQ(all_through(one, 10, at(0s), {.drop = Bytes{3}, .every = 100ms}, &slices),
            at(300ms));  // 3 3 3 1
  EXPECT_EQ(slices, 4u);
}

// Of n bytes with probability p about n p are changed, give or take 4 sqrt(n p (1 - p)), however
// they are cut.
TEST(Lane, AShareOfTheBytesIsChangedHoweverTheyAreCut) {
  const std::string clean(1'000'000, 'a');
  std::string first;
  for (const std::size_t cut : {1'000'000, 4096, 7}) {
    Lane one = lane();
    std::string bytes = clean;
    for (std::size_t from = 0; from < bytes.size(); from += cut) {
      one.corrupt(std::span(bytes).subspan(from, std::min(cut, bytes.size() - from)),
                  {.corrupt = 0.001});
    }
    std::size_t changed = 0;
    for (std::size_t i = 0; i < bytes.size(); ++i) changed += bytes[i] != clean[i];
    EXPECT_EQ(changed, one.changed());
    EXPECT_NEAR(static_cast<double>(changed), 1000, 4 * std::sqrt(1'000'000 * 0.001 * 0.999));
    if (first.empty()) first = bytes;
    EXPECT_EQ(bytes, first);
  }
}

TEST(Lane, AllBytesOrNone) {
  std::string bytes = "abcdef";
  Lane one = lane();
  one.corrupt(bytes, {.corrupt = 0});
  EXPECT_EQ(bytes, "abcdef");
  one.corrupt(bytes, {.corrupt = 1});
  for (std::size_t i = 0; i < bytes.size(); ++i) EXPECT_NE(bytes[i], "abcdef"[i]);
  EXPECT_EQ(one.changed(), 6u);
}

}  // namespace
}  // namespace weir::drill
