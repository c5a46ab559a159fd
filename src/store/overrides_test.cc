#include "store/overrides.h"

#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>

#include "base/temp_folder_for_tests.h"
#include "store/revisions.h"

namespace weir::store {
namespace {

using namespace std::chrono_literals;

constexpr WallTime kNoon = wall_from_nanos(1'800'000'000'000'000'000);
constexpr Stamp kSteady = stamp_from_nanos(5'000'000'000'000);

OverrideRow row(std::string what = "block net 192.0.2.0/24") {
  return {.what = std::move(what),
          .author = "ops",
          .reason = "scans",
          .revision = 42,
          .person = true,
          .hurt = 41,
          .at = kNoon,
          .until = kNoon + 1h,
          .lasts = 1h,
          .boot = "b1",
          .until_steady = kSteady + 1h,
          .ended_at = {},
          .ended_by = {},
          .ended_reason = {}};
}

class OverridesTest : public testing::Test {
 protected:
  void with_history() { ASSERT_TRUE(Revisions::open(path_, Revisions::Mode::write).has_value()); }
  const TempFolder folder_;
  const std::string root_ = folder_.path(), path_ = root_ + "/revisions.db";
};

TEST_F(OverridesTest, KeepsWhatWasGivenOverAProcess) {
  with_history();
  ASSERT_EQ(Overrides(path_).add(row()).value_or(0), 1u);
  ASSERT_EQ(Overrides(path_).add(row("pause route checkout")).value_or(0), 2u);
  const auto all = Overrides(path_).in_force();
  ASSERT_TRUE(all && all->size() == 2);
  const OverrideRow& first = all->front();
  EXPECT_EQ(first.number, 1u);
  EXPECT_EQ(first.what, "block net 192.0.2.0/24");
  EXPECT_EQ(first.author, "ops");
  EXPECT_EQ(first.reason, "scans");
  EXPECT_EQ(first.revision, 42u);
  EXPECT_TRUE(first.person);
  EXPECT_EQ(first.hurt, 41u);
  EXPECT_EQ(first.at, kNoon);
  EXPECT_EQ(first.until, kNoon + 1h);
  EXPECT_EQ(first.lasts, Nanos(1h));
  EXPECT_EQ(first.boot, "b1");
  EXPECT_EQ(first.until_steady, kSteady + 1h);
}

TEST_F(OverridesTest, OneThatEndedIsNotInForceAndItsNumberNeverComesAgain) {
  with_history();
  const Overrides kept(path_);
  ASSERT_TRUE(kept.add(row()).has_value());
  ASSERT_TRUE(kept.end(1, kNoon + 5min, "anna", "over").has_value());
  ASSERT_TRUE(kept.end(1, kNoon + 9min, "berta", "again").has_value());  // the first end stands
  EXPECT_TRUE(kept.in_force()->empty());
  EXPECT_EQ(kept.add(row()).value_or(0), 2u);
  const auto all = kept.list(10);
  ASSERT_TRUE(all && all->size() == 2);
  EXPECT_EQ(all->front().number, 2u);
  EXPECT_EQ(all->back().ended_by, "anna");
  EXPECT_EQ(all->back().ended_at, kNoon + 5min);
}

TEST_F(OverridesTest, StandsBesideTheHistoryWithoutHarm) {
  with_history();
  ASSERT_TRUE(Overrides(path_).add(row()).has_value());
  auto revisions = Revisions::open(path_, Revisions::Mode::write);
  ASSERT_TRUE(revisions.has_value()) << to_string(revisions.error());
  EXPECT_TRUE(revisions
                  ->go_live({.hash = "h",
                             .directory = "/",
                             .at = kNoon,
                             .author = {},
                             .reason = {},
                             .ended_at = {},
                             .ended_by = {},
                             .ended_reason = {}},
                            {})
                  .has_value());
}

TEST_F(OverridesTest, WithoutAHistoryNothingIsMade) {
  EXPECT_FALSE(Overrides(path_).in_force().has_value());
  EXPECT_FALSE(std::filesystem::exists(path_));
  const auto added = Overrides(path_).add(row());
  ASSERT_FALSE(added.has_value());
  EXPECT_NE(to_string(added.error()).find(path_), std::string::npos);
}

// The wall clock may step either way; within one boot it is not asked.
TEST(TimeLeft, WithinABootTheSteadyClockCounts) {
  for (const Nanos step : {Nanos(0), Nanos(-48h), Nanos(48h)}) {
    EXPECT_EQ(time_left(row(), {.wall = kNoon + step, .steady = kSteady + 20min, .boot = "b1"}),
              Nanos(40min))
        << step.count();
    EXPECT_EQ(time_left(row(), {.wall = kNoon + step, .steady = kSteady + 2h, .boot = "b1"}),
              Nanos(0))
        << step.count();
  }
}

TEST(TimeLeft, OverABootTheWallClockCountsButNeverLongerThanWasGiven) {
  EXPECT_EQ(time_left(row(), {.wall = kNoon + 20min, .steady = stamp_from_nanos(7), .boot = "b2"}),
            Nanos(40min));
  EXPECT_EQ(time_left(row(), {.wall = kNoon - 48h, .steady = stamp_from_nanos(7), .boot = "b2"}),
            Nanos(1h));
  EXPECT_EQ(time_left(row(), {.wall = kNoon + 2h, .steady = stamp_from_nanos(7), .boot = "b2"}),
            Nanos(0));
  OverrideRow nameless = row();
  nameless.boot.clear();
  EXPECT_EQ(time_left(nameless, {.wall = kNoon + 59min, .steady = stamp_from_nanos(7), .boot = ""}),
            Nanos(1min));
}

}  // namespace
}  // namespace weir::store
