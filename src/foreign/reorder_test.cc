#include "foreign/reorder.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <utility>
#include <vector>

namespace weir::foreign {
namespace {

using namespace std::chrono_literals;

WallTime second(std::int64_t s) { return wall_from_nanos(s * 1'000'000'000); }

struct Out {
  std::int64_t time;
  int value;
  bool late;
  friend bool operator==(const Out&, const Out&) = default;
};

std::vector<Out> run(ReorderWindow<int>& window, const std::vector<std::int64_t>& times) {
  std::vector<Out> out;
  ReorderWindow<int>::Item item;
  const auto drain = [&] {
    while (window.pop(item))
      out.push_back({item.time.time_since_epoch() / 1s, item.value, item.late});
  };
  for (std::size_t i = 0; i < times.size(); ++i) {
    window.push(second(times[i]), static_cast<int>(i));
    drain();
  }
  window.finish();
  drain();
  return out;
}

TEST(Reorder, SortsWithinTheWindowAndKeepsEqualTimesAsTheyCame) {
  ReorderWindow<int> window({.span = 60s, .held = 100, .probe = 1});
  EXPECT_EQ(run(window, {10, 12, 11, 12, 10}),
            (std::vector<Out>{
                {10, 0, false}, {10, 4, false}, {11, 2, false}, {12, 1, false}, {12, 3, false}}));
  EXPECT_EQ(window.late(), 0u);
  EXPECT_EQ(window.steps_back(), 2u);
}

TEST(Reorder, LateOnesComeAtTheEdge) {
  ReorderWindow<int> window({.span = 60s, .held = 100, .probe = 1});
  const auto out = run(
      window, {0, 50, 61, 120, 55, 130});  // at 120 all up to 60 have gone; 55 then comes too late
  EXPECT_EQ(window.late(), 0u) << "50 has left, 55 is not below it";
  ReorderWindow<int> again({.span = 60s, .held = 100, .probe = 1});
  const auto late = run(again, {0, 50, 61, 120, 45, 130});
  EXPECT_EQ(again.late(), 1u);
  EXPECT_EQ(late[2], (Out{50, 4, true}));
  EXPECT_EQ(out.size(), 6u);
}

TEST(Reorder, HoldsNoMoreThanItMay) {
  ReorderWindow<int> window({.span = 60s, .held = 3, .probe = 1});
  ReorderWindow<int>::Item item;
  for (int i = 0; i < 3; ++i) window.push(second(5), i);
  EXPECT_FALSE(window.pop(item));
  window.push(second(6), 3);
  EXPECT_TRUE(window.pop(item));
  EXPECT_EQ(item.value, 0);
  EXPECT_FALSE(window.pop(item));
  EXPECT_EQ(window.squeezed(), 1u);
}

TEST(Reorder, NewestFirstIsSaidAndSorted) {
  std::vector<std::int64_t> times;
  for (int i = 0; i < 5000; ++i) times.push_back(100'000 - i * 3);
  ReorderWindow<int> window;
  const auto out = run(window, times);
  EXPECT_EQ(window.order(), LogOrder::reversed);
  EXPECT_EQ(window.late(), 0u);
  ASSERT_EQ(out.size(), times.size());
  EXPECT_EQ(out.front().value, 4999);
  EXPECT_TRUE(std::is_sorted(out.begin(), out.end(),
                             [](const Out& a, const Out& b) { return a.time < b.time; }));
}

TEST(Reorder, TellsTheKindsOfOrder) {
  const auto order = [](const std::vector<std::int64_t>& times) {
    ReorderWindow<int> window({.span = 60s, .held = 1000, .probe = 100});
    run(window, times);
    return window.order();
  };
  EXPECT_EQ(order({1, 2, 2, 3}), LogOrder::sorted);
  EXPECT_EQ(order({1, 3, 2, 4, 5, 6}), LogOrder::nearly);
  EXPECT_EQ(order({9, 8, 7, 6, 5}), LogOrder::reversed);
  EXPECT_EQ(order({1, 900, 2, 901, 3, 902}), LogOrder::shuffled);
  EXPECT_EQ(order({}), LogOrder::unknown);
}

// Against std::stable_sort: what lies within the window comes out as a stable sort would give it.
RC_GTEST_PROP(Reorder, EqualsAStableSortWithinTheWindow,
              (const std::vector<std::uint8_t>& jitter)) {
  std::vector<std::int64_t> times;
  for (std::size_t i = 0; i < jitter.size(); ++i)
    times.push_back(static_cast<std::int64_t>(i) * 2 + jitter[i] % 30);
  ReorderWindow<int> window({.span = 60s, .held = 10'000, .probe = 5});
  const auto out = run(window, times);
  std::vector<std::pair<std::int64_t, int>> expected;
  for (std::size_t i = 0; i < times.size(); ++i)
    expected.emplace_back(times[i], static_cast<int>(i));
  std::sort(expected.begin(), expected.end());  // the value is the order of arrival
  RC_ASSERT(out.size() == expected.size());
  for (std::size_t i = 0; i < out.size(); ++i)
    RC_ASSERT(out[i] == (Out{expected[i].first, expected[i].second, false}));
}

// Any times at all: nothing is lost, times never go back.
RC_GTEST_PROP(Reorder, LosesNothingAndNeverGoesBack, (const std::vector<std::uint16_t>& any)) {
  ReorderWindow<int> window({.span = 60s, .held = 20, .probe = 10});
  const auto out = run(window, {any.begin(), any.end()});
  RC_ASSERT(out.size() == any.size());
  for (std::size_t i = 1; i < out.size(); ++i) RC_ASSERT(out[i - 1].time <= out[i].time);
}

}  // namespace
}  // namespace weir::foreign
