#include "rollout/guards.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <cmath>
#include <vector>

namespace weir::rollout {
namespace {

using namespace std::chrono_literals;
using Phase = Guards::Phase;

struct Fixture {
  Guards guards;
  std::int32_t round = 0;
  Stamp now{};

  Event of(std::uint64_t unit, Arm arm) const { return {.at = now, .unit = unit, .caller = unit, .route = NameId{1}, .latency = 20ms, .arm = arm, .known = true}; }
  void close(Phase phase = Phase::arms) {
    now += Cells::kLength;
    guards.close(round++, now, phase);
  }
  double evidence(Guard guard) const { return std::exp(guards.reading(guard).log_evidence); }
};

// Two cells of which the candidate's is bad, in the whole and on the only route. Of two bets by lot each is r / (1 + (r-1)/2):
// 1.2, 1.3333, 1.5, 1.6667, 1.8182, 1.9048, 1.9608, 1.9802, mean 1.6705. All three signals say so; half of the weight lies on the
// whole, 1/1024 on the route, 511/1024 on slices that are not there.
TEST(Guards, WeighTheWholeAndItsSlices) {
  Fixture fixture;
  Event bad = fixture.of(1, Arm::candidate);
  bad.bad = true;
  fixture.guards.add(bad);
  fixture.guards.add(fixture.of(2, Arm::control));
  fixture.close();
  EXPECT_NEAR(fixture.evidence(Guard::bad), 1.6705 / 2 + 1.6705 / 1024 + 511.0 / 1024, 1e-4);
  EXPECT_EQ(fixture.guards.reading(Guard::bad).count.candidate, 1);
  EXPECT_EQ(fixture.guards.reading(Guard::bad).of.control, 1);
  EXPECT_NEAR(fixture.evidence(Guard::refused), 1, 1e-12);
}

TEST(Guards, ACallerThatFailsTenThousandTimesIsOne) {
  Fixture once, often;
  for (Fixture* fixture : {&once, &often}) {
    for (int round = 0; round < 30; ++round) {
      for (std::uint64_t unit = 1; unit <= 20; ++unit) {
        Event event = fixture->of(unit, unit == 1 ? Arm::candidate : Arm::control);
        event.bad = unit == 1 && (fixture == &often || round == 0);
        for (int i = 0; i < (event.bad && fixture == &often ? 300 : 1); ++i) fixture->guards.add(event);
      }
      fixture->close();
    }
  }
  EXPECT_NEAR(once.evidence(Guard::bad), often.evidence(Guard::bad), 1e-9);
  EXPECT_LT(often.evidence(Guard::bad), 20);
}

TEST(Guards, OneGroupAmongAHundredIsNamed) {
  Fixture fixture;
  for (int round = 0; round < 6; ++round) {
    for (std::uint64_t unit = 0; unit < 2000; ++unit) {
      Event event = fixture.of(unit + 1, unit % 4 == 0 ? Arm::candidate : Arm::control);
      event.group = 1 + unit / 20;
      event.bad = event.group == 42 && event.arm == Arm::candidate;
      fixture.guards.add(event);
    }
    fixture.close();
  }
  const GuardReading& reading = fixture.guards.reading(Guard::bad);
  EXPECT_EQ(reading.worst.kind, SliceName::Kind::whole) << "five of five callers are as much in the whole";
  EXPECT_LT(reading.log_evidence, std::log(kRollsBackAt));

  // The same among callers of whom one in twenty of either arm fails anew in each round: now it shows in its group alone.
  Fixture noisy;
  for (int round = 0; round < 40; ++round) {
    for (std::uint64_t unit = 0; unit < 4000; ++unit) {
      Event event = noisy.of(unit + 1, unit % 2 == 0 ? Arm::candidate : Arm::control);
      event.group = 1 + unit / 40;
      event.bad = event.group == 42 ? event.arm == Arm::candidate : (unit / 2) % 40 == static_cast<std::uint64_t>(round);
      noisy.guards.add(event);
    }
    noisy.close();
  }
  EXPECT_EQ(noisy.guards.reading(Guard::bad).worst, (SliceName{.kind = SliceName::Kind::group, .value = 42}));
}

TEST(Guards, SlowIsSlowerThanTheControlsP99) {
  Fixture fixture;
  for (int round = 0; round < 3; ++round) {
    for (std::uint64_t unit = 1; unit <= 100; ++unit) {
      Event event = fixture.of(unit, unit <= 50 ? Arm::candidate : Arm::control);
      if (round == 2 && event.arm == Arm::candidate) event.latency = 100ms;
      if (round < 2) event.arm = Arm::control;
      fixture.guards.add(event);
    }
    fixture.close();
  }
  const GuardReading& slow = fixture.guards.reading(Guard::slow);
  EXPECT_EQ(slow.of.candidate, 50);
  EXPECT_EQ(slow.count.candidate, 50);
  EXPECT_EQ(slow.count.control, 0);
  EXPECT_GE(slow.log_evidence, std::log(kRollsBackAt));
  EXPECT_NEAR(fixture.evidence(Guard::bad), 1, 1e-12);
}

// 1,000 cells before without one bad: at most 7.07 in a thousand are usual (poisson_upper). 20 bad ones of 100 since: on a ratio
// of 20 alone 20^20 e^-(19 x 0.707) = 1.5e20, of six in the mean, a half of it for the whole.
TEST(Guards, MoreBadThanUsualSinceTheChange) {
  Fixture fixture;
  for (int round = 0; round < 10; ++round) {
    for (std::uint64_t unit = 1; unit <= 100; ++unit) fixture.guards.add(fixture.of(unit, Arm::control));
    fixture.close();
  }
  for (std::uint64_t unit = 1; unit <= 100; ++unit) {
    Event event = fixture.of(unit, Arm::candidate);
    event.bad = unit <= 20;
    fixture.guards.add(event);
  }
  fixture.close(Phase::watch);
  EXPECT_GT(fixture.guards.since().log_evidence, std::log(1.5e20 / 12));
  EXPECT_NEAR(fixture.evidence(Guard::bad), 1, 1e-12) << "there is no second arm";
  EXPECT_EQ(fixture.guards.since().count.candidate, 20);
}

TEST(Guards, WhatThePoliciesAgreeAboutIsNotTheChangesDoing) {
  Fixture fixture;
  for (int round = 0; round < 20; ++round) {
    for (std::uint64_t unit = 1; unit <= 100; ++unit) {
      Event event = fixture.of(unit, round < 10 ? Arm::control : Arm::candidate);
      event.touched = unit > 50;
      event.bad = round >= 10 && unit <= 50;
      fixture.guards.add(event);
    }
    fixture.close(round < 10 ? Phase::arms : Phase::watch);
  }
  EXPECT_LE(fixture.guards.since().log_evidence, 1e-12);
}

// Whatever the order in which equal stamps come.
RC_GTEST_PROP(Guards, TheOrderWithinARoundDoesNotMatter, ()) {
  Fixture one, other;
  for (int round = 0; round < 4; ++round) {
    std::vector<Event> events;
    for (std::uint64_t unit = 1; unit <= 30; ++unit) {
      Event event = one.of(unit, unit % 3 == 0 ? Arm::candidate : Arm::control);
      event.group = unit % 4;
      event.bad = *rc::gen::inRange(0, 4) == 0;
      event.latency = std::chrono::milliseconds(*rc::gen::inRange(1, 100));
      events.push_back(event);
    }
    for (const Event& event : events) one.guards.add(event);
    for (std::size_t i = events.size(); i > 1; --i) std::swap(events[i - 1], events[*rc::gen::inRange<std::size_t>(0, i)]);
    for (const Event& event : events) other.guards.add(event);
    one.close();
    other.close();
  }
  for (const Guard guard : {Guard::bad, Guard::refused, Guard::slow, Guard::volume})
    RC_ASSERT(std::abs(one.guards.reading(guard).log_evidence - other.guards.reading(guard).log_evidence) < 1e-9);
}

}  // namespace
}  // namespace weir::rollout
