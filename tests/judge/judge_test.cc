// A fixed set of changes brought out before the judge; ./build/dev/weir_judge runs the 1,200 of the design note.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <string>

#include "run.h"

namespace judged {
namespace {

using namespace weir::rollout;

TEST(JudgeOfChanges, HarmlessOnesAreNotRolledBack) {
  for (std::uint64_t seed = 1; seed <= 4; ++seed) {
    const Change change = benign(seed);
    const Result result = run({.seed = seed, .weather = change.weather}, change);
    EXPECT_FALSE(result.failure.has_value()) << seed << " " << change.name;
    EXPECT_GT(result.requests, 100'000) << "an hour of 300 requests a second";
  }
}

TEST(JudgeOfChanges, HarmfulOnesAreStoppedWithinTheHour) {
  for (std::uint64_t seed = 1; seed <= 13; ++seed) {   // one of each kind
    const Setting setting{.seed = seed};
    const Change change = harmful(seed, World(setting));
    const Result result = run(setting, change);
    EXPECT_TRUE(result.failure.has_value()) << seed << " " << change.name;
  }
}

TEST(JudgeOfChanges, AHarmlessChangeInAFourfoldSurgeStays) {
  for (std::uint64_t seed = 100; seed < 102; ++seed) {
    const Setting setting{.seed = seed, .weather = {.surge = 4, .surge_from = 14 * kMinute, .surge_to = 30 * kMinute}};
    const Change change{.name = "all is touched", .decide = [](const Request&, bool, Fate& fate) { fate.touched = true; }};
    EXPECT_FALSE(run(setting, change, {.hour = 30 * kMinute}).failure.has_value()) << seed;
  }
}

TEST(JudgeOfChanges, ATenantOfTwentyAmongTwoThousandIsSeenBeforeAnybodyFeelsIt) {
  const Setting setting{.seed = 200};
  const Change change{.name = "override", .harmful = true, .decide = [](const Request& request, bool, Fate& fate) {
                        if (request.group == 7) fate.touched = fate.candidate.refuses = true;
                      }};
  const Result result = run(setting, change);
  ASSERT_TRUE(result.failure.has_value());
  EXPECT_EQ(result.failure->stage.kind, Stage::Kind::shadow);
  EXPECT_EQ(result.hurt, 0);
}

// From the table of the design note. No person is there: what is held for max_hold is given up.
TEST(JudgeOfChanges, HarmlessOnesSettleWhereTrafficIsThin) {
  for (const double rate : {5.0, 10.0, 20.0, 40.0}) {
    for (std::uint64_t seed = 1; seed <= 8; ++seed) {
      const Change change = benign(seed);
      const Result result = run({.seed = seed, .callers = 200, .requests_per_s = rate, .weather = change.weather}, change, {.promote_watched = false});
      EXPECT_FALSE(result.failure.has_value()) << rate << " " << seed << " " << change.name;
      const auto lacks_load = [&] { return std::ranges::any_of(result.held_for, [](const Missing& each) { return each.kind == Missing::Kind::load; }); };
      EXPECT_TRUE(!result.ended_held || lacks_load()) << rate << " " << seed << " " << change.name;
    }
  }
}

// Of the kinds that can be told apart at this rate. Held with evidence and given up is stopped, too.
TEST(JudgeOfChanges, HarmfulOnesAreStoppedWhereTrafficIsThin) {
  for (const double rate : {5.0, 10.0, 20.0, 40.0}) {
    for (const std::uint64_t seed : {1, 2, 3, 4, 5, 8, 11, 13}) {   // some refused, cut, failing, sent elsewhere, without access, too many from some time on
      const Setting setting{.seed = seed, .callers = 200, .requests_per_s = rate};
      const Change change = harmful(seed, World(setting));
      const Result result = run(setting, change, {.promote_watched = false});
      EXPECT_TRUE(result.failure || result.ended_held) << rate << " " << seed << " " << change.name;
    }
  }
}

struct Few {
  std::string name;
  Setting setting;
  Unit unit;
  bool by_percentage, goes_on;
};

TEST(JudgeOfChanges, FewCallersLittleTrafficAndNightHarmNobody) {
  const std::vector<Few> few = {
      {"one caller at 200 requests a second", {.seed = 1, .callers = 1, .requests_per_s = 200}, Unit::request, true, true},
      {"three callers", {.seed = 2, .callers = 3, .requests_per_s = 30}, Unit::request, true, true},
      {"0.2 requests a second", {.seed = 3, .callers = 20, .requests_per_s = 0.2}, Unit::request, false, false},   // in a gateway it has neither shadow nor hold: rollout_test
      {"nothing at night", {.seed = 4, .callers = 2000, .requests_per_s = 20, .weather = {.fades_from = 0}}, Unit::caller, true, true},
  };
  for (const Few& of : few) {
    const Change harmless{.name = "nothing", .decide = [](const Request&, bool, Fate&) {}};
    const Result result = run(of.setting, harmless, {.promote_watched = false});
    EXPECT_EQ(result.staging.unit, of.unit) << of.name;
    EXPECT_EQ(result.staging.by_percentage(), of.by_percentage) << of.name;
    EXPECT_FALSE(result.failure.has_value()) << of.name;
    if (result.held > 0) EXPECT_FALSE(result.held_for.empty()) << of.name << ": a hold names what is missing";
    if (of.goes_on) EXPECT_FALSE(result.ended_held) << of.name << ": it settles without a person";
  }
}

TEST(JudgeOfChanges, OneCallerIsSplitByRequest) {
  const Setting setting{.seed = 5, .callers = 1, .requests_per_s = 200};
  const Change change{.name = "one in five fails", .harmful = true, .decide = [](const Request& request, bool, Fate& fate) {
                        fate.touched = true;
                        fate.candidate_bad = fate.candidate_bad || request.chance % 5 == 0;
                      }};
  const Result result = run(setting, change);
  ASSERT_TRUE(result.failure.has_value());
  EXPECT_EQ(result.failure->stage.kind, Stage::Kind::canary);
  EXPECT_LT(result.hurt, 100);
}

// The same traffic, and a change that refuses everybody: stopped before anybody feels it, however few they are.
TEST(JudgeOfChanges, FewCallersAreProtectedInShadow) {
  for (const Setting& setting : {Setting{.seed = 1, .callers = 1, .requests_per_s = 200}, Setting{.seed = 2, .callers = 3, .requests_per_s = 30},
                                 Setting{.seed = 3, .callers = 20, .requests_per_s = 0.2}}) {
    const Change change{.name = "all refused", .harmful = true, .decide = [](const Request&, bool, Fate& fate) {
                          fate.touched = fate.candidate.refuses = true;
                        }};
    const Result result = run(setting, change);
    ASSERT_TRUE(result.failure.has_value()) << setting.callers;
    EXPECT_EQ(result.failure->stage.kind, Stage::Kind::shadow) << setting.callers;
    EXPECT_EQ(result.hurt, 0) << setting.callers;
  }
}

}  // namespace
}  // namespace judged
