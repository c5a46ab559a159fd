// How a change ends other than by its stages: people, deadlines, other changes, orders that fail. Times as in rollout_test.cc.
#include "rollout/rollout.h"

#include <gtest/gtest.h>

#include "fmt/core.h"
#include "rollout/play_for_tests.h"

namespace weir::rollout {
namespace {

using Kind = Order::Kind;

TEST(Rollout, WhatIsNotConfirmedInTimeIsRolledBackCountedFromGoingLive) {
  Play play(change({.author = "ops", .confirm_within = 10min}));
  play.run(600);
  ASSERT_FALSE(play.rollout.confirm(play.now));   // not live yet
  play.run(10'000);
  EXPECT_TRUE(play.log.ends_with("make live@840 roll back@1440 ")) << play.log;
  EXPECT_EQ(play.status().mechanism, Mechanism::unconfirmed);
  EXPECT_EQ(play.status().exit_code, 4);
}

TEST(Rollout, WhatIsConfirmedSettles) {
  Play play(change({.author = "ops", .confirm_within = 10min}));
  play.run(1'000);
  EXPECT_EQ(play.status().confirm_by, Stamp(1'440s));
  ASSERT_TRUE(play.rollout.confirm(play.now));
  EXPECT_FALSE(play.status().confirm_by);
  play.run(10'000);
  EXPECT_EQ(play.status().outcome, Outcome::settled);
}

TEST(Rollout, WithoutAWatchItStillWaitsToBeConfirmed) {
  auto what = change({.author = "ops", .reason = "x", .now = true, .confirm_within = 10min});
  what.rules = {.shadow = std::nullopt, .canary = {}, .watch = std::nullopt};
  Play play(what);
  play.run(599);
  EXPECT_EQ(play.log, "make live@0 ");
  play.run(1);
  EXPECT_EQ(play.log, "make live@0 roll back@600 ");
}

TEST(Rollout, AProtectedRevisionIsOnlyRolledBackByAPersonAndSaysSo) {
  Play play(change({.author = "ops", .protect = true}));
  play.run(900).judgement = harms(Failure::Kind::refused);
  play.run(10);
  EXPECT_FALSE(play.rollout.ended());
  EXPECT_NE(play.status().alarm.find("protected"), std::string::npos);
  EXPECT_EQ(play.status().exit_code, 3);   // nobody waits for its end
  const auto refused = play.rollout.roll_back(Way::pipeline, "cron", "", play.now);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::permission);
  ASSERT_TRUE(play.rollout.roll_back(Way::person, "ops", "enough", play.now));
  play.run(1);
  EXPECT_EQ(play.status().outcome, Outcome::rolled_back);
  EXPECT_EQ(play.status().why, "enough");
}

TEST(Rollout, WhatAPersonAppliedIntoAnIncidentStaysUnlessItGetsWorse) {
  auto what = change({.way = Way::person, .author = "ops", .reason = "relief", .now = true});
  what.ground.firing = true;
  what.ground.bad_share = 0.20;
  Play play(what);
  play.seen.bad_share = 0.24;   // below 0.20 x 1.25
  play.run(60).judgement = harms(Failure::Kind::since);
  play.run(60);
  EXPECT_FALSE(play.rollout.ended());
  EXPECT_NE(play.status().alarm, "");
  play.seen.bad_share = 0.26;
  play.run(1);
  EXPECT_EQ(play.status().outcome, Outcome::rolled_back);

  what.request.way = Way::pipeline;
  Play pipeline(what);
  pipeline.seen.bad_share = 0.24;
  pipeline.run(60).judgement = harms(Failure::Kind::since);
  pipeline.run(1);
  EXPECT_EQ(pipeline.status().outcome, Outcome::rolled_back);
}

TEST(Rollout, PromoteSkipsTheRestOfAStageAndIsAPersons) {
  Play play(change());
  play.run(10);
  ASSERT_FALSE(play.rollout.promote(Way::pipeline, "cron", play.now));
  ASSERT_TRUE(play.rollout.promote(Way::person, "ops", play.now));
  play.run(10);
  EXPECT_EQ(play.log, "plan@0 shadow@0 enforce 1%@10 ");
  EXPECT_EQ(play.status().finished.back().result, FinishedStage::Result::promoted);
  EXPECT_EQ(play.status().finished.back().text, "promoted by ops");
  EXPECT_FALSE(play.status().unproven) << "the judge had nothing against it";

  Play held(change());
  held.judgement = lacks();
  held.run(10);
  ASSERT_TRUE(held.rollout.promote(Way::person, "ops", held.now));
  held.run(1);
  EXPECT_TRUE(held.status().unproven);
}

TEST(Rollout, ARollbackStopsWhatIsNotLiveInAnyStage) {
  for (const std::int64_t after : {0, 10, 130, 800}) {
    Play play(change());
    if (after > 0) play.run(after);
    ASSERT_TRUE(play.rollout.roll_back(Way::person, "ops", "no", play.now));
    play.run(1);
    EXPECT_TRUE(play.log.ends_with(fmt::format("stop@{} ", after))) << play.log;
    EXPECT_EQ(play.status().mechanism, Mechanism::person);
    EXPECT_EQ(play.status().exit_code, 3);
    EXPECT_FALSE(play.rollout.roll_back(Way::person, "ops", "again", play.now));
  }
}

TEST(Rollout, ARollbackWhileItGoesLiveIsDoneOnceItIs) {
  Rollout rollout(change({.author = "ops", .reason = "x", .now = true}), Stamp());
  ASSERT_EQ(rollout.next(Stamp()).kind, Kind::make_live);
  ASSERT_TRUE(rollout.roll_back(Way::person, "ops", "no", Stamp(1s)));
  EXPECT_EQ(rollout.next(Stamp(1s)).kind, Kind::none);   // one order at a time
  rollout.done(Stamp(2s));
  EXPECT_EQ(rollout.next(Stamp(2s)).kind, Kind::roll_back);
}

TEST(Rollout, WhatCannotBeCarriedOutStopsItBeforeLiveAndIsTriedAgainAfter) {
  Rollout rollout(change({.author = "ops", .reason = "x", .now = true}), Stamp());
  ASSERT_EQ(rollout.next(Stamp()).kind, Kind::make_live);
  rollout.failed("the disk is full", Stamp());
  EXPECT_EQ(rollout.next(Stamp()).kind, Kind::stop);
  rollout.done(Stamp());
  EXPECT_EQ(rollout.status(Stamp()).exit_code, 1);
  EXPECT_EQ(rollout.status(Stamp()).why, "the disk is full");

  Play play(change());
  play.run(900);
  ASSERT_TRUE(play.rollout.roll_back(Way::person, "ops", "no", play.now));
  ASSERT_EQ(play.rollout.next(play.now).kind, Kind::roll_back);
  play.rollout.failed("the disk is full", play.now);
  EXPECT_EQ(play.rollout.next(play.now).kind, Kind::none);
  EXPECT_EQ(play.rollout.next(play.now + 1s).kind, Kind::roll_back);
}

TEST(Rollout, ARollbackThatCannotBeIsAnAlarmAndAPersonDecides) {
  for (const bool by_a_change : {false, true}) {
    Play play(change({.author = "ops", .now = true}));
    play.run(30);
    play.rollout.judged(harms(Failure::Kind::refused), {}, 5min, play.now);
    ASSERT_EQ(play.rollout.next(play.now).kind, Kind::roll_back);
    play.rollout.failed("no endpoint answers there", play.now);
    EXPECT_EQ(play.rollout.next(play.now).kind, Kind::none);
    play.now += 1s;
    ASSERT_EQ(play.rollout.next(play.now).kind, Kind::roll_back) << "it is tried again";
    play.rollout.failed("no endpoint answers there", play.now);
    const Status asks = play.status();
    EXPECT_EQ(asks.outcome, Outcome::under_way);
    EXPECT_EQ(asks.exit_code, 3) << "nobody is to wait for its end";
    EXPECT_TRUE(asks.live && asks.alarm.ends_with(". Not rolled back: no endpoint answers there")) << asks.alarm;
    EXPECT_TRUE(play.rollout.busy()) << "a pipeline waits";
    if (by_a_change) {
      ASSERT_TRUE(play.rollout.supersede("ada", play.now));
      EXPECT_EQ(play.status().outcome, Outcome::superseded);
      continue;
    }
    ASSERT_TRUE(play.rollout.roll_back(Way::person, "ada", "all of it", play.now));
    play.now += 1s;
    ASSERT_EQ(play.rollout.next(play.now).kind, Kind::roll_back);
    EXPECT_EQ(play.status().mechanism, Mechanism::person) << "whose word is not weighed";
    play.rollout.done(play.now);
    EXPECT_EQ(play.status().outcome, Outcome::rolled_back);
  }
}

TEST(Rollout, TheNextChangeTakesItsPlace) {
  Play shadow(change());
  shadow.run(10);
  ASSERT_TRUE(shadow.rollout.supersede("ops", shadow.now));
  shadow.run(1);
  EXPECT_TRUE(shadow.log.ends_with("stop@10 "));
  EXPECT_EQ(shadow.status().outcome, Outcome::superseded);
  EXPECT_EQ(shadow.status().exit_code, 5);

  Play watch(change());
  watch.run(900);
  ASSERT_TRUE(watch.rollout.supersede("ops", watch.now));
  EXPECT_EQ(watch.status().outcome, Outcome::superseded);   // what is live stays until the next one is
}

TEST(Rollout, WhatHappensWhileAnOrderIsCarriedOutCountsOnceItIs) {
  Rollout live(change({.author = "ops", .reason = "x", .now = true}), Stamp());
  ASSERT_EQ(live.next(Stamp()).kind, Kind::make_live);
  ASSERT_TRUE(live.supersede("ops", Stamp(1s)));
  EXPECT_FALSE(live.ended()) << "it may be live in a moment";
  live.done(Stamp(2s));
  EXPECT_EQ(live.status(Stamp(2s)).outcome, Outcome::superseded);
  EXPECT_TRUE(live.live());

  Play canary(change());
  canary.run(119);
  canary.now += 1s;
  canary.rollout.judged(passes(), {}, 5min, canary.now);
  ASSERT_EQ(canary.rollout.next(canary.now).kind, Kind::enforce);
  ASSERT_TRUE(canary.rollout.supersede("ops", canary.now));
  EXPECT_EQ(canary.rollout.next(canary.now).kind, Kind::stop);

  Play watch(change());
  watch.run(4'439);
  watch.now += 1s;
  watch.rollout.judged(passes(), {}, 5min, watch.now);
  ASSERT_EQ(watch.rollout.next(watch.now).kind, Kind::settle);
  ASSERT_TRUE(watch.rollout.roll_back(Way::person, "ops", "no", watch.now));
  watch.rollout.done(watch.now);
  EXPECT_FALSE(watch.rollout.ended());
  EXPECT_EQ(watch.rollout.next(watch.now).kind, Kind::roll_back);
}

TEST(Rollout, APlanThatComesTooLateIsNotHeard) {
  Rollout rollout(change(), Stamp());
  ASSERT_EQ(rollout.next(Stamp()).kind, Kind::plan);
  ASSERT_TRUE(rollout.roll_back(Way::person, "ops", "no", Stamp(1s)));
  const std::size_t finished = rollout.status(Stamp(1s)).finished.size();
  rollout.planned({.answer = PlanOutcome::Answer::harmless, .text = "fine"}, Stamp(2s));
  EXPECT_EQ(rollout.status(Stamp(2s)).finished.size(), finished);
  EXPECT_EQ(rollout.next(Stamp(2s)).kind, Kind::stop);
}

TEST(Rollout, WhatTheJudgeSaidOfAComparisonSettlesNoWatch) {
  Play play(change());
  play.run(4'400).judgement = lacks(Missing::Kind::comparison);
  play.run(1).judgement = passes();
  play.run(299);
  play.now += 1s;   // five minutes of it, and the watch is over
  play.rollout.judged(passes(), play.seen, 5min, play.now);
  ASSERT_EQ(play.rollout.next(play.now).kind, Kind::end_compare);
  play.rollout.done(play.now);
  EXPECT_EQ(play.rollout.next(play.now).kind, Kind::none);
  play.rollout.judged(passes(), play.seen, 5min, play.now + 1s);
  EXPECT_EQ(play.rollout.next(play.now + 1s).kind, Kind::settle);
}

}  // namespace
}  // namespace weir::rollout
