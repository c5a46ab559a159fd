#include "decide/prepare.h"

#include <gtest/gtest.h>

#include "decide/policy_for_tests.h"

namespace weir::decide {
namespace {

TEST(Prepare, WorksOutPacesSchedulesAndTheIndex) {
  PolicyBuilder builder;
  builder.upstream("u", {2, 1});
  builder.route("r", prefix("/"));
  Limit& limit = builder.limit("l", {KeyKind::all}, 10, 5);
  limit.overrides.push_back({.who = {}, .rate = {.count = 1000}, .burst = 2, .cells = {}, .pace = {}, .source = {}});
  const Policy& policy = builder.prepared();
  EXPECT_EQ(policy.limits[0].pace.window, (Span{.nanos = 500'000'000}));
  EXPECT_EQ(policy.limits[0].overrides[0].pace.interval, (Span{.nanos = 1'000'000'000}));
  EXPECT_EQ(policy.upstreams[0].tiers[0].schedule, (std::vector<std::uint16_t>{0, 1, 0}));
  EXPECT_NE(policy.index.any_host, RouteIndex::kNone);
}

// Cursors start anew when this changes, and only then.
TEST(Prepare, AScheduleIsAnotherWhenItsEndpointsOrWeightsAre) {
  const auto digest_of = [](std::vector<std::uint32_t> weights, std::uint64_t identity) {
    PolicyBuilder builder;
    builder.upstream("u", std::move(weights));
    builder.policy.endpoints[0].identity = identity;
    return builder.prepared().upstreams[0].tiers[0].digest;
  };
  EXPECT_EQ(digest_of({1, 2}, 7), digest_of({1, 2}, 7));
  EXPECT_NE(digest_of({1, 2}, 7), digest_of({1, 3}, 7));
  EXPECT_NE(digest_of({1, 2}, 7), digest_of({1, 2}, 8));
}

TEST(Prepare, RefusesWhatBreaksAStatedBound) {
  const auto error_of = [](auto change) {
    PolicyBuilder builder;
    builder.upstream("u", {1});
    builder.route("r", prefix("/"));
    builder.limit("l", {KeyKind::all}, 1, 1);
    change(builder);
    const auto result = prepare(builder.policy);
    return result ? std::string() : result.error().context;
  };
  EXPECT_EQ(error_of([](auto&) {}), "");
  EXPECT_EQ(error_of([](auto& b) { b.policy.routes[0].limits.assign(kMaxLimitsPerRoute + 1, LimitId{0}); }),
            "line 101: more than 16 limits on one route");
  EXPECT_EQ(error_of([](auto& b) { b.policy.limits[0].key.assign(kMaxKeyParts + 1, KeyPart{}); }),
            "line 201: more than 8 parts in one key");
  EXPECT_NE(error_of([](auto& b) { b.upstream("v", std::vector<std::uint32_t>(kMaxEndpointsPerUpstream + 1, 1)); }), "");
}

}  // namespace
}  // namespace weir::decide
