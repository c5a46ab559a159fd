#include "replay/follower.h"

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

TEST(Follower, EveryVerdictIsEqual) {
  Gateway gateway(1, 20);
  Recorder recorder(gateway.policy, gateway.names);
  for (const TestRequest& request : traffic(30, 1, 2)) recorder.decide(request);
  recorder.refuse_bytes();
  const record::Recording recording = recorder.finish();
  EXPECT_GT(refused(recording), recording.arrivals.size() / 20);
  const Followed followed = follow({&gateway}, recording);
  EXPECT_EQ(followed.counts.judged + 1, recording.arrivals.size());
  EXPECT_EQ(followed.counts.mismatches, 0u);
  EXPECT_EQ(followed.counts.reordered, 0u);
  EXPECT_EQ(followed.unjudged(Unfollowed::missing), 0u);
}

// Limits that a change leaves alone keep their state, the changed one starts full: as the shared table does live.
TEST(Follower, AChangeOfPolicyKeepsTheStateOfUnchangedLimits) {
  Gateway before(1, 20);
  Recorder recorder(before.policy, before.names);
  for (const TestRequest& request : traffic(10, 2, 1)) recorder.decide(request);
  Gateway after(2, 5);   // the same names in the same order, so the same ids
  recorder.change(after.policy);
  for (const TestRequest& request : traffic(10, 3, 1, 110)) recorder.decide(request);
  const record::Recording recording = recorder.finish();
  const Followed followed = follow({&before, &after}, recording);
  EXPECT_EQ(followed.counts.judged, recording.arrivals.size());
  EXPECT_EQ(followed.counts.mismatches, 0u);
}

// Overrides make another policy under the same number; conditions tell from when on, and who has been under which.
TEST(Follower, OneRevisionWithAndWithoutOverridesIsDecidedByEach) {
  Gateway plain(1, 20), held(1, 20);
  lay_over(held);
  Recorder recorder(plain.policy, held.names);   // the same names in the same order, and those of overrides
  std::uint64_t number = 0;
  for (const Gateway* each : {&plain, &held, &plain}) {
    recorder.change(each->policy);
    Conditions conditions;
    conditions.number = ++number;
    conditions.endpoints.resize(each->policy.endpoints.size());
    recorder.conditions(conditions);
    for (const TestRequest& request : traffic(10, number, 2, 90 + 10 * static_cast<double>(number))) recorder.decide(request);
  }
  const record::Recording recording = recorder.finish();
  for (const Cause cause : {Cause::caller_capped, Cause::paused, Cause::limit_rejected})
    EXPECT_GT(std::ranges::count(recording.arrivals, cause, &Arrival::cause), 20) << info(cause).name;

  Follower follower(held.names, recording, {.seed = kSeed, .limit_cells = 1 << 16});
  follower.policy(1, 1, plain.shared());
  follower.policy(1, 2, held.shared());
  follower.policy(1, 3, plain.shared());
  for (const auto& arrival : recording.arrivals) follower.follow(arrival);
  follower.settle(Stamp::max());
  EXPECT_EQ(follower.counts().judged, recording.arrivals.size());
  EXPECT_EQ(follower.counts().mismatches, 0u);

  Follower unaware(held.names, recording, {.seed = kSeed, .limit_cells = 1 << 16});   // the check must be able to fail
  unaware.policy(1, 0, plain.shared());
  for (const auto& arrival : recording.arrivals) unaware.follow(arrival);
  unaware.settle(Stamp::max());
  EXPECT_GT(unaware.counts().mismatches, 100u);
}

// A verdict that was recorded wrongly is found, and one wrong verdict is one difference: the state goes on as live's did.
TEST(Follower, AFalseVerdictIsOneMismatch) {
  Gateway gateway(1, 20);
  Recorder recorder(gateway.policy, gateway.names);
  for (const TestRequest& request : traffic(20, 4, 1)) recorder.decide(request);
  record::Recording recording = recorder.finish();
  const NameId other = recording.names.intern("free");
  auto passed = std::ranges::find_if(recording.arrivals, [&](const record::RecordedArrival& a) {
    return a.cause == Cause::none && recording.names.text(a.route) == "orders" && a.stamp > stamp_from_nanos(105'000'000'000);
  });
  ASSERT_NE(passed, recording.arrivals.end());
  passed->route = other;
  const Followed followed = follow({&gateway}, recording);
  EXPECT_EQ(followed.counts.judged, recording.arrivals.size());
  EXPECT_EQ(followed.counts.mismatches, 1u);
  ASSERT_EQ(followed.examples.size(), 1u);
  EXPECT_EQ(followed.examples[0].recorded.route, "free");
  EXPECT_EQ(followed.examples[0].decided.route, "orders");
}

// Another rate than the one that decided: the check must be able to fail.
TEST(Follower, FindsThatAnotherPolicyDecided) {
  Gateway gateway(1, 20);
  Recorder recorder(gateway.policy, gateway.names);
  for (const TestRequest& request : traffic(20, 5, 1)) recorder.decide(request);
  const record::Recording recording = recorder.finish();
  Gateway claimed(1, 19);
  EXPECT_GT(follow({&claimed}, recording).counts.mismatches, 20u);
}

// Where arrivals are missing, what cannot be known is warming and never a mismatch, and judging begins again. Over many
// seeds, because a bucket that is judged too early shows only where a request falls between the two states.
TEST(Follower, WhatIsMissingIsNeverAMismatch) {
  for (std::uint64_t seed = 10; seed < 25; ++seed) {
    Gateway gateway(1, 20);
    Recorder recorder(gateway.policy, gateway.names);
    for (const TestRequest& request : traffic(20, seed, 1)) recorder.decide(request);
    const record::Recording recording = recorder.finish();
    std::mt19937_64 random(seed);
    const std::size_t hole = 500 + random() % 1000, size = 1 + random() % 1500;
    const Followed followed = follow({&gateway}, recording, [&](std::size_t i) { return i < hole || i >= hole + size; });
    EXPECT_EQ(followed.counts.mismatches, 0u) << seed;
    EXPECT_EQ(followed.unjudged(Unfollowed::missing), size) << seed;
    EXPECT_GT(followed.unjudged(Unfollowed::warming), 0u) << seed;
    EXPECT_GT(followed.counts.judged, hole + (recording.arrivals.size() - hole - size) / 4) << seed;
    EXPECT_EQ(followed.counts.judged + followed.unjudged(Unfollowed::missing) + followed.unjudged(Unfollowed::warming),
              recording.arrivals.size());
  }
}

// Two workers that charge in another order than their stamps, never more than a millisecond apart.
TEST(Follower, WorkersThatCrossedAreCountedApart) {
  std::uint64_t reordered = 0, swapped = 0;
  for (std::uint64_t seed = 50; seed < 60; ++seed) {
    Gateway gateway(1, 20);
    Recorder recorder(gateway.policy, gateway.names);
    std::vector<TestRequest> requests = traffic(20, seed, 2);
    for (std::size_t i = 1; i < requests.size(); ++i) {
      const bool near = requests[i].at_ns - requests[i - 1].at_ns < 1'000'000 && requests[i].worker != requests[i - 1].worker;
      if (!near || i % 3 != 0) continue;
      std::swap(requests[i], requests[i - 1]);
      ++swapped;
    }
    for (const TestRequest& request : requests) recorder.decide(request);
    const Followed followed = follow({&gateway}, recorder.finish());
    EXPECT_EQ(followed.counts.mismatches, 0u) << seed;
    reordered += followed.counts.reordered;
  }
  EXPECT_GT(reordered, 0u);   // it did happen
  EXPECT_LT(reordered, swapped);
}

// The same two orders further apart than that are no excuse.
TEST(Follower, WorkersFarApartAreNoExcuse) {
  Gateway gateway(1, 20);
  Recorder recorder(gateway.policy, gateway.names);
  std::vector<TestRequest> requests(62);
  for (std::size_t i = 0; i < requests.size(); ++i) {   // a full bucket of 40 per caller, all at once
    requests[i].at_ns = 100'000'000'000 + static_cast<std::int64_t>(i) * 5'000'000;
    requests[i].worker = i % 2;
    requests[i].path = "/closed/1";
    requests[i].client = Address::v4(10, 1, 0, static_cast<std::uint8_t>(i));   // per-ip is out of the way
    requests[i].headers = {{"x-api-key", "s"}};
    requests[i].evidence = {valid("a")};
  }
  std::swap(requests[60], requests[61]);   // 5 ms apart
  std::vector<Cause> causes;
  for (const TestRequest& request : requests) causes.push_back(recorder.decide(request).cause);
  const Followed followed = follow({&gateway}, recorder.finish());
  EXPECT_NE(causes[60], causes[61]);
  EXPECT_EQ(followed.counts.reordered, 0u);
  EXPECT_EQ(followed.counts.mismatches, 1u);   // after it the state is live's, so that the other one is equal again
}

// What a worker did before the first of its arrivals that is seen is missing too, where its beginning is known.
TEST(Follower, ABeginningThatIsMissingIsNoticed) {
  Gateway gateway(1, 20);
  Recorder recorder(gateway.policy, gateway.names);
  for (const TestRequest& request : traffic(10, 8, 1)) recorder.decide(request);
  const record::Recording recording = recorder.finish();
  Follower follower(gateway.names, recording, {.seed = kSeed, .limit_cells = 1 << 16});
  follower.begins(WorkerId{0}, 1);   // the recorder counts from one
  follower.policy(1, 0, gateway.shared());
  for (const auto& arrival : std::span(recording.arrivals).subspan(700)) follower.follow(arrival);
  EXPECT_EQ(follower.counts().unjudged[static_cast<std::size_t>(Unfollowed::missing)], 700u);
  EXPECT_GT(follower.counts().unjudged[static_cast<std::size_t>(Unfollowed::warming)], 0u);
  EXPECT_EQ(follower.counts().mismatches, 0u);
}

// A worker that had no traffic meanwhile goes on in sequence, into limits that the others have emptied.
TEST(Follower, WhatItIsNotGivenIsInDoubtForEveryWorker) {
  std::uint64_t without = 0;
  for (std::uint64_t seed = 10; seed < 30; ++seed) {
    Gateway gateway(1, 20, 50);
    Recorder recorder(gateway.policy, gateway.names);
    std::vector<TestRequest> requests = traffic(10, seed, 1);
    const std::size_t hole = 1000, behind = 2000, others = behind + 100;
    for (std::size_t i = 0; i < requests.size(); ++i) requests[i].worker = i < hole ? i % 2 : i >= behind && i < others ? 1 : 0;
    for (const TestRequest& request : requests) recorder.decide(request);
    const record::Recording recording = recorder.finish();
    const std::span<const record::RecordedArrival> arrivals = recording.arrivals;
    for (const bool told : {true, false}) {
      Follower follower(gateway.names, recording, {.seed = kSeed, .limit_cells = 1 << 16});
      follower.policy(1, 0, gateway.shared());
      follower.follow(arrivals.first(hole));
      EXPECT_FALSE(follower.warming());
      if (told) follower.passed_over({.unrecorded = true});
      EXPECT_EQ(follower.warming(), told);
      follower.follow(arrivals.subspan(behind));
      follower.settle(Stamp::max());
      if (told) EXPECT_EQ(follower.counts().mismatches, 0u) << seed;
      else without += follower.counts().mismatches;
      EXPECT_EQ(follower.counts().unjudged[static_cast<std::size_t>(Unfollowed::missing)], behind - hole);
    }
  }
  EXPECT_GT(without, 0u);   // the case is one
}

TEST(Follower, AShapeThatIsLostMayComeAgain) {
  Gateway gateway(1, 20);
  Recorder recorder(gateway.policy, gateway.names);
  for (const TestRequest& request : traffic(2, 7, 1)) recorder.decide(request);
  record::Recording recording = recorder.finish();
  const std::span<const record::RecordedArrival> arrivals = recording.arrivals;
  const std::uint64_t target = arrivals.front().target;
  const auto first = arrivals.first(arrivals.size() / 2), second = arrivals.subspan(first.size());
  const auto lost = std::ranges::count(first, target, &record::RecordedArrival::target);
  ASSERT_GT(std::ranges::count(second, target, &record::RecordedArrival::target), 0);
  const auto shape = recording.shapes.at(target);
  recording.shapes.erase(target);
  Follower follower(gateway.names, recording, {.seed = kSeed, .limit_cells = 1 << 16});
  follower.policy(1, 0, gateway.shared());
  follower.follow(first);
  recording.shapes.emplace(target, shape);
  follower.follow(second);
  EXPECT_EQ(follower.counts().unjudged[static_cast<std::size_t>(Unfollowed::facts)], static_cast<std::uint64_t>(lost));
  EXPECT_EQ(follower.counts().mismatches, 0u);
}

TEST(Follower, LateAndUnknownRevisionsAreCountedAsSuch) {
  Gateway gateway(1, 20);
  Recorder recorder(gateway.policy, gateway.names);
  for (const TestRequest& request : traffic(1, 7, 1)) recorder.decide(request);
  record::Recording recording = recorder.finish();
  std::swap(recording.arrivals[20], recording.arrivals[21]);
  recording.arrivals[40].revision = 9;
  const Followed followed = follow({&gateway}, recording);
  EXPECT_EQ(followed.unjudged(Unfollowed::late), 1u);
  EXPECT_EQ(followed.unjudged(Unfollowed::missing), 0u);
  EXPECT_EQ(followed.unjudged(Unfollowed::policy), 1u);
  EXPECT_EQ(followed.counts.mismatches, 0u);
}

}  // namespace
}  // namespace weir::replay
