#include "control/unheard_news.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace weir::control {
namespace {

using replay::Follower;

std::shared_ptr<Policy> policy_of(std::string hash) {
  auto policy = std::make_shared<Policy>();
  policy->hash = std::move(hash);
  return policy;
}

PolicyNews of_policy(std::uint32_t revision, std::shared_ptr<const Policy> policy) {
  std::string hash = policy->hash;
  return {.what = PolicyNews::What::policy, .revision = revision, .hash = std::move(hash), .policy = std::move(policy)};
}

std::vector<std::uint32_t> revisions_of(const UnheardNews& unheard) {
  std::vector<std::uint32_t> revisions;
  for (const PolicyNews& each : unheard.all()) revisions.push_back(each.revision);
  return revisions;
}

TEST(UnheardNews, AThousandPoliciesHoldTheMemoryOfEight) {
  UnheardNews unheard;
  std::vector<std::weak_ptr<Policy>> alive;
  for (std::uint32_t revision = 1; revision <= 1000; ++revision) {
    std::shared_ptr<Policy> policy = policy_of(std::to_string(revision));
    alive.push_back(policy);
    unheard.add(of_policy(revision, std::move(policy)));
  }
  EXPECT_EQ(revisions_of(unheard), (std::vector<std::uint32_t>{993, 994, 995, 996, 997, 998, 999, 1000}));
  for (std::size_t i = 0; i < alive.size(); ++i) EXPECT_EQ(alive[i].expired(), i < 1000 - Follower::kMostPolicies) << i;
}

TEST(UnheardNews, ReadAgainWithoutAChangeIsOnePolicy) {
  UnheardNews unheard;
  for (std::uint32_t revision = 1; revision <= 300; ++revision) unheard.add(of_policy(revision, policy_of("same")));
  ASSERT_EQ(unheard.all().size(), Follower::kMostRevisions);
  EXPECT_EQ(unheard.all().front().revision, 300 - Follower::kMostRevisions + 1);
  EXPECT_EQ(unheard.all().front().policy, unheard.all().back().policy);

  const std::shared_ptr<Policy> laid = policy_of("same");   // overrides are laid over it
  laid->laid = 1;
  unheard.add(of_policy(300, laid));
  EXPECT_EQ(unheard.all().back().policy, laid);
}

// What is let go is the oldest, as the follower itself would let it go: 1 again is younger than 2.
TEST(UnheardNews, TheOldestGoWhateverTheyAre) {
  UnheardNews unheard;
  for (const char* hash : {"1", "2", "1", "3", "4", "5", "6", "7", "8", "9"}) {
    unheard.add(of_policy(static_cast<std::uint32_t>(unheard.all().size() + 1), policy_of(hash)));
  }
  EXPECT_EQ(revisions_of(unheard), (std::vector<std::uint32_t>{3, 4, 5, 6, 7, 8, 9, 10}));
}

TEST(UnheardNews, WhoDecidesStaysInOrder) {
  UnheardNews unheard, more;
  unheard.add({.what = PolicyNews::What::beside, .revision = 500});
  for (std::uint32_t revision = 1; revision <= 9; ++revision) more.add(of_policy(revision, policy_of(std::to_string(revision))));
  more.add({.what = PolicyNews::What::alone, .revision = 9, .hash = "9"});
  unheard.take(more);
  EXPECT_TRUE(more.all().empty());
  EXPECT_EQ(revisions_of(unheard), (std::vector<std::uint32_t>{500, 2, 3, 4, 5, 6, 7, 8, 9, 9}));
}

TEST(UnheardNews, WhatIsLetGoLeavesItsTraces) {
  UnheardNews unheard, more;
  const std::shared_ptr<Policy> hourly = policy_of("hourly");
  hourly->limits.push_back({.rate = {.count = 60'000, .period = std::chrono::hours(1)}, .burst = 60});   // owes an hour at the most
  more.add(of_policy(1, hourly));
  const std::shared_ptr<Policy> unrecorded = policy_of("unrecorded");
  unrecorded->record.enabled = false;
  more.add(of_policy(2, unrecorded));
  const auto fill = [&](std::uint32_t first) {
    for (std::uint32_t revision = first; revision < first + 8; ++revision) more.add(of_policy(revision, policy_of(std::to_string(revision))));
  };
  EXPECT_EQ(more.let_go().longest, Nanos(0));
  fill(10);
  EXPECT_GE(more.let_go().longest, std::chrono::hours(1));
  EXPECT_LE(more.let_go().longest, std::chrono::minutes(62));   // and the interval of one more
  EXPECT_TRUE(more.let_go().unrecorded);
  unheard.take(more);
  EXPECT_TRUE(unheard.let_go().unrecorded && unheard.let_go().longest >= std::chrono::hours(1));
  EXPECT_FALSE(more.let_go().unrecorded);
}

}  // namespace
}  // namespace weir::control
