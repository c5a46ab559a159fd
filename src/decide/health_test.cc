#include "decide/health.h"

#include <vector>

#include "decide/admission.h"
#include "decide/policy_for_tests.h"
#include "gtest/gtest.h"

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

}  // namespace
}  // namespace weir::decide
