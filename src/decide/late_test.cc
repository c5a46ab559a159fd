#include "decide/late.h"

#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <vector>

#include "decide/admission.h"
#include "decide/policy_for_tests.h"
#include "gtest/gtest.h"
#include "rapidcheck/gtest.h"

namespace weir::decide {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// A binomial count: five deviations are passed once in millions of seeds, and this seed is one.
TEST(Late, OneExchangeInTwentyIsDrawn) {
  int drawn = 0;
  for (std::uint64_t i = 0; i < 20'000; ++i) drawn += late_drawn({9, 10}, {.worker = WorkerId{3}, .sequence = i});
  EXPECT_NEAR(drawn, 1000, 5 * std::sqrt(20'000 * 0.05 * 0.95));
}

TEST(Late, ThreeTimesTheTimeoutMoreAndNeverBeyondTenSeconds) {
  EXPECT_EQ(late_patience(milliseconds(50)), milliseconds(150));
  EXPECT_EQ(late_patience(seconds(3)), seconds(9));
  for (const Nanos longer : {Nanos(seconds(4)), Nanos(seconds(60)), Nanos(std::chrono::hours(24 * 365 * 200))}) {
    EXPECT_LE(late_patience(longer), kLongestLate);
    EXPECT_GT(late_patience(longer), kLongestLate - milliseconds(1));
  }
}

// An upstream with one endpoint; so many are under way there, one of them is the probe.
struct Busy : PolicyBuilder {
  limits::InFlight in_flight{64};
  Conditions conditions;
  std::vector<limits::InFlight::Hold> holds;

  Busy() {
    upstream("u", {1});
    conditions.upstreams.resize(1);
  }
  Upstream& up() { return policy.upstreams[0]; }
  void enter(int more) {
    for (int i = 0; i < more; ++i) {
      holds.push_back(in_flight.enter(in_flight_identity(up())));
      holds.push_back(in_flight.enter(policy.endpoints[0].identity));
    }
  }
  bool has_room() const {
    return late_has_room({.policy = policy, .conditions = conditions, .in_flight = in_flight, .upstream = UpstreamId{0},
                          .endpoint = policy.endpoints[0].identity});
  }
  // With how many under way there is no room any more.
  int full_at() {
    for (int n = 1; n <= 200; ++n) {
      enter(1);
      if (!has_room()) return n;
    }
    return 0;
  }
};

TEST(Late, WithoutBoundsThereIsRoomUnlessItIsSwitchedOff) {
  Busy busy;
  EXPECT_EQ(busy.full_at(), 0);
  busy.up().late_probe = false;
  EXPECT_FALSE(busy.has_room());
}

// Three quarters of a bound, and always one less than it: the probe refuses nobody.
TEST(Late, ItGivesWayBeforeARouteOfTheLowestPriorityIsShed) {
  const auto of = [](auto set) {
    Busy busy;
    busy.up().breaker.emplace();
    set(busy);
    return busy.full_at();
  };
  EXPECT_EQ(of([](Busy& b) { b.conditions.upstreams[0].limit = 100; b.up().adaptive_limit.emplace(); }), 76);
  EXPECT_EQ(of([](Busy& b) { b.up().breaker->max_in_flight = 8; }), 7);
  EXPECT_EQ(of([](Busy& b) { b.up().breaker->max_in_flight = 2; }), 2);
  EXPECT_EQ(of([](Busy& b) { b.up().breaker->max_in_flight = 1; }), 1);
  EXPECT_EQ(of([](Busy& b) { b.up().breaker->max_in_flight_per_endpoint = 40; }), 31);
  EXPECT_EQ(of([](Busy&) {}), 0);
}

// 20,000 exchanges of any installation and worker: six deviations are passed once in 500 million times.
RC_GTEST_PROP(LateProperty, OneInTwentyIsDrawnByAnySeedAndWorker, (std::uint64_t k0, std::uint64_t k1, std::uint16_t worker)) {
  const auto from = *rc::gen::inRange<std::uint64_t>(0, 1'000'000'000);
  int drawn = 0;
  for (std::uint64_t i = 0; i < 20'000; ++i) drawn += late_drawn({k0, k1}, {.worker = WorkerId{worker}, .sequence = from + i});
  RC_ASSERT(std::abs(drawn - 1000) <= 6 * std::sqrt(20'000 * 0.05 * 0.95));
}

RC_GTEST_PROP(LateProperty, NoneIsWaitedForLongerThanThreeTimesItsTimeoutOrTenSeconds, ()) {
  const Nanos shorter(*rc::gen::inRange<std::int64_t>(1, 60'000'000'000)), longer = shorter + Nanos(*rc::gen::inRange<std::int64_t>(0, 60'000'000'000));
  RC_ASSERT(late_patience(shorter) > Nanos(0));
  RC_ASSERT(late_patience(shorter) <= 3 * shorter);
  RC_ASSERT(late_patience(shorter) <= seconds(10));
  RC_ASSERT(late_patience(shorter) <= late_patience(longer));
}

// All bounds of an upstream at once, worked out anew: the probe is alone or within three quarters of each bound, and always one below
// it. Zero: there is no bound.
RC_GTEST_PROP(LateProperty, ThereIsRoomOnlyBelowEveryBoundOfAClosedBreaker, ()) {
  const auto bound = [] { return *rc::gen::element(0u, 1u, 2u, 3u, 4u, 8u, 31u, 32u, 40u); };
  const auto leaves_room = [](int under_way, std::uint32_t bound) {
    if (bound == 0) return true;
    const auto all = static_cast<std::uint32_t>(under_way);
    return (all == 1 || 4 * all <= 3 * bound) && all < bound;
  };
  Busy busy;
  const std::uint32_t adaptive = bound(), at_upstream = bound(), at_endpoint = bound();
  const bool broken = *rc::gen::arbitrary<bool>(), adapts = *rc::gen::arbitrary<bool>();
  if (broken) busy.up().breaker = Breaker{.max_in_flight = at_upstream, .max_in_flight_per_endpoint = at_endpoint};
  if (adapts) busy.up().adaptive_limit.emplace();
  busy.conditions.upstreams[0].limit = adapts ? adaptive : 0;
  busy.up().late_probe = *rc::gen::inRange(0, 5) > 0;
  const BreakerState state = broken ? *rc::gen::element(BreakerState::closed, BreakerState::half_open, BreakerState::open) : BreakerState::closed;
  busy.conditions.upstreams[0].breaker = state;
  for (int under_way = 1; under_way <= 48; ++under_way) {
    busy.enter(1);
    bool room = busy.up().late_probe && state == BreakerState::closed;
    if (adapts) room = room && leaves_room(under_way, adaptive);
    if (broken) room = room && leaves_room(under_way, at_upstream) && leaves_room(under_way, at_endpoint);
    RC_ASSERT(busy.has_room() == room);
  }
}

TEST(Late, NothingIsAskedOfAnUpstreamWhoseBreakerIsNotClosed) {
  for (const BreakerState state : {BreakerState::half_open, BreakerState::open}) {
    Busy busy;
    busy.up().breaker.emplace();
    busy.conditions.upstreams[0].breaker = state;
    EXPECT_FALSE(busy.has_room());
    busy.conditions.upstreams[0].breaker = BreakerState::closed;
    EXPECT_TRUE(busy.has_room());
  }
}

}  // namespace
}  // namespace weir::decide
