#include "rollout/cells.h"

#include <gtest/gtest.h>

#include <map>

namespace weir::rollout {
namespace {

constexpr auto kBad = static_cast<std::size_t>(Signal::bad), kMostly = static_cast<std::size_t>(Signal::mostly_bad),
               kTouched = static_cast<std::size_t>(Signal::touched_bad), kRefused = static_cast<std::size_t>(Signal::refused),
               kSlow = static_cast<std::size_t>(Signal::slow);

struct Fixture {
  Cells cells;
  std::int32_t round = 0;
  ClosedCell one(std::initializer_list<Marks> exchanges, int rounds_later = 1) {
    round += rounds_later;
    for (const Marks& marks : exchanges) cells.add(0, 7, Arm::candidate, marks);
    ClosedCell out;
    cells.close(round, [&](const ClosedCell& cell) { out = cell; });
    return out;
  }
};

TEST(Cells, AUnitThatFailsCountsOnceHoweverLongAndOften) {
  Fixture fixture;
  EXPECT_TRUE(fixture.one({{.bad = true}, {.bad = true}, {.bad = true}}).newly_bad[kBad]);
  for (int i = 0; i < 1000; ++i) {
    const ClosedCell cell = fixture.one({{.bad = true}});
    EXPECT_FALSE(cell.at_risk[kBad]);
    EXPECT_FALSE(cell.newly_bad[kBad]);
  }
}

constexpr Marks kTouchedBad{.bad = true, .touched = true}, kTouchedGood{.touched = true};

TEST(Cells, ASpellEndsAfterTenMinutesWithoutOne) {
  Fixture fixture;
  fixture.one({kTouchedBad});
  for (int i = 0; i < 3; ++i) EXPECT_FALSE(fixture.one({kTouchedGood}, 20).touched_at_risk);
  EXPECT_TRUE(fixture.one({kTouchedGood}).touched_at_risk) << "a good cell is at risk and not bad";
  const ClosedCell again = fixture.one({kTouchedBad});
  EXPECT_TRUE(again.touched_newly_bad);
  EXPECT_FALSE(again.newly_bad[kTouched]) << "in the comparison of arms a unit speaks once";
}

TEST(Cells, WhoIsAwayHasNotRecovered) {
  Fixture fixture;
  for (int i = 0; i < 5; ++i) EXPECT_EQ(fixture.one({kTouchedBad}, 100).touched_newly_bad, i == 0) << i;
  fixture.one({kTouchedGood}, 100);
  fixture.one({kTouchedGood}, 100);
  EXPECT_FALSE(fixture.one({kTouchedBad}).touched_newly_bad) << "two good cells";
}

TEST(Cells, HasItsOwnSpellForEachSignal) {
  Fixture fixture;
  fixture.one({{.bad = true}, {}, {}});
  EXPECT_FALSE(fixture.one({{.bad = true}, {}, {}}).newly_bad[kMostly]);
  EXPECT_TRUE(fixture.one({{.bad = true}, {}}).newly_bad[kMostly]) << "a heavy caller that always has some bad ones is seen when half are";
}

TEST(Cells, OnlyWhatMayShowASignalIsAtRisk) {
  Fixture fixture;
  ClosedCell cell = fixture.one({{.refused = true}});
  EXPECT_FALSE(cell.at_risk[kRefused]) << "not a known caller's";
  EXPECT_FALSE(cell.at_risk[kTouched]);
  EXPECT_FALSE(cell.at_risk[kSlow]);
  cell = fixture.one({{.bad = true}, {.touched = true}});
  EXPECT_TRUE(cell.at_risk[kTouched]);
  EXPECT_FALSE(cell.newly_bad[kTouched]) << "the bad one is not the one that the policies differ about";
  cell = fixture.one({{.bad = true, .touched = true, .known = true, .refused = true, .timed = true, .slow = true}});
  EXPECT_TRUE(cell.newly_bad[kTouched]);
  EXPECT_TRUE(cell.newly_bad[kRefused]);
  EXPECT_TRUE(cell.newly_bad[kSlow]);
}

TEST(Cells, SlicesAreCountedByThemselves) {
  Cells cells;
  cells.add(0, 7, Arm::control, {.bad = true});
  cells.add(3, 7, Arm::control, {.bad = true});
  std::map<std::uint32_t, int> seen;
  cells.close(1, [&](const ClosedCell& cell) { seen[cell.slice] += cell.newly_bad[kBad] ? 1 : 0; });
  EXPECT_EQ(seen, (std::map<std::uint32_t, int>{{0, 1}, {3, 1}}));
}

TEST(Cells, IsBoundedAndThoseInNoSpellMakeRoom) {
  Cells cells;
  for (std::uint64_t unit = 0; unit < Cells::kMost + 10; ++unit) cells.add(0, unit, Arm::control, {.bad = unit == 5});
  EXPECT_EQ(cells.size(), Cells::kMost);
  EXPECT_EQ(cells.left_out(), 10);
  cells.close(1, [](const ClosedCell&) {});
  EXPECT_EQ(cells.size(), 1);
  cells.add(0, 5, Arm::control, {.bad = true});
  cells.close(2, [](const ClosedCell& cell) { EXPECT_FALSE(cell.at_risk[kBad]) << "who stays keeps the spell"; });
}

TEST(Cells, UnitsThatNeverReturnGoWithTheirRound) {
  Cells cells;
  cells.units_return(false);
  for (std::int32_t round = 1; round <= 3; ++round) {
    for (std::uint64_t unit = 0; unit < Cells::kMost; ++unit) cells.add(0, unit + round * Cells::kMost, Arm::control, {.bad = true});
    std::size_t spoke = 0;
    cells.close(round, [&](const ClosedCell& cell) { spoke += cell.newly_bad[kBad] ? 1 : 0; });
    EXPECT_EQ(spoke, Cells::kMost) << "none has a past";
    EXPECT_EQ(cells.size(), 0);
  }
  EXPECT_EQ(cells.left_out(), 0);
}

TEST(Cells, AfterARedrawEveryUnitMaySpeakAgainButForTheUsual) {
  Fixture fixture;
  const Marks bad{.bad = true, .touched = true};
  fixture.one({bad});
  fixture.cells.redraw(fixture.round + 1);
  const ClosedCell cell = fixture.one({bad});
  EXPECT_TRUE(cell.newly_bad[kBad]);
  EXPECT_TRUE(cell.newly_bad[kTouched]);
  EXPECT_FALSE(cell.touched_at_risk);
  EXPECT_FALSE(fixture.one({bad}).at_risk[kBad]) << "once by redraw";
}

}  // namespace
}  // namespace weir::rollout
