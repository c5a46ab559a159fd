// The times are worked from the rules: shadow 2 m, canary 1 % 2 m, 5 % 5 m, 25 % 5 m, watch 60 m, hold 15 m.
#include "rollout/rollout.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <string>

#include "rollout/play_for_tests.h"

namespace weir::rollout {
namespace {

using Kind = Order::Kind;

TEST(Rollout, WhatIsEndedBetweenTwoStagesHasARowOfItsOwn) {
  const Stamp now{};
  Rollout rollout(change(), now);
  ASSERT_EQ(rollout.next(now).kind, Kind::plan);
  rollout.planned({.answer = PlanOutcome::Answer::harmless, .text = "fine"}, now + 1s);
  ASSERT_TRUE(rollout.roll_back(Way::person, "ada", "checkout fails", now + 2s));   // before the shadow was ordered
  ASSERT_EQ(rollout.next(now + 2s).kind, Kind::stop);
  rollout.done(now + 2s);
  const Status status = rollout.status(now + 2s);
  ASSERT_EQ(status.finished.size(), 3u);   // check, plan, and the shadow that did not begin
  EXPECT_EQ(status.finished.back().stage, StageName::shadow);
  EXPECT_EQ(status.finished.back().result, FinishedStage::Result::ended);
  EXPECT_EQ(status.finished.back().took, Nanos(0));
}

TEST(Rollout, GoesThroughItsStagesAndSettles) {
  Play play(change());
  play.run(10'000);
  EXPECT_EQ(play.log, "plan@0 shadow@0 enforce 1%@120 enforce 5%@240 enforce 25%@540 make live@840 settle@4440 ");
  const Status status = play.status();
  EXPECT_EQ(status.outcome, Outcome::settled);
  EXPECT_EQ(status.exit_code, 0);
  EXPECT_FALSE(status.unproven);
  ASSERT_EQ(status.finished.size(), 7u);   // check, plan, shadow, three canary steps, watch
  EXPECT_EQ(status.finished[3].share, 0.01);
  EXPECT_EQ(status.finished[3].took, 2min);
  EXPECT_EQ(status.finished[6].took, 60min);
}

TEST(Rollout, SaysWhatIsAhead) {
  Play play(change());
  play.run(240 + 72);   // SCREENS: canary 5 %, 1m12s of 5m00s, 25 % in 3m48s, live in 8m48s
  const Status status = play.status();
  EXPECT_EQ(status.stage, StageName::canary);
  EXPECT_EQ(status.share, 0.05);
  EXPECT_EQ(*status.until - play.now, 3min + 48s);
  ASSERT_EQ(status.ahead.size(), 2u);
  EXPECT_EQ(status.ahead[0].share, 0.25);
  EXPECT_EQ(status.ahead[0].in, 3min + 48s);
  EXPECT_EQ(status.ahead[1].stage, StageName::watch);
  EXPECT_EQ(status.ahead[1].in, 8min + 48s);
}

TEST(Rollout, RulesThatJudgeNothingMakeItLiveAndSettledAtOnce) {
  auto what = change();
  what.rules = {.shadow = std::nullopt, .canary = {}, .watch = std::nullopt};
  Play play(what);
  play.obey();
  EXPECT_EQ(play.log, "make live@0 settle@0 ");
  EXPECT_EQ(play.status().exit_code, 0);
}

TEST(Rollout, ForcedGoesLiveAtOnceAndIsWatched) {
  Play play(change({.author = "ops", .reason = "attack", .now = true}));
  play.run(10'000);
  EXPECT_EQ(play.log, "make live@0 settle@3600 ");
  EXPECT_TRUE(play.status().forced);
}

TEST(Rollout, FastIsShadowForHalfAMinuteAndOneMinuteOfFivePercent) {
  Play play(change({.author = "ops", .fast = true}));
  play.judgement = lacks();
  play.run(100);
  EXPECT_EQ(play.log, "plan@0 shadow@0 enforce 5%@30 make live@90 ");
  EXPECT_TRUE(play.status().unproven);
}

TEST(Rollout, FastIsHeldByUnprovenLoadAllTheSame) {
  Play play(change({.author = "ops", .fast = true}));
  play.judgement = lacks(Missing::Kind::load);
  play.run(100);
  EXPECT_EQ(play.log, "plan@0 shadow@0 ");
  EXPECT_EQ(play.status().held_since, Stamp(30s));
  ASSERT_EQ(play.status().missing.size(), 1u);
}

struct Skips {
  std::string_view what, log;
  std::function<void(Rollout::Change&)> set;
};
class RolloutSkips : public testing::TestWithParam<Skips> {};

TEST_P(RolloutSkips, StagesThatTellNothing) {
  auto what = change();
  GetParam().set(what);
  Play play(what);
  play.run(500);
  EXPECT_EQ(play.log, GetParam().log) << GetParam().what;
  EXPECT_NE(play.status().notes, "") << "it says so";
}

INSTANTIATE_TEST_SUITE_P(All, RolloutSkips,
    testing::Values(Skips{"no risk", "plan@0 make live@0 ", [](auto& c) { c.touches = of(Touch::other); }},
                    Skips{"few", "plan@0 make live@0 ", [](auto& c) { c.ground.last_hour = 999; }},
                    Skips{"thin", "plan@0 shadow@0 make live@120 ", [](auto& c) { c.ground.thin = Staging::Thin::few_requests; }},
                    Skips{"three callers", "plan@0 shadow@0 make live@120 ", [](auto& c) { c.ground.thin = Staging::Thin::few_units; }},
                    Skips{"early", "plan@0 shadow@0 make live@120 ", [](auto& c) { c.touches.only_early = true; }}));

TEST(Rollout, FewRequestsAreWatchedUntilTenThousandWereSeen) {
  auto what = change();
  what.ground.last_hour = 999;
  Play play(what);
  play.a_second = 2;      // 7,200 in the hour; 10,000 after 5,000 s
  play.run(10'000);
  EXPECT_EQ(play.log, "plan@0 make live@0 settle@5000 ");
  EXPECT_TRUE(play.status().missing.empty());
}

TEST(Rollout, AWatchThatHasNotSeenTenThousandNamesThem) {
  auto what = change();
  what.ground.last_hour = 720;   // 0.2 a second
  Play play(what);
  play.a_second = 1;
  play.run(3605);
  const Status status = play.status();
  EXPECT_TRUE(status.held_since && !status.held_until);
  ASSERT_EQ(status.missing.size(), 1u);
  EXPECT_EQ(status.missing[0].kind, Missing::Kind::requests);
  EXPECT_NEAR(status.missing[0].has, 3605, 1);
  EXPECT_EQ(status.missing[0].needs, 10'000);
}

TEST(Rollout, AStageShorterThanARoundHasItsLastWord) {
  auto what = change();
  what.rules.shadow = 4s;
  what.rules.canary.clear();
  what.rules.watch = 5s;
  Rollout rollout(what, Stamp{});
  const auto at = [](double seconds) { return Stamp(std::chrono::duration_cast<Nanos>(std::chrono::duration<double>(seconds))); };
  ASSERT_EQ(rollout.next(at(0)).kind, Kind::plan);
  rollout.planned({.answer = PlanOutcome::Answer::harmless}, at(0));
  ASSERT_EQ(rollout.next(at(0)).kind, Kind::shadow);
  rollout.done(at(0));
  rollout.judged(passes(), {}, 5min, at(3.5));
  EXPECT_FALSE(rollout.wants_last_word(at(3.9)));
  EXPECT_TRUE(rollout.wants_last_word(at(4)));
  EXPECT_EQ(rollout.next(at(4.1)).kind, Kind::none) << "what the judge said is older than the end";
  rollout.judged(passes(), {}, 5min, at(4.2));
  EXPECT_FALSE(rollout.wants_last_word(at(4.3))) << "once";
  ASSERT_EQ(rollout.next(at(4.3)).kind, Kind::make_live);
  rollout.done(at(4.3));
  rollout.judged(passes(), {}, 5min, at(9));
  EXPECT_EQ(rollout.next(at(9.3)).kind, Kind::none);
  ASSERT_TRUE(rollout.wants_last_word(at(9.3)));
  rollout.judged(harms(Failure::Kind::refused), {}, 5min, at(9.3));
  EXPECT_EQ(rollout.next(at(9.3)).kind, Kind::roll_back);
}

TEST(Rollout, APlanThatSpeaksOfHarmStopsIt) {
  Play play(change());
  play.plan = {.answer = PlanOutcome::Answer::harm, .text = "1,031 known callers newly refused"};
  play.run(10);
  EXPECT_EQ(play.log, "plan@0 stop@0 ");
  const Status status = play.status();
  EXPECT_EQ(status.outcome, Outcome::stopped);
  EXPECT_EQ(status.mechanism, Mechanism::plan);
  EXPECT_EQ(status.why, "1,031 known callers newly refused");
  EXPECT_EQ(status.exit_code, 3);
  EXPECT_FALSE(status.frozen_until);   // nobody was hurt
}

TEST(Rollout, APlanWithoutDataGoesOnUnproven) {
  for (const auto answer : {PlanOutcome::Answer::not_enough_data, PlanOutcome::Answer::unavailable}) {
    Play play(change());
    play.plan = {.answer = answer, .text = "recording is off"};
    play.run(10);
    EXPECT_EQ(play.log, "plan@0 shadow@0 ");
    EXPECT_TRUE(play.status().unproven);
    EXPECT_EQ(play.status().finished[1].result, FinishedStage::Result::unproven);
  }
}

TEST(Rollout, HarmStopsAShadowAndACanaryAndNamesTheMechanism) {
  const auto stopped = [](std::int64_t after, Failure::Kind kind) {
    Play play(change());
    play.run(after).judgement = harms(kind);
    play.run(1);
    return play.status();
  };
  for (const auto kind : {Failure::Kind::refused, Failure::Kind::access, Failure::Kind::cut})
    EXPECT_EQ(stopped(60, kind).mechanism, Mechanism::predictive);
  EXPECT_EQ(stopped(60, Failure::Kind::refused).stage, StageName::shadow);
  EXPECT_EQ(stopped(60, Failure::Kind::refused).exit_code, 3);
  EXPECT_EQ(stopped(200, Failure::Kind::guard).mechanism, Mechanism::guard);
  EXPECT_EQ(stopped(200, Failure::Kind::guard).stage, StageName::canary);
  EXPECT_EQ(stopped(200, Failure::Kind::guard).outcome, Outcome::stopped);
  EXPECT_EQ(stopped(200, Failure::Kind::guard).finished.back().result, FinishedStage::Result::failed);
}

TEST(Rollout, HarmInTheWatchRollsBackAndFreezesPipelinesForHalfAnHour) {
  Play play(change());
  play.run(900).judgement = harms(Failure::Kind::since);
  play.run(1);
  EXPECT_TRUE(play.log.ends_with("make live@840 roll back@901 ")) << play.log;
  EXPECT_EQ(play.status().outcome, Outcome::rolled_back);
  EXPECT_EQ(play.status().exit_code, 3);
  EXPECT_EQ(play.status().frozen_until, Stamp(901s + 30min));
}

TEST(Rollout, AHoldNamesWhatIsMissingAndEndsWhenItIsThere) {
  Play play(change());
  play.judgement = lacks(Missing::Kind::coverage);
  play.run(300);
  EXPECT_EQ(play.log, "plan@0 shadow@0 ");
  EXPECT_EQ(play.status().held_since, Stamp(120s));
  EXPECT_EQ(play.status().held_until, Stamp(120s + 15min));
  ASSERT_EQ(play.status().missing.size(), 1u);
  EXPECT_EQ(play.status().missing[0].kind, Missing::Kind::coverage);
  play.judgement = passes();
  play.run(1);
  EXPECT_EQ(play.log, "plan@0 shadow@0 enforce 1%@301 ");
  EXPECT_FALSE(play.status().unproven);
}

TEST(Rollout, WhatThinTrafficDoesNotBringIsNotWaitedFor) {
  Play play(change());
  play.judgement = lacks(Missing::Kind::extra);
  play.judgement.missing[0] = {.kind = Missing::Kind::extra, .has = 0.019, .needs = 0.005, .more = 1h};
  play.run(841);
  EXPECT_EQ(play.log, "plan@0 shadow@0 enforce 1%@120 enforce 5%@240 enforce 25%@540 make live@840 ");
  EXPECT_TRUE(play.status().unproven);
  EXPECT_EQ(play.status().finished.back().result, FinishedStage::Result::unproven);
  EXPECT_EQ(play.status().finished.back().text, "too little traffic to tell: 1.90 points more may be bad, 0.50 allowed");
}

TEST(Rollout, WhatComesWithinMaxHoldIsWaitedFor) {
  Play play(change());
  play.judgement = lacks(Missing::Kind::extra);
  play.judgement.missing[0].more = 10min;
  play.run(120 + 299);   // of 15 minutes ten are left, which is as long as it will take
  EXPECT_TRUE(play.status().held_since.has_value());
  EXPECT_EQ(play.status().stage, StageName::shadow);
  play.run(3);
  EXPECT_EQ(play.status().stage, StageName::canary);
}

TEST(Rollout, WhatSpeaksForHarmIsHeldHoweverThinTrafficIs) {
  Play play(change());
  play.judgement = lacks(Missing::Kind::extra);
  play.judgement.missing[0].more = 1h;
  play.judgement.guards[0].log_evidence = std::log(20);
  play.run(2000);
  EXPECT_EQ(play.log, "plan@0 shadow@0 stop@1020 ");
  EXPECT_EQ(play.status().exit_code, 4);
}

TEST(Rollout, AHoldThatLastsTooLongIsStopped) {
  Play play(change());
  play.judgement = lacks();
  play.run(10'000);
  EXPECT_EQ(play.log, "plan@0 shadow@0 stop@1020 ");   // 120 s + 15 min
  EXPECT_EQ(play.status().mechanism, Mechanism::hold);
  EXPECT_EQ(play.status().why, "not enough data within max_hold: requests");
  ASSERT_EQ(play.status().missing.size(), 1u);   // for whoever asks afterwards
  EXPECT_EQ(play.status().exit_code, 4);
}

TEST(Rollout, OrItGoesLiveUnprovenWhereThatIsConfigured) {
  auto what = change();
  what.rules.on_not_enough_data = RolloutRules::OnNotEnoughData::promote_watched;
  Play play(what);
  play.judgement = lacks();
  play.run(1'100);
  EXPECT_EQ(play.log, "plan@0 shadow@0 make live@1020 ");
  EXPECT_TRUE(play.status().unproven);
}

TEST(Rollout, AWatchThatLacksDataGoesOnAndIsInNobodysWay) {
  Play play(change());
  EXPECT_TRUE(play.rollout.busy());
  play.run(900).judgement = lacks();
  play.run(3'539);
  EXPECT_FALSE(play.rollout.busy());
  play.run(20'000);
  EXPECT_FALSE(play.rollout.ended());
  EXPECT_FALSE(play.rollout.busy());
  EXPECT_EQ(play.status().held_since, Stamp(4'440s));
  EXPECT_FALSE(play.status().held_until);
  ASSERT_TRUE(play.rollout.promote(Way::person, "ops", play.now));
  play.run(1);
  EXPECT_EQ(play.status().outcome, Outcome::settled);
}

TEST(Rollout, ASuspicionIsComparedAndDrawnAnewEveryMinute) {
  Play play(change());
  play.run(900).judgement = lacks(Missing::Kind::comparison);
  play.run(1).judgement = passes();
  play.log.clear();
  play.run(1);
  EXPECT_TRUE(play.status().comparing);
  EXPECT_EQ(play.status().share, 0.5);
  play.run(400);
  EXPECT_EQ(play.log, "redraw@961 redraw@1021 redraw@1081 redraw@1141 end comparison@1201 ");   // 5 min of it
  play.run(10'000);
  EXPECT_TRUE(play.log.ends_with("settle@4440 ")) << play.log;
}

TEST(Rollout, AComparisonThatFindsNothingOutEndsAfterTheHold) {
  Play play(change());
  play.run(900).judgement = lacks(Missing::Kind::comparison);
  play.run(1).judgement = lacks(Missing::Kind::extra);
  play.run(10'000);
  EXPECT_NE(play.log.find("end comparison@2101 "), std::string::npos) << play.log;   // 901 s + 5 min + 15 min
}

TEST(Rollout, HarmInAComparisonRollsBack) {
  Play play(change());
  play.run(900).judgement = lacks(Missing::Kind::comparison);
  play.run(1).judgement = harms(Failure::Kind::guard);
  play.run(1);
  EXPECT_EQ(play.status().outcome, Outcome::rolled_back);
  EXPECT_FALSE(play.status().comparing);
  EXPECT_EQ(play.status().share, 0);
}

}  // namespace
}  // namespace weir::rollout
