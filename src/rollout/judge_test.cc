#include "rollout/judge.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

namespace weir::rollout {
namespace {

using namespace std::chrono_literals;
using Kind = Stage::Kind;

// A hundred callers, each once a second.
struct Fixture {
  explicit Fixture(JudgeRules rules = {}) : judge(rules) { enter(Kind::before); }
  void enter(Kind kind, double share = 0) {
    stage = {.kind = kind, .share = share};
    judge.enter(stage, now);
  }
  bool mine(std::uint64_t unit) const {
    return stage.kind == Kind::watch || static_cast<double>((unit * 37 + lot * 11) % 100) < 100 * stage.share;
  }
  template <class Change>
  Judgement seconds(int count, Change&& change) {
    for (int i = 0; i < count; ++i) {
      for (std::uint64_t unit = 0; unit < 100; ++unit) {
        Event event{.at = now, .unit = unit + 1, .caller = unit + 1, .method = 1, .route = NameId{1}, .latency = 20ms,
                    .arm = mine(unit) ? Arm::candidate : Arm::control, .known = true, .judged_by_both = stage.kind != Kind::before};
        event.control.endpoint = event.candidate.endpoint = NameId{10};
        change(event);
        judge.on_exchange(event);
      }
      now += 1s;
    }
    return judge.verdict(now);
  }
  Judgement seconds(int count) {
    return seconds(count, [](Event&) {});
  }

  Judge judge;
  Stage stage;
  std::uint64_t lot = 0;
  Stamp now = Stamp(1h);
};

std::vector<Missing::Kind> missing(const Judgement& of) {
  std::vector<Missing::Kind> out;
  for (const Missing& one : of.missing) out.push_back(one.kind);
  return out;
}
using Lacks = std::vector<Missing::Kind>;

TEST(Judge, AHarmlessChangeGoesThroughAllStages) {
  Fixture fixture;
  EXPECT_EQ(fixture.seconds(600).answer, Answer::not_enough_data) << "before the change there is nothing to judge";
  fixture.enter(Kind::shadow);
  EXPECT_EQ(missing(fixture.seconds(199)), Lacks{Missing::Kind::requests});
  EXPECT_EQ(fixture.seconds(1).answer, Answer::pass) << "20,000";
  fixture.enter(Kind::canary, 0.05);
  EXPECT_EQ(missing(fixture.seconds(30)), Lacks{Missing::Kind::extra});
  EXPECT_EQ(fixture.seconds(1800).answer, Answer::pass);
  fixture.enter(Kind::watch);
  EXPECT_EQ(fixture.seconds(3600).answer, Answer::pass);
}

TEST(Judge, SaysHowManyUnitsItLacks) {
  Fixture fixture;
  fixture.seconds(60);
  fixture.enter(Kind::canary, 0.02);
  const Judgement now = fixture.seconds(60);
  EXPECT_EQ(now.answer, Answer::not_enough_data);
  ASSERT_EQ(missing(now), Lacks{Missing::Kind::units});
  EXPECT_EQ(now.missing[0].has, 2);
  EXPECT_EQ(now.missing[0].needs, 3);
}

TEST(Judge, NoTrafficIsNoEvidence) {
  Fixture fixture;
  fixture.seconds(600);
  for (const Kind kind : {Kind::shadow, Kind::canary, Kind::watch}) {
    fixture.enter(kind, 0.25);
    fixture.now += 2h;
    const Judgement now = fixture.judge.verdict(fixture.now);
    EXPECT_EQ(now.answer, Answer::not_enough_data);
    EXPECT_FALSE(now.failure.has_value());
    EXPECT_FALSE(now.missing.empty());
  }
}

TEST(Judge, RefusalsAreForeseenInShadow) {
  Fixture fixture;
  fixture.seconds(60);
  fixture.enter(Kind::shadow);
  const Judgement now = fixture.seconds(20, [](Event& event) { event.candidate.refuses = event.unit <= 5; });
  ASSERT_EQ(now.answer, Answer::fail);
  EXPECT_EQ(now.failure->kind, Failure::Kind::refused);
  EXPECT_EQ(now.refused.callers, 5);
  EXPECT_EQ(now.guards[0].log_evidence, 0) << "nobody has felt it";
}

// Four seconds: no round of ten has ended.
TEST(Judge, ARoundCanBeEndedBeforeItsTime) {
  Fixture fixture;
  fixture.enter(Kind::shadow);
  const auto refused = [](Event& event) { event.candidate.refuses = true; };
  EXPECT_FALSE(fixture.seconds(4, refused).failure);
  fixture.judge.end_round(fixture.now);
  EXPECT_TRUE(fixture.judge.verdict(fixture.now).failure);
}

TEST(Judge, AccessLostIsSeenWithThreeRequests) {
  Fixture fixture;
  fixture.enter(Kind::shadow);
  int left = 3;
  const Judgement now = fixture.seconds(20, [&left](Event& event) {
    if (event.unit != 7 || left == 0) return;
    event.route = NameId{2};
    event.candidate.denies = true;
    --left;
  });
  ASSERT_EQ(now.answer, Answer::fail);
  EXPECT_EQ(now.failure->kind, Failure::Kind::access);
}

TEST(Judge, AFailureStays) {
  Fixture fixture;
  fixture.seconds(600);
  fixture.enter(Kind::canary, 0.25);
  const Judgement failed = fixture.seconds(20, [](Event& event) { event.bad = event.arm == Arm::candidate; });
  ASSERT_EQ(failed.answer, Answer::fail);
  EXPECT_EQ(failed.failure->kind, Failure::Kind::guard);
  EXPECT_EQ(failed.failure->guard, Guard::bad);
  const Judgement later = fixture.seconds(3600);
  EXPECT_EQ(later.answer, Answer::fail);
  EXPECT_EQ(later.failure->at, failed.failure->at);
}

TEST(Judge, AnUnprovenEndpointHoldsAndIsNamed) {
  Fixture fixture;
  fixture.seconds(600);
  fixture.enter(Kind::shadow);
  const Judgement now = fixture.seconds(210, [](Event& event) { event.candidate.endpoint = NameId{event.unit % 10 == 0 ? 11u : 10u}; });
  EXPECT_EQ(now.answer, Answer::not_enough_data);
  ASSERT_EQ(missing(now), Lacks{Missing::Kind::load});
  EXPECT_EQ(now.missing[0].subject, NameId{11});
  EXPECT_NEAR(now.missing[0].needs, 10 / 1.5, 1e-9);
}

TEST(Judge, WhatThinTrafficDoesNotBringIsOutOfReach) {
  Fixture fixture;
  fixture.seconds(600);
  fixture.enter(Kind::canary, 0.02);
  Judgement now = fixture.seconds(300);
  ASSERT_EQ(missing(now), Lacks{Missing::Kind::units}) << "two callers, and waiting draws no third";
  EXPECT_TRUE(now.out_of_reach(24h));
  now.guards[0].log_evidence = std::log(20);
  EXPECT_FALSE(now.out_of_reach(24h)) << "something speaks for harm";
  now.guards[0].log_evidence = 0;
  now.missing.push_back({.kind = Missing::Kind::requests, .more = Nanos::max()});
  EXPECT_FALSE(now.out_of_reach(24h)) << "nothing is promoted by silence";

  fixture.enter(Kind::canary, 0.05);
  now = fixture.seconds(30);
  ASSERT_EQ(missing(now), Lacks{Missing::Kind::extra});
  EXPECT_NEAR(std::chrono::duration<double>(now.missing[0].more).count(), 30 * (std::pow(now.missing[0].has / 0.005, 2) - 1), 1e-3);
  EXPECT_TRUE(now.out_of_reach(now.missing[0].more - 1s));
  EXPECT_FALSE(now.out_of_reach(now.missing[0].more + 1s)) << "that is waited for";
}

// Half of what is needed after 100 s: as much time again.
TEST(Judge, TellsHowLongItWillTake) {
  Fixture fixture;
  fixture.judge.use(true, 1000);   // 20,000 requests
  fixture.enter(Kind::shadow);
  const Judgement now = fixture.seconds(100);
  ASSERT_EQ(missing(now), Lacks{Missing::Kind::requests});
  EXPECT_NEAR(std::chrono::duration<double>(now.missing[0].more).count(), 100 * (20'000 / now.missing[0].has - 1), 1e-6);
}

TEST(Judge, ALimitNearlyFullHolds) {
  Fixture fixture;
  fixture.enter(Kind::shadow);
  const Judgement now = fixture.seconds(210, [&](Event&) { fixture.judge.on_fill(NameId{30}, 0.96, 0.5); });
  ASSERT_EQ(missing(now), Lacks{Missing::Kind::limit});
  EXPECT_EQ(now.missing[0].subject, NameId{30});
}

struct Watched : Fixture {
  using Fixture::Fixture;
  void live() {
    seconds(300);
    enter(Kind::shadow);
    seconds(300);
    enter(Kind::watch);
    seconds(60);
  }
  // Half of the units, drawn anew each minute.
  template <class Change>
  Judgement compare(Change&& change) {
    enter(Kind::compare, 0.5);
    for (Nanos left = judge.comparison_time(); left > 0s; left -= 1min) {
      seconds(60, change);
      ++lot;
      judge.redraw(now);
    }
    return judge.verdict(now);
  }
};

TEST(Judge, WhatTheWorldDoesInTheWatchIsComparedAndNotRolledBack) {
  Watched fixture;
  fixture.live();
  const auto outage = [](Event& event) { event.bad = event.unit <= 40; };
  EXPECT_EQ(missing(fixture.seconds(20, outage)), Lacks{Missing::Kind::comparison});
  EXPECT_NE(fixture.compare(outage).answer, Answer::fail);
  fixture.enter(Kind::watch);
  EXPECT_EQ(fixture.seconds(600).answer, Answer::pass);
}

TEST(Judge, WhatTheCandidateDoesIsFoundInTheComparison) {
  Watched fixture;
  fixture.live();
  const auto harm = [](Event& event) { event.bad = event.unit <= 20 && event.arm == Arm::candidate; };
  EXPECT_EQ(missing(fixture.seconds(20, harm)), Lacks{Missing::Kind::comparison});
  const Judgement now = fixture.compare(harm);
  ASSERT_EQ(now.answer, Answer::fail);
  EXPECT_EQ(now.failure->stage.kind, Kind::compare);
}

TEST(Judge, WhatComesAndGoesWithTheFullShareIsTheCandidates) {
  Watched fixture;
  fixture.live();
  const auto third = [](std::uint64_t which) { return [which](Event& event) { event.bad = event.unit % 3 == which; }; };
  for (const std::uint64_t time : {0u, 1u}) {
    EXPECT_EQ(missing(fixture.seconds(20, third(time))), Lacks{Missing::Kind::comparison});
    EXPECT_NE(fixture.compare([](Event&) {}).answer, Answer::fail) << "half of the load is borne";
    fixture.enter(Kind::watch);
  }
  const Judgement now = fixture.seconds(20, third(2));
  ASSERT_EQ(now.answer, Answer::fail);
  EXPECT_EQ(now.failure->kind, Failure::Kind::since);
}

// The weights 10, 1, 1, 1 of a seed outage: one endpoint gets ten of thirteen, the control would send it one of four.
TEST(Judge, AnEndpointThatTheCandidateCrowdsIsNotCompared) {
  const auto weighted = [](std::uint64_t times, std::uint64_t one_fails_of) {
    return [=](Event& event) {
      event.control.endpoint = NameId{static_cast<std::uint32_t>(100 + event.unit % 4)};
      const std::uint64_t slot = event.unit % (3 + times);
      event.candidate.endpoint = NameId{static_cast<std::uint32_t>(slot < times ? 100 : 101 + slot - times)};
      event.bad = slot < times && event.unit % one_fails_of == 0;
    };
  };
  Watched fixture;
  fixture.live();
  const Judgement now = fixture.seconds(20, weighted(10, 7));
  ASSERT_EQ(now.answer, Answer::fail);
  EXPECT_EQ(now.failure->kind, Failure::Kind::since);

  // One that gets no more than before may fail by itself, and one that only the candidate sends to is told by a comparison.
  Watched even;
  even.live();
  EXPECT_EQ(missing(even.seconds(20, weighted(1, 2))), Lacks{Missing::Kind::comparison});
  Watched elsewhere;
  elsewhere.live();
  EXPECT_EQ(missing(elsewhere.seconds(20, [&](Event& event) {
              weighted(10, 7)(event);
              event.candidate.endpoint.value += 1000;
            })), Lacks{Missing::Kind::comparison});
}

TEST(Judge, ThinTrafficHasTheWatchAlone) {
  Watched fixture({.comparable = false});
  fixture.live();
  const Judgement now = fixture.seconds(20, [](Event& event) { event.bad = event.unit <= 40; });
  ASSERT_EQ(now.answer, Answer::fail);
  EXPECT_EQ(now.failure->kind, Failure::Kind::since);
}

// One client that is half of all traffic and always fails: newly bad once, so the guards say little, but the budget burns.
TEST(Judge, ABudgetThatBurnsIsComparedAndNeverRolledBackByItself) {
  Watched fixture;
  fixture.live();
  const auto heavy = [&fixture](Event& event) {
    if (event.unit % 2 == 0) event.unit = event.caller = 7, event.bad = true, event.arm = fixture.mine(7) ? Arm::candidate : Arm::control;
  };
  const Judgement now = fixture.seconds(30, heavy);
  EXPECT_EQ(missing(now), Lacks{Missing::Kind::comparison});
  EXPECT_NE(now.watch.burns, BurnRate::Alarm::none);
  EXPECT_LT(now.since.log_evidence, std::log(kRollsBackAt));
  EXPECT_NE(fixture.compare(heavy).answer, Answer::fail);
  fixture.enter(Kind::watch);
  EXPECT_NE(fixture.seconds(300, heavy).answer, Answer::fail);
}

TEST(Judge, TellsWhichSeriesHasStepped) {
  Watched fixture;
  fixture.live();
  const Stamp from = fixture.now;
  const Judgement now = fixture.seconds(20, [](Event& event) { event.latency = 80ms; });
  const auto& median = now.watch.steps[static_cast<std::size_t>(Series::median)];
  ASSERT_TRUE(median.has_value());
  EXPECT_TRUE(median->up);
  EXPECT_EQ(median->began, from);
  EXPECT_FALSE(now.watch.steps[static_cast<std::size_t>(Series::rate)].has_value());
  EXPECT_NE(now.answer, Answer::fail);
}

TEST(Judge, AsksForFourComparisonsAtMost) {
  Watched fixture;
  fixture.live();
  int asked = 0;
  for (int i = 0; i < 8; ++i) {
    const Judgement now = fixture.seconds(20, [i](Event& event) { event.bad = event.unit % 8 == static_cast<std::uint64_t>(i); });
    if (now.answer == Answer::fail || missing(now) != Lacks{Missing::Kind::comparison}) continue;
    ++asked;
    fixture.enter(Kind::compare, 0.5);
    fixture.seconds(60, [](Event& event) { event.bad = true; });
    fixture.enter(Kind::watch);
    fixture.seconds(700);
  }
  EXPECT_EQ(asked, 4);
}

TEST(Judge, ALateStampCountsAsNow) {
  Fixture fixture;
  fixture.seconds(60);
  Event late{.at = Stamp(1min), .unit = 5, .route = NameId{1}};
  fixture.judge.on_exchange(late);
  EXPECT_EQ(fixture.seconds(60).answer, Answer::not_enough_data);
}

}  // namespace
}  // namespace weir::rollout
