// Shares against expectation: round robin by count, the drawn kinds by chi-square at 1e-6 (critical values of the
// chi-square distribution by degrees of freedom, from its definition) with fixed seeds.
#include "decide/balance.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <random>
#include <string>
#include <vector>

#include "decide/policy_for_tests.h"

namespace weir::decide {
namespace {

constexpr HashKey kSeed{7, 8};
constexpr std::array kCritical = {0.0,    23.928, 27.631, 30.665, 33.377, 35.888, 38.258, 40.522, 42.701, 44.811};

double chi_square(const std::vector<int>& counts, const std::vector<std::uint32_t>& weights) {
  const double picks = std::accumulate(counts.begin(), counts.end(), 0.0);
  const double sum = std::accumulate(weights.begin(), weights.end(), 0.0);
  double chi = 0;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    const double expected = picks * weights[i] / sum;
    chi += (counts[i] - expected) * (counts[i] - expected) / expected;
  }
  return chi;
}

struct Fleet : PolicyBuilder {
  limits::InFlight in_flight{1024};
  Conditions conditions;
  std::vector<Balancer> workers;
  std::vector<int> counts;
  std::uint64_t sequence = 0;
  Stamp now = stamp_from_nanos(1'000'000'000);

  Fleet(std::vector<std::uint32_t> weights, BalanceKind kind, std::size_t count = 1) {
    upstream("u", std::move(weights), kind);
    apply();
    for (std::size_t w = 0; w < count; ++w) {
      workers.emplace_back(WorkerId{static_cast<std::uint16_t>(w)}, in_flight);
    }
  }
  // A new policy with other weights is taken up by all workers.
  void change(const std::vector<std::uint32_t>& weights) {
    policy.upstreams.clear();
    policy.endpoints.clear();
    upstream("u", weights, kind());
    apply();
    for (Balancer& worker : workers) worker.on_policy(policy);
  }
  void apply() {
    prepared();
    counts.assign(policy.endpoints.size(), 0);
    conditions.endpoints.assign(policy.endpoints.size(), {});
  }
  BalanceKind kind() const { return kind_; }
  std::optional<EndpointId> pick(std::size_t worker, bool spend = true) {
    const auto picked = workers[worker].pick(
        {.policy = policy, .upstream = policy.upstreams[0], .conditions = conditions, .seed = kSeed,
         .exchange = {.worker = WorkerId{static_cast<std::uint16_t>(worker)}, .sequence = sequence++}, .now = now,
         .spend = spend});
    if (picked) ++counts[picked->index()];
    return picked;
  }
  // How far any endpoint is from its share, in parts of all picks.
  double worst(const std::vector<std::uint32_t>& weights) const {
    const double picks = std::accumulate(counts.begin(), counts.end(), 0.0);
    const double sum = std::accumulate(weights.begin(), weights.end(), 0.0);
    double worst = 0;
    for (std::size_t i = 0; i < counts.size(); ++i) {
      worst = std::max(worst, std::abs(counts[i] / picks - weights[i] / sum));
    }
    return worst;
  }

 private:
  BalanceKind kind_ = BalanceKind::round_robin;
};

// The example of the change that brought smooth weighted round robin to nginx: { 5, 1, 1 } gives a a b a c a a.
TEST(Schedule, IsSmooth) {
  const std::array<std::uint32_t, 3> weights{5, 1, 1};
  EXPECT_EQ(smooth_schedule(weights), (std::vector<std::uint16_t>{0, 0, 1, 0, 2, 0, 0}));
}

TEST(Schedule, HasNoPlaceForWeightZeroAndNoneAtAllWithoutWeight) {
  EXPECT_EQ(smooth_schedule(std::array<std::uint32_t, 3>{0, 2, 4}), (std::vector<std::uint16_t>{2, 1, 2}));
  EXPECT_TRUE(smooth_schedule(std::array<std::uint32_t, 2>{0, 0}).empty());
  EXPECT_TRUE(smooth_schedule({}).empty());
}

TEST(ScheduleProperty, GivesEveryOffsetItsShareAndEveryStretchNearlySo) {
  EXPECT_TRUE(rc::check([] {
    auto weights = *rc::gen::container<std::vector<std::uint32_t>>(rc::gen::inRange<std::uint32_t>(0, 60));
    if (weights.size() > 12) weights.resize(12);
    const auto sum = std::accumulate(weights.begin(), weights.end(), 0u);
    RC_PRE(sum > 0);
    const auto schedule = smooth_schedule(weights);
    std::uint32_t divisor = 0;
    for (const auto w : weights) divisor = std::gcd(divisor, w);
    RC_ASSERT(schedule.size() == sum / divisor);
    std::vector<std::size_t> seen(weights.size());
    for (std::size_t slot = 0; slot < schedule.size(); ++slot) {
      ++seen[schedule[slot]];
      for (std::size_t i = 0; i < weights.size(); ++i) {
        const double owed = static_cast<double>(slot + 1) * weights[i] / sum;
        RC_ASSERT(std::abs(static_cast<double>(seen[i]) - owed) < 2.0);
      }
    }
    for (std::size_t i = 0; i < weights.size(); ++i) RC_ASSERT(seen[i] * divisor == weights[i]);
  }));
}

TEST(Schedule, ScalesLongCyclesDownWithLittleError) {
  const std::array<std::uint32_t, 3> weights{99'991, 50'021, 3};
  const auto schedule = smooth_schedule(weights);
  EXPECT_LE(schedule.size(), kMaxCycle + weights.size());
  const double sum = 99'991 + 50'021 + 3;
  for (std::uint16_t i = 0; i < 3; ++i) {
    const auto share = static_cast<double>(std::ranges::count(schedule, i)) / static_cast<double>(schedule.size());
    EXPECT_NEAR(share, weights[i] / sum, 1.0 / kMaxCycle);
  }
}

// 10,000 picks, 1 to 10 endpoints, 1 to 16 workers that take turns: every endpoint within 1 % of its own share where
// weights are equal, within 1 % of all picks whatever they are. The same again right after a change.
TEST(RoundRobin, IsWithinOnePercentForAnyNumberOfEndpointsAndWorkers) {
  for (std::size_t endpoints = 1; endpoints <= 10; ++endpoints) {
    for (std::size_t workers = 1; workers <= 16; ++workers) {
      const std::vector<std::uint32_t> equal(endpoints, 1);
      std::vector<std::uint32_t> weights(endpoints);
      for (std::size_t i = 0; i < endpoints; ++i) weights[i] = static_cast<std::uint32_t>(1 + i * i % 7);
      Fleet fleet(weights, BalanceKind::round_robin, workers);
      for (int i = 0; i < 10'000; ++i) fleet.pick(static_cast<std::size_t>(i) % workers);
      EXPECT_LE(fleet.worst(weights), 0.01) << endpoints << " endpoints, " << workers << " workers";
      fleet.change(equal);
      for (int i = 0; i < 10'000; ++i) fleet.pick(static_cast<std::size_t>(i) % workers);
      EXPECT_LE(fleet.worst(equal) * static_cast<double>(endpoints), 0.01)
          << endpoints << " endpoints, " << workers << " workers, after a change";
    }
  }
}

TEST(RoundRobin, IsWithinOnePercentWhenWorkersGetVeryDifferentLoads) {
  std::mt19937 random(11);
  for (const std::size_t workers : {2u, 5u, 16u}) {
    const std::vector<std::uint32_t> weights{1, 2, 3, 4, 5, 6, 7, 8, 9, 10};
    Fleet fleet(weights, BalanceKind::round_robin, workers);
    for (int i = 0; i < 10'000; ++i) {
      const std::size_t worker = std::min(random() % workers, random() % workers);
      fleet.pick(worker);
    }
    EXPECT_LE(fleet.worst(weights), 0.01);
  }
}

TEST(RoundRobin, VisitsAllEvenIfEveryFewRequestsThePolicyChanges) {
  Fleet fleet({1, 1, 1, 1, 1, 1, 1, 1, 1, 1}, BalanceKind::round_robin);
  std::vector<int> total(10);
  for (int change = 0; change < 1000; ++change) {
    // Each change touches this upstream: the weights alternate between 1 and 2 for all.
    fleet.change(std::vector<std::uint32_t>(10, 1 + change % 2));
    for (int i = 0; i < 3; ++i) fleet.pick(0);
    for (std::size_t e = 0; e < 10; ++e) total[e] += fleet.counts[e];
  }
  EXPECT_LT(chi_square(total, std::vector<std::uint32_t>(10, 1)), kCritical[9]);
  for (const int count : total) EXPECT_NEAR(count, 300, 30);
}

TEST(RoundRobin, AnUnusableEndpointsTurnsAreSpreadOverTheOthers) {
  Fleet fleet({1, 1, 1, 1, 1}, BalanceKind::round_robin);
  fleet.conditions.endpoints[1].usable = false;
  for (int i = 0; i < 10'000; ++i) fleet.pick(0);
  EXPECT_EQ(fleet.counts[1], 0);
  for (const std::size_t e : {0u, 2u, 3u, 4u}) EXPECT_NEAR(fleet.counts[e], 2500, 25);
}

TEST(RoundRobin, WithoutSpendingTheCursorStands) {
  Fleet fleet({1, 1, 1}, BalanceKind::round_robin);
  const auto first = fleet.pick(0, false);
  EXPECT_EQ(fleet.pick(0, false), first);
  EXPECT_EQ(fleet.pick(0), first);
  EXPECT_NE(fleet.pick(0), first);
}

TEST(Random, FollowsTheWeights) {
  for (const auto& weights : {std::vector<std::uint32_t>{1, 1}, {1, 2, 3, 4}, {10, 1, 1, 1, 1, 1, 1, 1, 1, 5}}) {
    Fleet fleet(weights, BalanceKind::random);
    for (int i = 0; i < 100'000; ++i) fleet.pick(0);
    EXPECT_LT(chi_square(fleet.counts, weights), kCritical[weights.size() - 1]);
  }
}

TEST(Random, FollowsTheWeightsOfThoseThatAreLeft) {
  Fleet fleet({5, 4, 3, 2, 1}, BalanceKind::random);
  fleet.conditions.endpoints[0].usable = fleet.conditions.endpoints[1].usable = false;
  for (int i = 0; i < 60'000; ++i) fleet.pick(0);
  EXPECT_EQ(fleet.counts[0] + fleet.counts[1], 0);
  EXPECT_LT(chi_square({fleet.counts[2], fleet.counts[3], fleet.counts[4]}, {3, 2, 1}), kCritical[2]);
}

TEST(LeastRequest, FollowsTheWeightsWhileNothingIsInFlight) {
  for (const auto& weights : {std::vector<std::uint32_t>{1, 1, 1}, {1, 2, 3, 4}}) {
    Fleet fleet(weights, BalanceKind::least_request);
    for (int i = 0; i < 100'000; ++i) fleet.pick(0);
    EXPECT_LT(chi_square(fleet.counts, weights), kCritical[weights.size() - 1]);
  }
}

TEST(LeastRequest, OfTwoTakesTheOneWithLessInFlight) {
  Fleet fleet({1, 1}, BalanceKind::least_request);
  const auto busy = fleet.in_flight.enter(fleet.policy.endpoints[0].identity);
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(fleet.pick(0), EndpointId{1});
  // With twice the weight two in flight are as much as one.
  Fleet weighted({2, 1}, BalanceKind::least_request);
  const auto a = weighted.in_flight.enter(weighted.policy.endpoints[0].identity);
  const auto b = weighted.in_flight.enter(weighted.policy.endpoints[1].identity);
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(weighted.pick(0), EndpointId{0});
}

// Of three, two of which are drawn: the busiest is chosen never, the idlest in two of three draws (it is in 2/3 of the
// pairs), the one between in the rest.
TEST(LeastRequest, ChoosesAmongDrawnPairs) {
  Fleet fleet({1, 1, 1}, BalanceKind::least_request);
  std::vector<limits::InFlight::Hold> holds;
  holds.push_back(fleet.in_flight.enter(fleet.policy.endpoints[1].identity));
  for (int i = 0; i < 2; ++i) holds.push_back(fleet.in_flight.enter(fleet.policy.endpoints[2].identity));
  for (int i = 0; i < 90'000; ++i) fleet.pick(0);
  EXPECT_EQ(fleet.counts[2], 0);
  EXPECT_LT(chi_square({fleet.counts[0], fleet.counts[1]}, {2, 1}), kCritical[1]);
}

TEST(Balance, NobodyUsableMeansNobody) {
  for (const auto kind : {BalanceKind::round_robin, BalanceKind::least_request, BalanceKind::random}) {
    Fleet fleet({1, 1}, kind);
    for (auto& endpoint : fleet.conditions.endpoints) endpoint.usable = false;
    EXPECT_FALSE(fleet.pick(0));
    Fleet weightless({0, 0}, kind);
    EXPECT_FALSE(weightless.pick(0));
  }
}

TEST(Balance, AvoidsForASecondWhereItCouldNotConnectWhileAnotherIsLeft) {
  for (const auto kind : {BalanceKind::round_robin, BalanceKind::least_request, BalanceKind::random}) {
    Fleet fleet({1, 1, 1}, kind);
    fleet.workers[0].avoid(fleet.policy.endpoints[0].identity, fleet.now);
    fleet.now += std::chrono::milliseconds(999);
    for (int i = 0; i < 200; ++i) fleet.pick(0);
    EXPECT_EQ(fleet.counts[0], 0);
    fleet.now += std::chrono::milliseconds(1);
    for (int i = 0; i < 200; ++i) fleet.pick(0);
    EXPECT_GT(fleet.counts[0], 0);
    for (const Endpoint& endpoint : fleet.policy.endpoints) fleet.workers[0].avoid(endpoint.identity, fleet.now);
    EXPECT_TRUE(fleet.pick(0));   // all are avoided: none is
  }
}

TEST(Split, FollowsTheWeights) {
  std::vector<WeightedUpstream> split{{UpstreamId{0}, 95}, {UpstreamId{1}, 5}, {UpstreamId{2}, 0}};
  std::vector<int> counts(3);
  for (std::uint64_t i = 0; i < 100'000; ++i) {
    ++counts[draw_upstream(split, kSeed, {.worker = WorkerId{0}, .sequence = i}).index()];
  }
  EXPECT_EQ(counts[2], 0);
  EXPECT_LT(chi_square({counts[0], counts[1]}, {95, 5}), kCritical[1]);
  split = {{UpstreamId{0}, 0}, {UpstreamId{1}, 0}};
  EXPECT_FALSE(draw_upstream(split, kSeed, {}).valid());
}

}  // namespace
}  // namespace weir::decide
