#include "replay/follower.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "decide/policy_for_tests.h"
#include "replay/recorded_for_tests.h"

namespace weir::replay {
namespace {

using decide::PolicyBuilder;
using decide::prefix;

// Four limits of different keys, one of them shared by all, one before authentication; a route that wants a credential.
struct Gateway : PolicyBuilder {
  Gateway(std::uint32_t revision, std::uint64_t per_caller, std::uint64_t all = 250, bool closed_is_free = false) {
    policy.revision = revision;
    policy.hash = "h" + std::to_string(per_caller) + "-" + std::to_string(all);
    policy.listeners.emplace_back().name = names.intern("public");
    policy.watched_headers = {"x-tenant"};
    identity("partner");
    policy.identities[0].header = "x-api-key";
    policy.identities[0].keys_file = "/keys.yaml";
    upstream("catalog", {1, 1});
    limit("per-ip", {KeyKind::client_ip}, 60, 30).before_auth = true;
    limit("per-caller", {KeyKind::caller}, per_caller, 2 * per_caller);
    limit("per-tenant", {KeyKind::header}, 40, 20).key[0].watched = 0;
    limit("all", {KeyKind::all}, all, 100);
    Route& orders = route("orders", prefix("/orders"));
    orders.limits = {LimitId{0}, LimitId{1}, LimitId{2}, LimitId{3}};
    Route& closed = route("closed", prefix("/closed"));
    if (!closed_is_free) closed.auth.require.push_back(IdentityId{0});
    closed.limits = {LimitId{0}, LimitId{1}};
    route("free", prefix("/free"));
    prepared();
  }
  std::shared_ptr<const Policy> shared() const { return std::make_shared<const Policy>(policy); }
};

// `seconds` of 400 requests a second by 12 callers of very different rates: some are refused all the time.
std::vector<TestRequest> traffic(double seconds, std::uint64_t seed, std::uint16_t workers, double begin = 100) {
  static const std::vector<std::string> subjects = {"a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l"};
  std::mt19937_64 random(seed);
  std::exponential_distribution<double> gap(400);
  std::vector<TestRequest> requests;
  for (double at = begin; at < begin + seconds; at += gap(random)) {
    TestRequest& r = requests.emplace_back();
    r.at_ns = static_cast<std::int64_t>(at * 1e9);
    r.worker = static_cast<std::uint16_t>(random() % workers);
    const std::size_t who = std::min<std::size_t>(11, static_cast<std::size_t>(std::countl_zero(random() | 1)));
    r.client = Address::v4(10, 1, 0, static_cast<std::uint8_t>(who));
    r.headers = {{"host", "x"}};
    if (who % 3 != 0) {
      r.headers.emplace_back("x-api-key", "secret");
      r.evidence = {valid(subjects[who])};
    }
    if (who % 2 == 0) r.headers.emplace_back("x-tenant", "t" + std::to_string(who % 4));
    r.path = random() % 8 == 0 ? "/closed/1" : random() % 8 == 0 ? "/free" : "/orders/" + std::to_string(random() % 1000);
  }
  return requests;
}

struct Followed {
  FollowerCounts counts;
  std::deque<Mismatch> examples;
  std::uint64_t unjudged(Unfollowed why) const { return counts.unjudged[static_cast<std::size_t>(why)]; }
};

Followed follow(const std::vector<const Gateway*>& gateways, const record::Recording& recording,
                const std::function<bool(std::size_t)>& keep = [](std::size_t) { return true; }) {
  const Gateway& newest = *gateways.back();
  Follower follower(newest.names, recording, {.seed = kSeed, .limit_cells = 1 << 16});
  for (const Gateway* each : gateways) follower.policy(each->policy.revision, 0, each->shared());
  for (std::size_t i = 0; i < recording.arrivals.size(); ++i) {
    if (keep(i)) follower.follow(recording.arrivals[i]);
  }
  follower.settle(Stamp::max());
  Followed followed{.counts = follower.counts(), .examples = follower.examples()};
  for (const Mismatch& m : followed.examples) {
    std::printf("  %s/%s/%s became %s/%s/%s\n", info(m.recorded.cause).name.data(), m.recorded.route.c_str(), m.recorded.rule.c_str(),
                info(m.decided.cause).name.data(), m.decided.route.c_str(), m.decided.rule.c_str());
  }
  return followed;
}

std::size_t refused(const record::Recording& recording) {
  return static_cast<std::size_t>(std::ranges::count(recording.arrivals, Cause::limit_rejected, &Arrival::cause));
}

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

// A block of a net and of a caller, a cap and a pause.
void lay_over(Gateway& gateway) {
  gateway.policy.laid = 7;
  Overlay overlay;
  overlay.restraints.push_back({.name = gateway.names.intern("o1"), .net = *Net::parse("10.1.0.0/31"), .caller = {}});
  overlay.restraints.push_back({.name = gateway.names.intern("o2"), .net = {}, .caller = {"c"}});
  Limit& cap = gateway.limit("o3", {KeyKind::caller}, 5, 3);
  cap.cause = Cause::caller_capped;
  overlay.restraints.push_back({.name = cap.name, .net = {}, .caller = {"b"}, .cap = LimitId{4}});
  overlay.paused = {NameId::none(), NameId::none(), gateway.names.intern("o4")};
  gateway.policy.overlay = std::make_shared<const Overlay>(overlay);
  gateway.prepared();
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
    Follower follower(before.names, recording, {.seed = kSeed, .limit_cells = 1 << 16});
    follower.policy(1, 0, before.shared());
    follower.policy(2, 0, after.shared());
    follower.decides_beside(2, at(from), at(until));
    follower.decides_alone(recording.arrivals.back().revision, at(20));
    for (std::size_t i = 0; i < recording.arrivals.size(); ++i) {
      if (keep(i)) follower.follow(recording.arrivals[i]);
      EXPECT_EQ(follower.two_decide(), recording.arrivals[i].stamp < at(20));
    }
    follower.settle(Stamp::max());
    return {.counts = follower.counts(), .examples = follower.examples()};
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
