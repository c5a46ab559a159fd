#include "decide/shares.h"

#include <gtest/gtest.h>

#include "decide/policy_for_tests.h"

namespace weir::decide {
namespace {

using namespace std::chrono_literals;

struct Watched : PolicyBuilder {
  Shares shares;
  Stamp now{std::chrono::seconds(1'000'000)};

  explicit Watched(std::vector<std::uint32_t> weights, BalanceKind kind = BalanceKind::round_robin) { upstream("u", std::move(weights), kind); }
  void take(std::size_t endpoint, std::uint32_t attempts) { shares.add(policy.upstreams[0].name, policy.endpoints[endpoint].name, attempts, now); }
  std::vector<std::optional<double>> ratios() { return shares.ratios(prepared(), now); }
};

TEST(Shares, AreAgainstTheWeights) {
  Watched watched({3, 1});
  watched.take(0, 300);
  watched.take(1, 100);
  EXPECT_EQ(watched.ratios(), (std::vector<std::optional<double>>{1.0, 1.0}));
  watched.take(1, 400);   // 300 and 500 of 800, 600 and 200 are due
  EXPECT_EQ(watched.ratios(), (std::vector<std::optional<double>>{0.5, 2.5}));
}

TEST(Shares, AreThoseOfTheLastMinute) {
  Watched watched({1, 1});
  watched.take(0, 1000);
  watched.now += 30s;
  watched.take(1, 1000);
  EXPECT_EQ(watched.ratios(), (std::vector<std::optional<double>>{1.0, 1.0}));
  watched.now += 30s;   // the first thousand is out
  EXPECT_EQ(watched.ratios(), (std::vector<std::optional<double>>{0.0, 2.0}));
  watched.now += 30s;
  EXPECT_FALSE(watched.ratios()[0]);
  watched.take(0, 200);   // the ring has come round: nothing old is left in it
  EXPECT_EQ(watched.ratios(), (std::vector<std::optional<double>>{2.0, 0.0}));
}

TEST(Shares, SayNothingWhereWeightsDoNotDecideOrTooLittleCame) {
  for (const auto kind : {BalanceKind::least_request, BalanceKind::peak_ewma}) {
    Watched watched({1, 1}, kind);
    watched.take(0, 1000);
    EXPECT_FALSE(watched.ratios()[0]);
  }
  Watched watched({1, 1, 0});
  watched.take(0, 99);
  EXPECT_FALSE(watched.ratios()[0]);
  watched.take(0, 1);
  EXPECT_TRUE(watched.ratios()[0]);
  EXPECT_FALSE(watched.ratios()[2]);
}

TEST(Shares, AreCountedByTier) {
  Watched watched({1, 1, 1});
  watched.policy.endpoints[2].tier = 1;
  watched.take(0, 100);
  watched.take(1, 100);
  EXPECT_EQ(watched.ratios(), (std::vector<std::optional<double>>{1.0, 1.0, std::nullopt}));
  watched.take(2, 5000);
  EXPECT_EQ(watched.ratios(), (std::vector<std::optional<double>>{1.0, 1.0, 1.0}));
}

TEST(Shares, OutliveAPolicyThatKeepsTheEndpoint) {
  Watched watched({1, 1});
  watched.take(0, 200);
  watched.shares.use(watched.prepared());
  EXPECT_TRUE(watched.ratios()[0]);
  watched.shares.use(Policy());
  EXPECT_FALSE(watched.ratios()[0]);
}

}  // namespace
}  // namespace weir::decide
