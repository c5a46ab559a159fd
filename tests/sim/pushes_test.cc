// A few changes brought out in stages through the whole proxy; `./dev sim --pushes 30` are the thirty of each sort.
#include "pushes.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/hash.h"

namespace weir::simulated {
namespace {

using std::chrono::minutes;

const std::vector<std::string> kNothing;
constexpr double kMostHurt = 0.001;   // of an hour's requests, by a change that goes out in stages

TEST(Pushes, AHarmfulOneOfEachKindIsStopped) {
  for (std::uint64_t seed = 8; seed < 16; ++seed) {
    const Push what = harmful_push(seed);
    const PushOptions options{.seed = seed, .fast = true, .learns = minutes(5), .at_most = minutes(60)};
    EXPECT_TRUE(unjudged(what, options, minutes(2)).is_harmful()) << what.name << ": by a measurement without a judge";
    const PushResult result = push(what, options);
    EXPECT_TRUE(result.stopped()) << seed << " " << what.name;
    EXPECT_LE(result.hour_hurt, kMostHurt) << seed << " " << what.name;
    EXPECT_EQ(result.findings, kNothing) << what.name;
  }
}

TEST(Pushes, HarmlessOnesSettle) {
  const Push what = benign_push(3);
  const PushResult result = push(what, {.seed = 3, .watch = "20m", .learns = minutes(5)});
  EXPECT_EQ(result.status.outcome, rollout::Outcome::settled) << what.name << ": " << result.status.why;
  EXPECT_EQ(result.findings, kNothing);
}

// It begins within the canary and ends within the watch.
TEST(Pushes, AHarmlessOneInAFourfoldSurgeSettles) {
  Push what = benign_push(5);
  what.weather = {.surge = 4, .surge_from = 9 * judged::kMinute, .surge_to = 20 * judged::kMinute};
  const PushResult result = push(what, {.seed = 5, .watch = "20m", .learns = minutes(5)});
  EXPECT_EQ(result.status.outcome, rollout::Outcome::settled) << what.name << ": " << result.status.why;
  EXPECT_GT(result.hurt.requests, 11 * 60 * 3 * 40u) << "the surge has come";
  EXPECT_EQ(result.findings, kNothing);
}

// Twenty callers of two thousand are a hundredth of the traffic.
class Tenant : public testing::Test {
 protected:
  static constexpr std::string_view kTenant = "g7";
  static PushOptions options() { return {.seed = 200, .setting = {.callers = 2000, .requests_per_s = 100}, .learns = minutes(4), .at_most = minutes(60)}; }
};

TEST_F(Tenant, RefusedByAnOverrideIsSeenBeforeAnybodyFeelsIt) {
  const PushResult result = push({.name = "override", .harmful = true, .candidate = tenant_refused(kTenant), .weather = {}}, options());
  EXPECT_EQ(result.status.outcome, rollout::Outcome::stopped);
  EXPECT_EQ(result.status.stage, rollout::StageName::shadow);
  EXPECT_EQ(result.status.mechanism, rollout::Mechanism::predictive);
  EXPECT_EQ(result.hurt.hurt, 0u);
}

// Nothing of it could be foreseen: it shows once some of the twenty have it.
TEST_F(Tenant, BrokenByARouteOfItsOwnIsStoppedAndTheJudgeNamesIt) {
  const PushResult result = push({.name = "route", .harmful = true, .candidate = tenant_broken(kTenant), .weather = {}}, options());
  EXPECT_TRUE(result.stopped());
  EXPECT_EQ(result.status.mechanism, rollout::Mechanism::guard);
  EXPECT_LE(result.hour_hurt, kMostHurt);
  EXPECT_EQ(result.tenant, kTenant);
}

}  // namespace
}  // namespace weir::simulated
