// ring_hash, peak_ewma and tiers.
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <cmath>
#include <deque>
#include <numeric>
#include <vector>

#include "decide/balance.h"
#include "decide/hash_slots.h"
#include "decide/policy_for_tests.h"

namespace weir::decide {
namespace {

using namespace std::chrono_literals;
constexpr std::array kKinds = {BalanceKind::round_robin, BalanceKind::least_request, BalanceKind::random, BalanceKind::ring_hash,
                               BalanceKind::peak_ewma};

struct Fleet : PolicyBuilder {
  limits::InFlight in_flight{1024};
  Conditions conditions;
  Balancer balancer{WorkerId{0}, in_flight};
  std::uint64_t sequence = 0;
  Stamp now{std::chrono::seconds(1'000'000)};

  Fleet(std::vector<std::uint32_t> weights, BalanceKind kind, std::vector<std::uint8_t> tiers = {}) {
    upstream("u", std::move(weights), kind);
    for (std::size_t i = 0; i < tiers.size(); ++i) policy.endpoints[i].tier = tiers[i];
    prepared();
    conditions.endpoints.assign(policy.endpoints.size(), {});
  }
  std::optional<std::size_t> pick(std::uint64_t hash = 0, EndpointId except = EndpointId::none(), std::uint32_t attempt = 0) {
    const auto picked = balancer.pick({.policy = policy, .upstream = policy.upstreams[0], .conditions = conditions, .seed = {1, 2},
                                       .exchange = {.worker = WorkerId{0}, .sequence = sequence++}, .attempt = attempt,
                                       .except = except, .now = now, .hash = hash});
    return picked ? std::optional(picked->index()) : std::nullopt;
  }
  std::uint64_t identity(std::size_t i) const { return policy.endpoints[i].identity; }
  limits::InFlight::Hold busy(std::size_t i) { return in_flight.enter(identity(i)); }
};

std::uint64_t hash_of(std::size_t key) { return mix(mix(key)); }

// ---- ring_hash --------------------------------------------------------------------------------------------------

TEST(RingHash, AKeyStaysWithItsEndpointGoesOnWhenThatIsDownAndComesBack) {
  Fleet fleet({1, 2, 3, 4}, BalanceKind::ring_hash);
  std::vector<std::size_t> moved(4);
  for (std::size_t key = 0; key < 2000; ++key) {
    const std::size_t home = *fleet.pick(hash_of(key));
    EXPECT_EQ(fleet.pick(hash_of(key)), home);
    fleet.conditions.endpoints[home].usable = false;
    const std::size_t away = *fleet.pick(hash_of(key));
    EXPECT_NE(away, home);
    EXPECT_EQ(fleet.pick(hash_of(key)), away);
    if (home == 3) ++moved[away];
    // Another one down moves nobody of these.
    for (std::size_t other = 0; other < 4; ++other) {
      if (other == home || other == away) continue;
      fleet.conditions.endpoints[other].usable = false;
      EXPECT_EQ(fleet.pick(hash_of(key)), away);
      fleet.conditions.endpoints[other].usable = true;
    }
    fleet.conditions.endpoints[home].usable = true;
    EXPECT_EQ(fleet.pick(hash_of(key)), home);
  }
  // Those of the fourth are spread over the others by weight, 1 : 2 : 3 of about 800.
  const double sum = static_cast<double>(std::accumulate(moved.begin(), moved.end(), std::size_t{0}));
  for (std::size_t i = 0; i < 3; ++i) {
    const double p = static_cast<double>(i + 1) / 6;
    EXPECT_NEAR(static_cast<double>(moved[i]), p * sum, 5 * std::sqrt(sum * p * (1 - p)));
  }
}

TEST(RingHash, ARetryGoesToTheNextOne) {
  Fleet fleet({1, 1, 1}, BalanceKind::ring_hash);
  const std::size_t home = *fleet.pick(7);
  const auto next = fleet.pick(7, EndpointId{static_cast<std::uint32_t>(home)}, 1);
  ASSERT_TRUE(next);
  EXPECT_NE(*next, home);
  fleet.conditions.endpoints[home].usable = false;
  EXPECT_EQ(fleet.pick(7), next);
}

// One key, 100 requests that stay: nobody holds more than ceil(1.25 * 100 / 4) = 32.
TEST(RingHash, AHotKeyIsSpreadWithinTheBound) {
  Fleet fleet({1, 1, 1, 1}, BalanceKind::ring_hash);
  std::vector<limits::InFlight::Hold> holds;
  for (int i = 0; i < 100; ++i) holds.push_back(fleet.busy(*fleet.pick(hash_of(1))));
  for (std::size_t i = 0; i < 4; ++i) EXPECT_LE(fleet.in_flight.count(fleet.identity(i)), 32u);

  Fleet unbounded({1, 1, 1, 1}, BalanceKind::ring_hash);
  unbounded.policy.upstreams[0].hash.load.reset();
  const std::size_t home = *unbounded.pick(hash_of(1));
  std::vector<limits::InFlight::Hold> at_home;
  for (int i = 0; i < 100; ++i) at_home.push_back(unbounded.busy(*unbounded.pick(hash_of(1))));
  EXPECT_EQ(unbounded.in_flight.count(unbounded.identity(home)), 100u);
}

// With weights 2 and 1 and the 25th request 1.14 * 25 * 2 / 3 is 19, to the last digit.
TEST(RingHash, TheBoundHoldsWhereItIsAWholeNumber) {
  Fleet fleet({2, 1}, BalanceKind::ring_hash);
  fleet.policy.upstreams[0].hash.load = 1 + 14 / 100.0;   // as it is configured: above_share 14%
  std::uint64_t hash = 0;
  while (fleet.pick(hash_of(hash)) != 0u) ++hash;
  std::vector<limits::InFlight::Hold> holds;
  for (int i = 0; i < 19; ++i) holds.push_back(fleet.busy(0));
  for (int i = 0; i < 5; ++i) holds.push_back(fleet.busy(1));
  EXPECT_EQ(fleet.pick(hash_of(hash)), 1u);
  holds.push_back(fleet.busy(1));   // 1.14 * 26 * 2 / 3 is 19.76: one more may
  EXPECT_EQ(fleet.pick(hash_of(hash)), 0u);
}

// Two requests of one caller at once stay together in an idle pool.
TEST(RingHash, AFewInFlightMoveNobody) {
  Fleet fleet({1, 1, 1, 1}, BalanceKind::ring_hash);
  const std::size_t home = *fleet.pick(hash_of(1));
  std::vector<limits::InFlight::Hold> holds;
  for (std::uint64_t i = 0; i < kHashFreely; ++i) {
    EXPECT_EQ(fleet.pick(hash_of(1)), home);
    holds.push_back(fleet.busy(home));
  }
  EXPECT_NE(fleet.pick(hash_of(1)), home);   // the ninth: ceil(1.25 * 9 / 4) = 3
}

// Theorem of the paper, with weights: beyond a few an endpoint takes a request only where it holds at most
// ceil(load * (all + 1) * w / W) with it, whatever keys come, go and are down; and somebody always can.
TEST(RingHashProperty, NobodyTakesMoreThanTheBound) {
  EXPECT_TRUE(rc::check([] {
    const auto count = *rc::gen::inRange<std::size_t>(1, 6);
    const auto weights = *rc::gen::container<std::vector<std::uint32_t>>(count, rc::gen::inRange<std::uint32_t>(1, 5));
    Fleet fleet(weights, BalanceKind::ring_hash);
    const double load = 1 + *rc::gen::inRange(0, 100) / 100.0;
    fleet.policy.upstreams[0].hash.load = load;
    const auto up = *rc::gen::inRange<std::size_t>(0, count);
    for (std::size_t i = 0; i < count; ++i) fleet.conditions.endpoints[i].usable = i == up || *rc::gen::inRange(0, 3) > 0;
    std::deque<limits::InFlight::Hold> holds;
    for (const int event : *rc::gen::container<std::vector<int>>(rc::gen::inRange(0, 40))) {
      if (event >= 30 && !holds.empty()) {
        holds.pop_front();
        continue;
      }
      double all = 1, sum = 0;
      for (std::size_t i = 0; i < count; ++i) {
        if (!fleet.conditions.endpoints[i].usable) continue;
        all += static_cast<double>(fleet.in_flight.count(fleet.identity(i)));
        sum += weights[i];
      }
      const auto picked = fleet.pick(hash_of(static_cast<std::size_t>(event % 5)));
      RC_ASSERT(picked.has_value());
      RC_ASSERT(fleet.conditions.endpoints[*picked].usable);
      const double most = std::max(8.0, std::ceil(load * all * weights[*picked] / sum - 1e-9));
      RC_ASSERT(static_cast<double>(fleet.in_flight.count(fleet.identity(*picked)) + 1) <= most);
      holds.push_back(fleet.busy(*picked));
    }
  }));
}

// ---- peak_ewma --------------------------------------------------------------------------------------------------

// 10 ms and 40 ms: (n + 1) * 10 against 40. The slow one is better from the fourth in flight on at the fast one.
TEST(PeakEwma, TakesTheSmallerOfLatencyTimesInFlight) {
  Fleet fleet({1, 1}, BalanceKind::peak_ewma);
  fleet.balancer.learn(fleet.identity(0), AttemptResult::good, 10ms, fleet.now);
  fleet.balancer.learn(fleet.identity(1), AttemptResult::good, 40ms, fleet.now);
  std::vector<limits::InFlight::Hold> holds;
  for (int n = 0; n < 6; ++n) {
    if (n != 3) {   // at three both cost the same
      for (int i = 0; i < 50; ++i) EXPECT_EQ(fleet.pick(), n < 3 ? 0u : 1u) << n;
    }
    holds.push_back(fleet.busy(0));
  }
}

TEST(PeakEwma, WhoHasAnsweredNothingGetsOneRequestAtATime) {
  Fleet fleet({1, 1}, BalanceKind::peak_ewma);
  fleet.balancer.learn(fleet.identity(0), AttemptResult::good, 10ms, fleet.now);
  for (int i = 0; i < 50; ++i) EXPECT_EQ(fleet.pick(), 1u);
  const auto asked = fleet.busy(1);
  for (int i = 0; i < 50; ++i) EXPECT_EQ(fleet.pick(), 0u);
}

TEST(PeakEwma, AFastFailureIsNotFast) {
  Fleet fleet({1, 1}, BalanceKind::peak_ewma);
  fleet.balancer.learn(fleet.identity(0), AttemptResult::good, 10ms, fleet.now);
  fleet.balancer.learn(fleet.identity(1), AttemptResult::good, 10ms, fleet.now);
  fleet.balancer.learn(fleet.identity(1), AttemptResult::failed, 1ms, fleet.now);
  for (int i = 0; i < 50; ++i) EXPECT_EQ(fleet.pick(), 0u);
}

TEST(PeakEwma, WhatWasLearntOutlivesAPolicyThatKeepsTheEndpoint) {
  Fleet fleet({1, 1}, BalanceKind::peak_ewma);
  fleet.balancer.learn(fleet.identity(0), AttemptResult::good, 10ms, fleet.now);
  fleet.balancer.learn(fleet.identity(1), AttemptResult::good, 40ms, fleet.now);
  fleet.policy.endpoints[0].weight = 2;
  fleet.prepared();
  fleet.balancer.on_policy(fleet.policy);
  for (int i = 0; i < 50; ++i) EXPECT_EQ(fleet.pick(), 0u);
  fleet.balancer.on_policy(Policy());
  const auto busy = fleet.busy(0);
  for (int i = 0; i < 50; ++i) EXPECT_EQ(fleet.pick(), 1u);   // both are unknown again, the idle one is asked
}

// Four endpoints, 80 requests always under way, one of the four takes 40 ms, the others 10 ms. Costs come out even:
// 4 (s + 1) = f + 1 with s + 3 f = 80 in flight, so s = 71 / 13 = 5.46 and f = 24.85: about a quarter as many in flight. By
// Little's law (rate = in flight / time) that is 5.46 / 40 against 24.85 / 10, one request for every 18 of another's.
TEST(PeakEwma, ASlowEndpointHoldsAQuarterOfWhatTheOthersHold) {
  Fleet fleet({1, 1, 1, 1}, BalanceKind::peak_ewma);
  struct Running {
    Stamp ends;
    std::size_t endpoint;
    limits::InFlight::Hold hold;
  };
  const auto time = [](std::size_t endpoint) { return endpoint == 3 ? 40ms : 10ms; };
  std::vector<Running> running;
  std::vector<double> picks(4);
  const auto start = [&] {
    const std::size_t endpoint = *fleet.pick();
    ++picks[endpoint];
    running.push_back({fleet.now + time(endpoint), endpoint, fleet.busy(endpoint)});
  };
  for (int i = 0; i < 80; ++i) {
    start();
    fleet.now += 125us;   // 80 in 10 ms
  }
  for (int i = 0; i < 100'000; ++i) {
    if (i == 20'000) std::ranges::fill(picks, 0);   // settled
    const auto next = std::ranges::min_element(running, {}, &Running::ends);
    fleet.now = std::max(fleet.now, next->ends);
    fleet.balancer.learn(fleet.identity(next->endpoint), AttemptResult::good, time(next->endpoint), fleet.now);
    std::swap(*next, running.back());
    running.pop_back();
    start();
  }
  const double others = (picks[0] + picks[1] + picks[2]) / 3;
  EXPECT_NEAR(others / picks[3], 24.85 / 10 / (5.46 / 40), 3);   // 18.2
}

// ---- tiers ------------------------------------------------------------------------------------------------------

// Every kind, every set of usable ones out of 2 + 2 + 1: the lowest tier with a usable one takes all, and all of it takes part.
TEST(Tiers, TheLowestWithSomebodyUsableTakesAll) {
  const std::vector<std::uint8_t> tiers{3, 0, 0, 3, 7};
  for (const BalanceKind kind : kKinds) {
    for (unsigned set = 0; set < 32; ++set) {
      Fleet fleet({1, 1, 1, 1, 1}, kind, tiers);
      std::uint8_t lowest = 255;
      for (std::size_t i = 0; i < 5; ++i) {
        fleet.conditions.endpoints[i].usable = (set >> i & 1) != 0;
        if ((set >> i & 1) != 0) lowest = std::min(lowest, tiers[i]);
      }
      std::vector<int> taken(5);
      for (std::size_t i = 0; i < 64; ++i) {
        const auto picked = fleet.pick(hash_of(i));
        EXPECT_EQ(picked.has_value(), set != 0);
        if (picked) ++taken[*picked];
      }
      for (std::size_t i = 0; i < 5; ++i) EXPECT_EQ(taken[i] > 0, tiers[i] == lowest && (set >> i & 1) != 0) << set;
    }
  }
}

TEST(Tiers, AnotherTierHelpsOutWhereOneCannotConnectRetriesOrWarmsUp) {
  for (const BalanceKind kind : kKinds) {
    Fleet fleet({1, 1}, kind, {0, 1});
    EXPECT_EQ(fleet.pick(), 0u);
    EXPECT_EQ(fleet.pick(0, EndpointId{0}, 1), 1u);
    fleet.balancer.avoid(fleet.identity(0), fleet.now);
    EXPECT_EQ(fleet.pick(), 1u);
    fleet.now += 1s;
    EXPECT_EQ(fleet.pick(), 0u);
    // A quarter warm: it takes a quarter, of 4000 within five standard deviations.
    fleet.conditions.endpoints[0].warmth = EndpointConditions::kWarm / 4;
    fleet.conditions.warming = true;
    int taken = 0;
    for (std::size_t i = 0; i < 4000; ++i) taken += fleet.pick(hash_of(i)) == 0u ? 1 : 0;
    EXPECT_NEAR(taken, 1000, 5 * std::sqrt(4000 * 0.25 * 0.75));
  }
}

TEST(Tiers, OneWithoutWeightIsNone) {
  Fleet fleet({0, 1, 1}, BalanceKind::round_robin, {0, 1, 2});
  ASSERT_EQ(fleet.policy.upstreams[0].tiers.size(), 2u);
  EXPECT_EQ(fleet.pick(), 1u);
}

}  // namespace
}  // namespace weir::decide
