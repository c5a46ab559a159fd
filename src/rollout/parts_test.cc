// The smaller parts of the judge: who speaks for a canary, silence, the heaviest, coverage, load.
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <map>
#include <vector>

#include "rollout/coverage.h"
#include "rollout/load.h"
#include "rollout/paired.h"
#include "rollout/presence.h"
#include "rollout/space_saving.h"
#include "rollout/staging.h"

namespace weir::rollout {
namespace {

using namespace std::chrono_literals;
using Harm = PairedReading::Harm;

Stamp at(Nanos since) { return Stamp(since); }

TEST(Staging, UnitsFollowWhoIsThere) {
  EXPECT_EQ(staging_of({.requests_per_s = 300, .callers = 50, .clients = 10}).unit, Unit::caller);
  EXPECT_EQ(staging_of({.requests_per_s = 300, .callers = 49, .clients = 50}).unit, Unit::client);
  EXPECT_EQ(staging_of({.requests_per_s = 200, .callers = 1, .clients = 1}).unit, Unit::request);
  EXPECT_TRUE(staging_of({.requests_per_s = 200, .callers = 1, .clients = 1}).by_percentage());
  EXPECT_EQ(staging_of({.requests_per_s = 9.9, .callers = 2000, .clients = 2000}).thin, Staging::Thin::few_requests);
  EXPECT_EQ(staging_of({.requests_per_s = 0}).thin, Staging::Thin::few_units);
}

TEST(Paired, SpreadTakesFiveCallersAndOneInAThousand) {
  for (const std::uint64_t callers : {4u, 5u}) {
    Paired paired({});
    for (std::uint64_t i = 0; i < 5000; ++i) paired.add(100 + i % 500, false, false);
    for (std::uint64_t i = 0; i < callers; ++i) paired.add(100 + i, true, false);
    paired.close(at(10s));
    EXPECT_EQ(paired.reading().harm, Harm::none) << "5 of 5,005 is less than one in a thousand";
    paired.add(100, true, false);
    paired.close(at(20s));
    EXPECT_EQ(paired.reading().harm, callers == 5 ? Harm::spread : Harm::none);
    EXPECT_EQ(paired.reading().callers, callers);
  }
}

TEST(Paired, ARefusalThatMovedIsNone) {
  Paired paired({});
  for (std::uint64_t i = 0; i < 1000; ++i) paired.add(1 + i % 10, i % 20 < 10, i % 20 >= 10);
  paired.close(at(10s));
  EXPECT_EQ(paired.reading().net, 0);
  EXPECT_EQ(paired.reading().harm, Harm::none);
}

TEST(Paired, HalfOfOneCallerIsSeenAmongMany) {
  Paired paired({});
  for (std::uint64_t i = 0; i < 100'000; ++i) paired.add(100 + i % 2000, false, false);
  for (int i = 0; i < 8; ++i) paired.add(7, true, false);
  for (int i = 0; i < 9; ++i) paired.add(7, false, false);
  paired.close(at(10s));
  EXPECT_EQ(paired.reading().harm, Harm::none) << "8 of 17";
  paired.add(7, true, false);
  paired.close(at(20s));
  EXPECT_EQ(paired.reading().harm, Harm::alone);
  EXPECT_EQ(paired.reading().worst, 7);
  EXPECT_EQ(paired.reading().worst_net, 9);
  EXPECT_EQ(paired.reading().worst_of, 18);
}

TEST(Paired, ACallerWhoSeldomComesIsSeenOverTime) {
  Paired paired({});
  Nanos now = 0s;
  for (int i = 0; i < 8; ++i) {   // once in ten minutes, always refused
    EXPECT_EQ(paired.reading().harm, Harm::none) << i;
    paired.add(7, true, false);
    for (int j = 0; j < 60; ++j) paired.close(at(now += 10s));
  }
  EXPECT_EQ(paired.reading().harm, Harm::alone);
}

TEST(Paired, AHeavyCallerCountsWithoutFour) {
  Paired paired({});
  for (int i = 0; i < 9800; ++i) paired.add(1, false, false);
  for (int i = 0; i < 99; ++i) paired.add(2, true, false);
  for (int i = 0; i < 101; ++i) paired.add(2, false, false);
  paired.close(at(10s));
  EXPECT_EQ(paired.reading().harm, Harm::none);
  paired.add(2, true, false);
  paired.close(at(20s));
  EXPECT_EQ(paired.reading().harm, Harm::heavy);
}

TEST(Paired, ItsWindowEnds) {
  Paired paired({});
  for (std::uint64_t i = 0; i < 50; ++i) paired.add(1 + i % 10, i < 10, false);
  paired.close(at(0s));
  EXPECT_EQ(paired.reading().harm, Harm::spread);
  Nanos now = 0s;
  for (; now <= 610s; now += 10s) paired.close(at(now));
  EXPECT_EQ(paired.reading().requests, 0);
  EXPECT_EQ(paired.reading().harm, Harm::none);
}

TEST(Presence, SilenceIsTheTimeOfTwentySuccesses) {
  Presence presence;
  // One in ten seconds over 500 s: usual; the time of twenty is 200 s.
  for (int i = 0; i <= 50; ++i) presence.on_exchange(1, Arm::control, at(10s * i), true);
  EXPECT_EQ(presence.close(at(690s)).gone_silent.control, 0);
  const Presence::Round gone = presence.close(at(720s));
  EXPECT_EQ(gone.gone_silent.control, 1);
  EXPECT_EQ(gone.at_risk.control, 1);
  EXPECT_EQ(presence.close(at(730s)).at_risk.control, 0) << "once";
  presence.on_exchange(1, Arm::candidate, at(740s), true);
  EXPECT_EQ(presence.close(at(750s)).at_risk.candidate, 1);
}

TEST(Presence, WhoIsNotUsualIsNotMissed) {
  Presence presence;
  for (int i = 0; i < 39; ++i) presence.on_exchange(1, Arm::control, at(10s * i), true);   // 39 are too few
  for (int i = 0; i < 100; ++i) presence.on_exchange(2, Arm::control, at(10ms * i), true);
  EXPECT_EQ(presence.close(at(100s)).at_risk.sum(), 0) << "a second is too short";
}

TEST(Presence, FailuresAreNoSuccessesButTellTheArm) {
  Presence presence;
  for (int i = 0; i <= 500; ++i) presence.on_exchange(1, Arm::control, at(1s * i), true);
  for (int i = 501; i < 570; ++i) presence.on_exchange(1, Arm::candidate, at(1s * i), false);
  EXPECT_EQ(presence.close(at(570s)).gone_silent.candidate, 1);
}

// The bound of the paper, against an exact count: whoever has more than N/m is there, and no count is too low or more than N/m
// too high.
RC_GTEST_PROP(SpaceSaving, KeepsTheHeavyAndItsBound, ()) {
  const auto counters = *rc::gen::inRange<std::size_t>(1, 12);
  const auto keys = *rc::gen::container<std::vector<std::uint64_t>>(rc::gen::oneOf(rc::gen::inRange<std::uint64_t>(1, 5), rc::gen::inRange<std::uint64_t>(1, 60)));
  SpaceSaving heavy(counters);
  std::map<std::uint64_t, std::uint64_t> exact;
  for (const std::uint64_t key : keys) {
    heavy.add(key);
    ++exact[key];
  }
  const std::uint64_t bound = keys.size() / counters;
  for (const auto& [key, count] : exact)
    if (count > bound) RC_ASSERT(heavy.contains(key));
  std::uint64_t last = ~0ull;
  for (const SpaceSaving::Heavy& of : heavy.top(counters)) {
    RC_ASSERT(of.count >= exact[of.key]);
    RC_ASSERT(of.count <= exact[of.key] + bound);
    RC_ASSERT(of.count <= last);
    last = of.count;
  }
}

Event asked(std::uint32_t route, std::uint64_t caller, Arm arm, bool both) {
  return {.unit = caller, .caller = caller, .method = 1, .route = NameId{route}, .arm = arm, .judged_by_both = both};
}

TEST(Coverage, ListsWhatNobodyHasFelt) {
  Coverage coverage;
  for (int i = 0; i < 60; ++i) coverage.add(asked(1, 7, Arm::control, true));
  for (int i = 0; i < 30; ++i) coverage.add(asked(1, 8, Arm::candidate, true));
  for (int i = 0; i < 29; ++i) coverage.add(asked(2, 9, Arm::control, true));
  coverage.add(asked(2, 9, Arm::control, false));
  const CoverageReading reading = coverage.reading();
  EXPECT_NEAR(reading.covered, 90.0 / 120, 1e-12) << "29 of route 2 were decided by the candidate, 30 are enough";
  ASSERT_EQ(reading.unfelt.size(), 1);
  EXPECT_EQ(reading.unfelt[0].route, NameId{2});
  EXPECT_EQ(reading.unfelt[0].decided, 29);
  EXPECT_EQ(reading.callers, (std::vector<std::uint64_t>{7, 9}));
}

TEST(Load, PicksAboveOneAndAHalfOfTheBestAreUnproven) {
  for (const int picks : {90, 91}) {
    Load load;
    load.restart(at(0s));
    for (int i = 0; i < 6000; ++i) {
      Event event{.judged_by_both = true};
      event.control.endpoint = NameId{i % 100 < 60 ? 1u : 2u};             // 60 of 100 carried
      event.candidate.endpoint = NameId{i % 100 < picks ? 1u : 2u};        // 90 or 91 of 100 picked
      load.add(event);
    }
    load.close(at(60s));
    const auto unproven = load.unproven();
    ASSERT_EQ(unproven.size(), picks == 91 ? 1 : 0);
    if (picks == 90) continue;
    EXPECT_EQ(unproven[0].name, NameId{1});
    EXPECT_NEAR(unproven[0].sustained_per_s, 60, 1e-9);
    EXPECT_NEAR(unproven[0].picks_per_s, 91, 1e-9);
  }
}

TEST(Load, AMinuteWithFailuresSustainsNothing) {
  Load load;
  load.restart(at(0s));
  for (int i = 0; i < 600; ++i) {
    Event event{.bad = i < 4, .judged_by_both = true};
    event.control.endpoint = NameId{i < 360 ? 1u : 2u};
    event.candidate.endpoint = NameId{1};
    load.add(event);
  }
  load.close(at(60s));
  ASSERT_EQ(load.unproven().size(), 1) << "4 of 360 are more than one in a hundred";
  EXPECT_EQ(load.unproven()[0].sustained_per_s, 0);
}

TEST(Load, WhatTheControlSendsAsWellOrIsLittleNeedsNoProof) {
  for (const auto& [seconds, control_too] : {std::pair(60, true), std::pair(150, false), std::pair(60, false)}) {   // 10, 4 and 10 a second
    Load load;
    load.restart(at(0s));
    for (int i = 0; i < 600; ++i) {
      Event event{.bad = true, .judged_by_both = true};   // nothing is sustained
      event.control.endpoint = NameId{control_too ? 1u : 2u};
      event.candidate.endpoint = NameId{1};
      load.add(event);
    }
    load.close(at(std::chrono::seconds(seconds)));
    EXPECT_EQ(load.unproven().empty(), control_too || seconds == 150) << seconds << control_too;
  }
}

TEST(Fill, IsTheFillThatOneInAThousandPasses) {
  Fill fill;
  for (int i = 0; i < 10'000; ++i) fill.add(NameId{1}, i < 11 ? 0.97 : 0.3, i < 9 ? 0.97 : 0.2);
  const auto readings = fill.readings();
  ASSERT_EQ(readings.size(), 1);
  EXPECT_NEAR(readings[0].candidate, 0.97, 1e-9);
  EXPECT_NEAR(readings[0].control, 0.2, 1e-9);
  EXPECT_TRUE(readings[0].nearly_full());
}

}  // namespace
}  // namespace weir::rollout
