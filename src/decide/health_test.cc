#include "decide/health.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "decide/admission.h"
#include "decide/policy_for_tests.h"
#include "gtest/gtest.h"
#include "rapidcheck/gtest.h"

namespace weir::decide {
namespace {

using std::chrono_literals::operator""ms;

struct Ward : PolicyBuilder {
  limits::InFlight in_flight{64};
  Health health{in_flight};
  Stamp now = stamp_from_nanos(1'000'000'000'000);

  Ward() { upstream("u", {1, 1}); }
  Upstream& up() { return policy.upstreams[0]; }
  void begin() { health.use(prepared(), now); }
  bool after(Nanos time, std::uint32_t good, std::uint32_t failed, Nanos took = 80ms) {
    now += time;
    EndpointOutcomes outcomes{.upstream = up().name, .endpoint = policy.endpoints[0].name, .outcomes = {}};
    for (std::uint32_t i = 0; i < good; ++i) outcomes.outcomes.add_ok(took);
    for (std::uint32_t i = 0; i < failed; ++i) outcomes.outcomes.add_failed();
    health.on_outcomes(outcomes, now);
    return health.tick(now);
  }
  UpstreamConditions said() const { return health.conditions().upstreams[0]; }
};

// The fastest answers become known while the limit stays where it is: little is under way.
TEST(Health, SaysHowFastAnUpstreamIsAlsoWhereItsLimitStays) {
  Ward ward;
  ward.up().adaptive_limit = AdaptiveLimit{};
  ward.begin();
  EXPECT_EQ(ward.said(), (UpstreamConditions{.limit = 64}));
  ward.after(0ms, 0, 0);
  EXPECT_TRUE(ward.after(250ms, 20, 0));
  EXPECT_EQ(ward.said().limit, 64u);
  EXPECT_GE(ward.said().fastest_ms, 61u);   // 80 ms, less an eighth for the bucket and another to be sure
  EXPECT_LE(ward.said().fastest_ms, 80u);
  EXPECT_FALSE(ward.after(250ms, 20, 0)) << "nothing new";
}

TEST(Health, ABreakerIsPublishedAndToldOnce) {
  Ward ward;
  ward.up().ejection.reset();
  ward.up().breaker = Breaker{.failure_ratio = 0.5};
  ward.begin();
  EXPECT_TRUE(ward.after(50ms, 0, 20));
  EXPECT_EQ(ward.said().breaker, BreakerState::open);
  EXPECT_TRUE(ward.after(5000ms, 0, 0));
  EXPECT_EQ(ward.said().breaker, BreakerState::half_open);
  EXPECT_TRUE(ward.after(50ms, 3, 0));
  EXPECT_EQ(ward.said().breaker, BreakerState::closed);
  std::vector<PoolEvent::Kind> told;
  const auto collect = [&](UpstreamId, const PoolEvent& event) { told.push_back(event.kind); };
  ward.health.each_event(collect);
  ward.health.each_event(collect);
  EXPECT_EQ(told, (std::vector{PoolEvent::Kind::breaker_opens, PoolEvent::Kind::breaker_half_open, PoolEvent::Kind::breaker_closes}));
}

// As a pool's state, what is known outlives a change of the policy; without its rule nothing of it stays.
TEST(Health, AnOpenBreakerOutlivesAChangeAndNotItsRule) {
  Ward ward;
  ward.up().ejection.reset();
  ward.up().breaker = Breaker{.failure_ratio = 0.5};
  ward.begin();
  ward.after(50ms, 0, 20);
  Policy next = ward.policy;
  ward.health.use(next, ward.now);
  EXPECT_EQ(ward.said().breaker, BreakerState::open);
  Policy without = ward.policy;
  without.upstreams[0].breaker.reset();
  ward.health.use(without, ward.now);
  EXPECT_EQ(ward.said().breaker, BreakerState::closed);
}

// One endpoint as the guide has it: down once the last `fall` results were all bad, up again once the last `rise` were all good.
struct Checked {
  std::uint32_t rise = 0, fall = 0;
  std::vector<bool> results;   // since the opinion changed last
  bool down = false;

  void add(bool good) {
    results.push_back(good);
    const std::size_t needed = down ? rise : fall;
    const bool against = results.size() >= needed && std::ranges::count(results.end() - static_cast<std::ptrdiff_t>(needed), results.end(), down) ==
                                                         static_cast<std::ptrdiff_t>(needed);
    if (!against) return;
    down = !down;
    results.clear();
  }
};

// Probes of two upstreams with rules of their own, in any order, the policy now and then taken into use again.
RC_GTEST_PROP(HealthProperty, FollowsEachEndpointsChecksAndNothingElse, ()) {
  PolicyBuilder built;
  constexpr std::array<std::uint32_t, 2> kFirst = {0, 3};
  built.upstream("one", {1, 1, 1});
  built.upstream("two", {1, 1});
  std::array<Checked, 5> model;
  for (std::uint32_t u = 0; u < 2; ++u) {
    Upstream& upstream = built.policy.upstreams[u];
    upstream.ejection.reset();
    upstream.panic_below = 0;   // checks are believed
    upstream.health_check.emplace();
    upstream.health_check->rise = *rc::gen::inRange<std::uint32_t>(1, 5);
    upstream.health_check->fall = *rc::gen::inRange<std::uint32_t>(1, 5);
    for (std::uint32_t i = 0; i < upstream.endpoint_count; ++i) {
      model[kFirst[u] + i].rise = upstream.health_check->rise;
      model[kFirst[u] + i].fall = upstream.health_check->fall;
    }
  }
  limits::InFlight in_flight(64);
  Health health(in_flight);
  Stamp now = stamp_from_nanos(1'000'000'000'000);
  health.use(built.prepared(), now);
  for (const auto what : *rc::gen::container<std::vector<std::uint32_t>>(rc::gen::inRange<std::uint32_t>(0, 1000))) {
    now += 100ms;
    if (what % 50 == 49) {
      health.use(built.policy, now);
    } else {
      const std::uint32_t endpoint = what / 10 % 5;
      const bool good = what % 10 < 4;
      health.on_probe(EndpointId{endpoint}, {.good = good, .reached = good}, now);
      model[endpoint].add(good);
    }
    health.tick(now);
    const Conditions said = health.conditions();
    for (std::uint32_t u = 0; u < 2; ++u) {
      const auto of_upstream = std::span(model).subspan(kFirst[u], built.policy.upstreams[u].endpoint_count);
      const bool nobody = std::ranges::all_of(of_upstream, &Checked::down);   // then all are used
      for (std::uint32_t i = 0; i < of_upstream.size(); ++i) {
        const EndpointId id{kFirst[u] + i};
        RC_ASSERT(health.state(id) == (of_upstream[i].down ? EndpointState::check_down : EndpointState::healthy));
        RC_ASSERT(said.endpoints[id.index()].usable == (nobody || !of_upstream[i].down));
      }
    }
  }
}

}  // namespace
}  // namespace weir::decide
