// The follower while a change goes out and two policies decide.
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "replay/followed_for_tests.h"

namespace weir::replay {
namespace {

// A change that goes out in stages: alone until 8 s, when its limits are copied; beside from 8.2 s, a canary of some callers until 15 s,
// then places are changed; from 20 s on whoever `stays` is alone. The shared limit, one per caller and who may use a route change.
enum class Limits { own, shared };
struct TwoPolicies {
  Gateway before{1, 20}, after{2, 5, 150, true};
  record::Recording recording;
  TwoPolicies(std::uint64_t seed, std::uint32_t stays, Limits limits = Limits::own) {
    Recorder recorder(before.policy, before.names);
    bool copied = false, beside = false, alone = false;
    for (const TestRequest& request : traffic(30, seed, 2)) {
      const auto reaches = [&](double at, bool& done) { return request.at_ns >= static_cast<std::int64_t>((100 + at) * 1e9) && !std::exchange(done, true); };
      if (reaches(8, copied)) recorder.copy_for(after.policy);
      if (reaches(8.2, beside)) {
        if (limits == Limits::shared) recorder.share_limits();
        recorder.begin_beside();
      }
      if (reaches(20, alone)) recorder.decide_alone(stays);
      const bool in_canary = mix(request.client.bytes[3] + 1) % 10 < 3;
      recorder.decide(request, in_canary || request.at_ns >= 115'000'000'000);
    }
    recording = recorder.finish();
  }
  Followed follow(double from, double until, const std::function<bool(std::size_t)>& keep = [](std::size_t) { return true; }) {
    const auto at = [](double seconds) { return stamp_from_nanos(static_cast<std::int64_t>((100 + seconds) * 1e9)); };
    const auto follower = [&] {
      auto made = std::make_unique<Follower>(before.names, recording, Follower::Options{.seed = kSeed, .limit_cells = 1 << 16});
      made->policy(1, 0, before.shared());
      made->policy(2, 0, after.shared());
      made->decides_beside(2, at(from), at(until));
      made->decides_alone(recording.arrivals.back().revision, at(20));
      return made;
    };
    const auto alone = follower();
    for (std::size_t i = 0; i < recording.arrivals.size(); ++i) {
      if (keep(i)) alone->follow(recording.arrivals[i]);
      EXPECT_EQ(alone->two_decide(), recording.arrivals[i].stamp < at(20));
    }
    return replay::follow(follower, kept(recording, keep));
  }
  std::size_t enforced(std::uint32_t revision) const {
    return static_cast<std::size_t>(std::ranges::count_if(recording.arrivals, [&](const Arrival& a) { return a.second != 0 && a.revision == revision; }));
  }
};

TEST(Follower, WhileTwoDecideEachHasItsOwnLimits) {
  for (const std::uint32_t stays : {1u, 2u}) {
    for (std::uint64_t seed = 60; seed < 63; ++seed) {
      TwoPolicies two(seed, stays);
      const std::size_t all = two.recording.arrivals.size();
      EXPECT_GT(refused(two.recording), all / 20);
      EXPECT_GT(two.enforced(1), 500u);
      EXPECT_GT(two.enforced(2), 500u);
      const Followed followed = two.follow(8, 8);
      EXPECT_EQ(followed.counts.mismatches, 0u) << seed;
      EXPECT_EQ(followed.counts.reordered, 0u) << seed;
      EXPECT_GT(followed.counts.judged, all - all / 100) << seed;   // a millisecond before the copy is in doubt
      EXPECT_EQ(followed.counts.judged + followed.unjudged(Unfollowed::warming), all) << seed;
    }
  }
}

// Nobody knows when it was copied, but for two stamps, be they 400 ms apart: what is doubtful is warming, and never a mismatch.
TEST(Follower, WhatALimitOwedWhenItWasCopiedMayBeInDoubt) {
  std::uint64_t warming = 0;
  for (std::uint64_t seed = 70; seed < 75; ++seed) {
    TwoPolicies two(seed, seed % 2 + 1);
    const std::size_t all = two.recording.arrivals.size();
    const Followed followed = two.follow(7.8, 8.2);
    EXPECT_EQ(followed.counts.mismatches, 0u) << seed;
    EXPECT_GT(followed.counts.judged, all - all / 20) << seed;
    EXPECT_EQ(followed.counts.judged + followed.unjudged(Unfollowed::warming), all) << seed;
    warming += followed.unjudged(Unfollowed::warming);
  }
  EXPECT_GT(warming, 0u);
}

// The check must be able to fail: where both charged the same limits the verdicts are others. Those limits are never full and touched by
// two workers, so that they may count as reordered.
TEST(Follower, FindsThatBothDecidedInOneTable) {
  const FollowerCounts counts = TwoPolicies(90, 2, Limits::shared).follow(8, 8).counts;
  EXPECT_GT(counts.mismatches + counts.reordered, 1000u);
}

// Overrides come and go over both, in a canary: which policy of its revision decided beside follows from the conditions of the enforced
// one, where both are told from the first number of the two. Told each from its own, which it must not be, the other one is behind.
TEST(Follower, OverridesAreLaidOverBothWhileTwoDecide) {
  Gateway before{1, 20}, after{2, 5, 10, true}, before_held{1, 20}, after_held{2, 5, 10, true};
  lay_over(before_held);
  lay_over(after_held);
  Recorder recorder(before.policy, before_held.names);
  std::uint64_t number = 0;
  const auto next_conditions = [&](const Gateway& of) {
    Conditions conditions;
    conditions.number = ++number;
    conditions.endpoints.resize(of.policy.endpoints.size());
    recorder.conditions(conditions);
  };
  const auto decide = [&](double begin) {
    for (const TestRequest& request : traffic(10, number, 2, begin)) recorder.decide(request, request.client.bytes[3] % 2 == 1);
  };
  next_conditions(before);
  decide(100);
  recorder.copy_for(after.policy);
  recorder.begin_beside();
  next_conditions(after);
  decide(110);
  for (const auto& [live, other] : {std::pair(&before_held, &after_held), std::pair(&before, &after)}) {
    recorder.change_both(live->policy, other->policy);
    next_conditions(*live);
    next_conditions(*other);
    decide(number == 4 ? 120 : 130);
  }
  record::Recording recording = recorder.finish();
  std::array<std::size_t, 2> capped{};
  for (record::RecordedArrival& arrival : recording.arrivals) {
    if (arrival.second != 0 && arrival.revision == 1) --arrival.conditions;   // each keeper gives its own the numbers
    if (arrival.cause == Cause::caller_capped) ++capped[arrival.revision - 1];
  }
  EXPECT_GT(capped[0], 100u);
  EXPECT_GT(capped[1], 100u);

  const auto follow = [&](std::uint64_t apart) {
    Follower follower(before_held.names, recording, {.seed = kSeed, .limit_cells = 1 << 16});
    follower.policy(1, 1, before.shared());
    follower.policy(2, 1, after.shared());
    follower.policy(1, 3, before_held.shared());
    follower.policy(2, 3 + apart, after_held.shared());
    follower.policy(1, 5, before.shared());
    follower.policy(2, 5 + apart, after.shared());
    follower.decides_beside(2, stamp_from_nanos(110'000'000'000), stamp_from_nanos(110'000'000'000));
    for (const auto& arrival : recording.arrivals) follower.follow(arrival);
    follower.settle(Stamp::max());
    return follower.counts();
  };
  const FollowerCounts together = follow(0);
  EXPECT_EQ(together.mismatches, 0u);
  EXPECT_GT(together.judged, recording.arrivals.size() - recording.arrivals.size() / 100);
  const FollowerCounts apart = follow(1);
  EXPECT_GT(apart.mismatches + apart.reordered, 100u);
}

// What is missing while two decide is missing in the limits of both.
TEST(Follower, WhatIsMissingWhileTwoDecideIsNeverAMismatch) {
  for (std::uint64_t seed = 100; seed < 105; ++seed) {
    TwoPolicies two(seed, seed % 2 + 1);
    std::mt19937_64 random(seed);
    const std::size_t hole = 2000 + random() % 4000, size = 1 + random() % 1500;   // arrival 3,200 is at 8 s
    const Followed followed = two.follow(8, 8, [&](std::size_t i) { return i < hole || i >= hole + size; });
    EXPECT_EQ(followed.counts.mismatches, 0u) << seed;
    EXPECT_EQ(followed.unjudged(Unfollowed::missing), size) << seed;
    EXPECT_GT(followed.counts.judged, two.recording.arrivals.size() / 2) << seed;
  }
}

// Told too late to copy at the time, it knows nothing of the copy, and says so.
TEST(Follower, ACopyThatItIsToldOfTooLateIsInDoubt) {
  TwoPolicies two(120, 2);
  Follower follower(two.before.names, two.recording, {.seed = kSeed, .limit_cells = 1 << 16});
  follower.policy(1, 0, two.before.shared());
  follower.policy(2, 0, two.after.shared());
  for (const record::RecordedArrival& arrival : two.recording.arrivals) {
    if (arrival.second != 0 && !follower.two_decide()) follower.decides_beside(2, stamp_from_nanos(108'000'000'000), stamp_from_nanos(108'000'000'000));
    if (arrival.second == 0 && arrival.stamp > stamp_from_nanos(110'000'000'000)) break;
    follower.follow(arrival);
  }
  follower.settle(Stamp::max());
  EXPECT_EQ(follower.counts().mismatches, 0u);
  EXPECT_GT(follower.counts().unjudged[static_cast<std::size_t>(Unfollowed::warming)], 0u);
}

}  // namespace
}  // namespace weir::replay
