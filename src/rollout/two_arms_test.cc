// Two versions at one time: what is harm, what befalls both, and what nobody can tell.
#include "rollout/two_arms.h"

#include <gtest/gtest.h>

#include <chrono>

#include "base/hash.h"

namespace weir::rollout {
namespace {

using namespace std::chrono_literals;

constexpr Nanos kWatch = 10min;

// What a caller or version does to an exchange.
struct World {
  double share = 0.05;                        // of the candidate
  int per_s = 200;
  double bad = 0.003, candidate_bad = 0.003;  // share of 1
  Nanos took = 20ms, candidate_took = 20ms;   // the middle: half to twice as long
  bool one_caller_fails = false;              // one of 50, always, whoever answers, in a burst of 10 s each minute
  bool by_caller = false;                     // drawn by caller, not by exchange
};

class Draw {
 public:
  explicit Draw(std::uint64_t seed) : seed_(seed) {}
  double next() { return static_cast<double>(mix(seed_ ^ mix(++count_)) >> 11) * 0x1p-53; }

 private:
  std::uint64_t seed_, count_ = 0;
};

TwoArms run(const World& world, std::uint64_t seed, Nanos length = kWatch + 1s) {
  Draw draw(seed);
  TwoArms arms(Stamp(0s), kWatch, world.by_caller);
  std::uint64_t number = 0;
  const Nanos step = Nanos(1s) / world.per_s;
  for (Nanos at{0}; at < length && arms.answer() == DeployAnswer::under_way; at += step) {
    const std::uint64_t caller = 1 + static_cast<std::uint64_t>(draw.next() * 50);
    const double lot = world.by_caller ? static_cast<double>(mix(seed + caller) >> 11) * 0x1p-53 : draw.next();
    const bool candidate = lot < world.share;
    const bool fails = world.one_caller_fails && caller == 7 && at % Nanos(1min) < 10s;
    const bool bad = fails || draw.next() < (candidate ? world.candidate_bad : world.bad);
    const Nanos took = candidate ? world.candidate_took : world.took;
    arms.add({.at = Stamp(at), .unit = mix(world.by_caller ? caller : ++number), .method = 1, .route = NameId{3},
              .arm = candidate ? Arm::candidate : Arm::control, .bad = bad, .took = took / 2 + std::chrono::duration_cast<Nanos>(took * 1.5 * draw.next())});
    arms.turn(Stamp(at));
  }
  return arms;
}

TEST(TwoArms, ACandidateThatFailsIsHarmedWithinHalfAMinute) {
  const TwoArms arms = run({.candidate_bad = 0.2}, 1, 30s);
  const ArmsReading reading = arms.reading();
  EXPECT_EQ(reading.answer, DeployAnswer::harmed);
  EXPECT_EQ(reading.harm, Guard::bad);
  EXPECT_GE(std::exp(reading.guards[0].log_evidence), kRollsBackAt);
  EXPECT_NEAR(reading.candidate.bad_share.value_or(0), 0.2, 0.1);
  EXPECT_NEAR(reading.stable.bad_share.value_or(1), 0.003, 0.003);
}

TEST(TwoArms, ASlowCandidateIsHarmed) {
  const ArmsReading reading = run({.candidate_took = 60ms}, 2).reading();
  EXPECT_EQ(reading.answer, DeployAnswer::harmed);
  EXPECT_EQ(reading.harm, Guard::slow);
  EXPECT_GT(reading.candidate.p90_ms.value_or(0), 2 * reading.stable.p90_ms.value_or(1e9));
}

TEST(TwoArms, AsGoodAsBeforeIsHealthyAtTheEndAndNotBefore) {
  EXPECT_EQ(run({}, 3, kWatch - 2s).answer(), DeployAnswer::under_way);
  const TwoArms arms = run({}, 3);
  EXPECT_EQ(arms.answer(), DeployAnswer::healthy);
  EXPECT_NEAR(arms.reading().candidate.requests, 200 * 600 * 0.05, 400);
  EXPECT_FALSE(arms.reading().harm);
}

// At most 1 in 1,000 each; what befalls both speaks for neither, and neither does one caller that fails by the hundred.
TEST(TwoArms, HarmlessOnesAreNotHarmed) {
  int harmed = 0;
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    harmed += run({.per_s = 60, .bad = 0.05, .candidate_bad = 0.05, .one_caller_fails = true}, seed).answer() == DeployAnswer::harmed;
    harmed += run({.share = 0.5, .per_s = 60, .one_caller_fails = true, .by_caller = true}, seed).answer() == DeployAnswer::harmed;
  }
  EXPECT_EQ(harmed, 0);
}

TEST(TwoArms, WhatSawTooLittleSaysWhatItLacks) {
  const TwoArms few = run({.per_s = 1}, 4);   // 30 of the candidate's: too few to exclude 0.5 points
  EXPECT_EQ(few.answer(), DeployAnswer::not_enough_data);
  const TwoArms none = run({.share = 0}, 5);
  EXPECT_EQ(none.answer(), DeployAnswer::not_enough_data);
  EXPECT_EQ(none.reading().lack, Lack::silent);
  const TwoArms close = run({.per_s = 40}, 6);   // 1,200 of the candidate's, where 0.5 points need 1,900 at the usual share
  EXPECT_EQ(close.answer(), DeployAnswer::not_enough_data);
  EXPECT_EQ(close.reading().lack, Lack::undecided);
}

TEST(TwoArms, KnowsWhetherBothRunAndEndsWithWhatItWatched) {
  TwoArms arms(Stamp(0s), kWatch, false);
  arms.add({.at = Stamp(1s), .unit = 1, .arm = Arm::control, .took = 1ms});
  EXPECT_FALSE(arms.both_run(Stamp(1s)));
  arms.add({.at = Stamp(2s), .unit = 2, .arm = Arm::candidate, .took = 1ms});
  EXPECT_TRUE(arms.both_run(Stamp(11s)));
  EXPECT_FALSE(arms.both_run(Stamp(12s)));
  arms.end(Lack::replaced);
  EXPECT_EQ(arms.answer(), DeployAnswer::not_enough_data);
  EXPECT_EQ(arms.reading().lack, Lack::replaced);
}

}  // namespace
}  // namespace weir::rollout
