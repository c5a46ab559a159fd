// Deploys judged second by second: what is harm, what is none, and what nobody can tell.
#include "rollout/deploy.h"

#include <gtest/gtest.h>

#include <limits>
#include <vector>

#include "base/hash.h"

namespace weir::rollout {
namespace {

SubjectSecond second(float requests, float bad = 0, float p90_ms = 10) {
  return {.requests = requests, .bad = bad, .timed = requests, .p90_ms = p90_ms};
}
std::vector<SubjectSecond> past(std::size_t seconds, const SubjectSecond& each) { return std::vector<SubjectSecond>(seconds, each); }

// Seconds until it answers; it is told no more than an hour.
std::int64_t feed(Deploy& deploy, const SubjectSecond& each) {
  std::int64_t at = 0;
  while (deploy.answer() == DeployAnswer::under_way && at < 3600) {
    deploy.add(each);
    ++at;
  }
  return at;
}

// C(600 + 5, 5) is 6.6e11. C(9 + 6, 6) = 5,005 and C(9 + 7, 7) = 11,440, of 8 stretches with 3 and 2 places for a run: 18,000 and 12,000
// are wanted, and at last C(9 + 8, 8) = 24,310 against 6,000. With 10 before, C(10 + 7, 7) = 19,448 against 12,000.
TEST(Deploy, RunsAreAsLongAsWorkedOut) {
  EXPECT_EQ(needed_run(600, 3600), 5);
  EXPECT_EQ(needed_run(9, 8), 8);
  EXPECT_EQ(needed_run(10, 8), 7);
  EXPECT_EQ(needed_run(6, 8), std::nullopt) << "C(14, 8) = 3,003";
  EXPECT_EQ(needed_run(0, 3600), std::nullopt) << "C(k, k) = 1";
  EXPECT_EQ(needed_run(600, 4), std::nullopt) << "never below five";
}

TEST(Deploy, AnUpstreamWhoseAnswersFailIsHarmedWithinTenSeconds) {
  Deploy deploy(Role::upstream, past(600, second(100)), 3600);
  for (int i = 0; i < 30; ++i) deploy.add(second(100));
  EXPECT_EQ(feed(deploy, second(100, 40)), 10);
  const DeployReading reading = deploy.reading();
  ASSERT_EQ(reading.harms.size(), 1U);
  EXPECT_EQ(reading.answer, DeployAnswer::harmed);
  EXPECT_EQ(reading.harms[0].signal, DeploySignal::bad);
  EXPECT_NEAR(reading.harms[0].now, 0.4, 1e-9);
  EXPECT_EQ(reading.harms[0].usual, 0);
  EXPECT_EQ(reading.harms[0].after, 30);
  EXPECT_EQ(reading.harms[0].lasted, 10);
  EXPECT_NEAR(*reading.after.bad_share, 400.0 / 4000, 1e-9);
  EXPECT_EQ(reading.before.requests, 60'000);
}

// Of 1,000 requests in ten seconds 15 bad ones are above 0.5 points; of 100 in one second they would have to be four.
TEST(Deploy, ASmallRiseIsSeenInTenfoldStretches) {
  Deploy deploy(Role::upstream, past(600, second(100)), 3600);
  EXPECT_EQ(feed(deploy, second(100, 1.5F)), 50);
  EXPECT_EQ(deploy.answer(), DeployAnswer::harmed);
  Deploy smaller(Role::upstream, past(600, second(100)), 3600);
  EXPECT_EQ(feed(smaller, second(100, 0.4F)), 3600);
  EXPECT_EQ(smaller.answer(), DeployAnswer::healthy) << "less than can be seen";
}

TEST(Deploy, WhatWasBadBeforeIsNoHarm) {
  Deploy deploy(Role::upstream, past(600, second(100, 40)), 60);
  EXPECT_EQ(feed(deploy, second(100, 45)), 60);
  EXPECT_EQ(deploy.answer(), DeployAnswer::healthy);
}

TEST(Deploy, ASlowAnswerIsHarm) {
  Deploy deploy(Role::upstream, past(600, second(100)), 3600);
  EXPECT_EQ(feed(deploy, second(100, 0, 25)), 10);
  ASSERT_EQ(deploy.reading().harms.size(), 1U);
  EXPECT_EQ(deploy.reading().harms[0].signal, DeploySignal::latency);
  EXPECT_NEAR(deploy.reading().harms[0].now, 25, 1e-6);
  Deploy quick(Role::upstream, past(600, second(100, 0, 1)), 60);
  feed(quick, second(100, 0, 3));
  EXPECT_EQ(quick.answer(), DeployAnswer::healthy) << "three times as long, and 2 ms";
}

// Seed 001.
TEST(Deploy, ACallerInAnEndlessLoopIsHarmAndTheUpstreamOfARushIsNot) {
  Deploy worker(Role::caller, past(600, second(10)), 3600);
  EXPECT_EQ(feed(worker, second(100)), 10);
  ASSERT_EQ(worker.reading().harms.size(), 1U);
  EXPECT_EQ(worker.reading().harms[0].signal, DeploySignal::rate);
  EXPECT_NEAR(worker.reading().harms[0].usual, 10, 1e-6);
  EXPECT_NEAR(worker.reading().harms[0].now, 100, 1e-6);
  Deploy stock(Role::upstream, past(600, second(10)), 60);
  feed(stock, second(100));
  EXPECT_EQ(stock.answer(), DeployAnswer::healthy);
  Deploy busier(Role::caller, past(600, second(10)), 60);
  feed(busier, second(29));
  EXPECT_EQ(busier.answer(), DeployAnswer::healthy);
}

TEST(Deploy, ACallerThatHardlyAsksMayStillRunAway) {
  std::vector<SubjectSecond> rare(600, second(0));
  for (std::size_t i = 0; i < rare.size(); i += 30) rare[i] = second(1);
  Deploy worker(Role::caller, rare, 3600);
  EXPECT_EQ(feed(worker, second(50)), 10);
  Deploy quiet(Role::caller, rare, 60);
  EXPECT_EQ(feed(quiet, second(0)), 60);
  EXPECT_EQ(quiet.answer(), DeployAnswer::not_enough_data);
  EXPECT_EQ(quiet.reading().lack, Lack::past);
}

TEST(Deploy, ARunThatIsBrokenBeginsAnew) {
  Deploy deploy(Role::upstream, past(600, second(100)), 40);
  for (int round = 0; round < 4; ++round) {
    for (int i = 0; i < 9; ++i) deploy.add(second(100, 50));
    EXPECT_EQ(deploy.answer(), DeployAnswer::under_way);
    deploy.add(second(100));
  }
  EXPECT_EQ(deploy.answer(), DeployAnswer::healthy) << "a minute's watch is too short for tenfold stretches, which would have seen it";
  Deploy longer(Role::upstream, past(600, second(100)), 600);
  for (int i = 0; i < 50; ++i) longer.add(i % 10 == 9 ? second(100) : second(100, 50));
  EXPECT_EQ(longer.answer(), DeployAnswer::harmed);
}

TEST(Deploy, ItsEndWithinARunIsUndecided) {
  Deploy deploy(Role::upstream, past(600, second(100)), 60);
  for (int i = 0; i < 55; ++i) deploy.add(second(100));
  EXPECT_EQ(feed(deploy, second(100, 50)), 5);
  EXPECT_EQ(deploy.answer(), DeployAnswer::not_enough_data);
  EXPECT_EQ(deploy.reading().lack, Lack::undecided);
}

TEST(Deploy, NobodyCanTellWithoutAPastOrWithoutTraffic) {
  Deploy without(Role::upstream, {}, 60);
  EXPECT_EQ(without.answer(), DeployAnswer::not_enough_data);
  EXPECT_EQ(without.reading().lack, Lack::past);
  Deploy stranger(Role::caller, past(600, second(0)), 60);
  EXPECT_EQ(stranger.reading().lack, Lack::past);
  Deploy brief(Role::upstream, past(600, second(100)), 4);
  EXPECT_EQ(brief.reading().lack, Lack::watch);
  Deploy silent(Role::upstream, past(600, second(100)), 60);
  EXPECT_EQ(feed(silent, second(0)), 60);
  EXPECT_EQ(silent.answer(), DeployAnswer::not_enough_data);
  EXPECT_EQ(silent.reading().lack, Lack::silent);
}

// Poisson-like noise of one in fifty bad, and a rate that breathes: of 400 watches of ten minutes none may be harmed, where the bound
// of 1 in 1,000 makes it 0.4 on average.
TEST(Deploy, NoiseIsNoHarm) {
  const HashKey key{7, 11};
  std::uint64_t drawn = 0;
  const auto chance = [&] {
    const std::uint64_t word[] = {drawn++};
    return static_cast<double>(keyed_hash(key, word) >> 11) * 0x1p-53;
  };
  const auto noisy = [&] {
    SubjectSecond out;
    const int requests = 20 + static_cast<int>(20 * chance());
    for (int i = 0; i < requests; ++i) out.bad += chance() < 0.02 ? 1 : 0;
    out.requests = out.timed = static_cast<float>(requests);
    out.p90_ms = static_cast<float>(10 + 10 * chance());
    return out;
  };
  int harmed = 0;
  for (int round = 0; round < 400; ++round) {
    std::vector<SubjectSecond> before;
    for (int i = 0; i < 100; ++i) before.push_back(noisy());
    Deploy deploy(round % 2 == 0 ? Role::caller : Role::upstream, before, 100);
    while (deploy.answer() == DeployAnswer::under_way) deploy.add(noisy());
    harmed += deploy.answer() == DeployAnswer::harmed ? 1 : 0;
  }
  EXPECT_EQ(harmed, 0);
}

TEST(SubjectPast, KeepsWholeSecondsAndForgetsAfterTenMinutes) {
  SubjectPast past;
  past.add(100, {});                                         // heard of in the midst of it
  past.add(101, {.bad = true, .took = Nanos(5'000'000), .weight = 2});
  past.add(101, {});
  past.add(100, {});                                         // late: with the newest
  past.advance(104);
  ASSERT_EQ(past.seconds().size(), 3U);
  EXPECT_EQ(past.open(), 104);
  EXPECT_EQ(past.heard(), 101);
  EXPECT_EQ(past.seconds()[0].requests, 4);
  EXPECT_EQ(past.seconds()[0].bad, 2);
  EXPECT_EQ(past.seconds()[0].timed, 2);
  EXPECT_NEAR(past.seconds()[0].p90_ms, 5, 5 * 0.125);
  EXPECT_EQ(past.seconds()[2].requests, 0);
  past.advance(1'000'000);
  EXPECT_EQ(past.seconds().size(), SubjectPast::kMost);
  EXPECT_EQ(past.seconds().front().requests, 0);
}

// What one process saw and another goes on with comes to the same as if there had been one.
TEST(Deploy, GoesOnFromItsStateAsIfNothingHadHappened) {
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    const auto noisy = [&](std::uint64_t i, float bad) {
      const auto of = [&](std::uint64_t salt) { return static_cast<float>(mix(seed * 7919 + i * 31 + salt) % 1000) / 1000; };
      return second(60 + 80 * of(1), bad * of(2), 5 + 10 * of(3));
    };
    std::vector<SubjectSecond> before;
    for (std::uint64_t i = 0; i < 300; ++i) before.push_back(noisy(i, 2));
    Deploy whole(Role::caller, before, 600);
    Deploy cut(Role::caller, before, 600);
    for (std::uint64_t i = 0; i < 600; ++i) {
      if (mix(seed + i) % 40 == 0) {
        auto next = Deploy::from(cut.state());
        ASSERT_TRUE(next) << seed;
        cut = std::move(*next);
      }
      const SubjectSecond each = noisy(1000 + i, i > 400 && seed % 2 == 1 ? 60 : 2);
      whole.add(each);
      cut.add(each);
    }
    EXPECT_EQ(whole.answer(), seed % 2 == 1 ? DeployAnswer::harmed : DeployAnswer::healthy) << seed;
    EXPECT_EQ(cut.state(), whole.state()) << seed;
    EXPECT_EQ(cut.reading().harms.size(), whole.reading().harms.size());
  }
}

TEST(Deploy, NumbersOfNoStateAreRefused) {
  Deploy deploy(Role::upstream, past(60, second(100)), 60);
  const std::vector<double> state = deploy.state();
  ASSERT_TRUE(Deploy::from(state));
  EXPECT_FALSE(Deploy::from({}));
  EXPECT_FALSE(Deploy::from(std::span(state).first(state.size() - 1)));
  std::vector<double> more = state;
  more.push_back(0);
  EXPECT_FALSE(Deploy::from(more));
  for (std::size_t i = 0; i < state.size(); ++i) {
    std::vector<double> broken = state;
    broken[i] = std::numeric_limits<double>::quiet_NaN();
    EXPECT_FALSE(Deploy::from(broken)) << i;
  }
  for (const double wrong : {-1.0, 0.5, 7.0, 1e300}) {
    std::vector<double> broken = state;
    broken[2] = wrong;   // the answer
    EXPECT_FALSE(Deploy::from(broken)) << wrong;
  }
}

// A gateway that was away for ten minutes has seen nothing of them: no silence of the subject's.
TEST(Deploy, SecondsOfWhichNothingIsKnownAreNeitherForNorAgainst) {
  Deploy away(Role::upstream, past(600, second(100)), 700);
  for (int i = 0; i < 60; ++i) away.add(second(100));
  away.skip(600);
  EXPECT_EQ(away.gone(), 660);
  EXPECT_EQ(away.answer(), DeployAnswer::under_way);
  EXPECT_EQ(feed(away, second(100)), 40);
  EXPECT_EQ(away.answer(), DeployAnswer::healthy);
  Deploy over(Role::upstream, past(600, second(100)), 700);
  over.skip(700);
  EXPECT_EQ(over.answer(), DeployAnswer::not_enough_data);
  EXPECT_EQ(over.reading().lack, Lack::silent);
  Deploy fails(Role::upstream, past(600, second(100)), 700);
  for (int i = 0; i < 5; ++i) fails.add(second(100, 40));
  fails.skip(100);
  EXPECT_EQ(feed(fails, second(100, 40)), 5) << "a run goes on where seconds lack";
  EXPECT_EQ(fails.answer(), DeployAnswer::harmed);
}

}  // namespace
}  // namespace weir::rollout
