#include "control/learned_peaks.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <string>

#include "base/temp_folder_for_tests.h"
#include "control/live_policy_for_tests.h"
#include "decide/identity.h"
#include "store/caller_directory.h"

namespace weir::control {
namespace {

using namespace std::chrono_literals;
using record::CallerEntry;
using record::CallerKind;
using record::CallerName;

constexpr HashKey kKey{3, 4};
constexpr std::int32_t kDay = 20'728;
constexpr WallTime kNow{kDay * 24h + 12h};
constexpr std::string_view kBase =
    "version: 1\nlisteners: [{name: public, address: 127.0.0.1:8080}]\nroutes: [{name: all, respond: {status: 200}, limits: [cap]}]\n"
    "identity: [{name: services, service: {header: X-Service, from: [127.0.0.0/8]}}, {name: others, service: {header: X-Other, from: [::1]}}]\n";

// `per_second` requests in each of 200 seconds of yesterday and the day before.
CallerEntry entry(CallerKind kind, std::string_view name, int per_second) {
  CallerEntry made{.name = CallerName::of(kind, name)};
  for (const int day : {kDay - 2, kDay - 1}) {
    for (int i = 0; i < 200 * per_second; ++i)
      made.add({.at = WallTime(day * 24h + (i / per_second) * 1s), .ending = {.status = 200}, .route = "all", .rule = "", .revision = 1}, false);
  }
  return made;
}

class LearnedPeaks : public testing::Test {
 protected:
  void count(const CallerEntry& entry) {
    auto directory = store::CallerDirectory::open(folder_ + "/callers.db", {.key = kKey});
    ASSERT_TRUE(directory);
    ASSERT_TRUE(directory->merge(std::span(&entry, 1)));
  }
  std::shared_ptr<const CallerPeaks> ask(const Policy& policy, std::shared_ptr<const CallerPeaks> before = nullptr, WallTime now = kNow) {
    auto peaks = learned_peaks(policy, {.data_dir = folder_, .key = kKey, .now = now, .before = std::move(before)});
    EXPECT_TRUE(peaks.has_value());
    return *peaks;
  }

  const TempFolder temp_;
  const std::string folder_ = temp_.path();
  LivePolicy learns_{std::string(kBase) + "limits: [{name: cap, key: caller, for: {identity: [services]}, learned: {default: 5/s}}]\n"};
  LivePolicy fixed_{std::string(kBase) + "limits: [{name: cap, key: caller, rate: 5/s}]\n"};
};

std::uint32_t of(const CallerPeaks& peaks, std::uint64_t caller) {
  const auto found = std::ranges::find(peaks.all, caller, &CallerPeak::caller);
  return found == peaks.all.end() ? 0 : found->per_second;
}

TEST_F(LearnedPeaks, AreOfThoseWhoHaveACredentialByTheDigestThatDecideKnowsThemBy) {
  count(entry(CallerKind::credential, "billing", 4));
  count(entry(CallerKind::client, "192.0.2.1", 9));
  const auto peaks = ask(*learns_.policy);
  ASSERT_NE(peaks, nullptr);
  EXPECT_EQ(peaks->number, 1u);
  ASSERT_EQ(peaks->all.size(), 2u);   // one for each rule that could have named it
  EXPECT_TRUE(std::ranges::is_sorted(peaks->all, {}, &CallerPeak::caller));
  for (const std::size_t rule : {0, 1}) {
    std::array<Evidence, 2> evidence;
    evidence[rule] = {.result = EvidenceResult::valid, .subject = "billing", .groups = {}};
    const decide::Caller caller = decide::judge(*learns_.policy, Facts{}, evidence, kKey);
    EXPECT_EQ(of(*peaks, caller.ref.digest), 4u);
  }
}

TEST_F(LearnedPeaks, AreTheSameObjectWhileNothingMovesAndNumberedOnWhenItDoes) {
  EXPECT_EQ(ask(*fixed_.policy), nullptr);
  const auto none = ask(*learns_.policy);   // no directory yet: that nobody has a past is known too
  ASSERT_NE(none, nullptr);
  EXPECT_TRUE(none->all.empty());
  EXPECT_EQ(ask(*learns_.policy, none), none);
  count(entry(CallerKind::credential, "billing", 4));
  const auto first = ask(*learns_.policy, none);
  EXPECT_EQ(first->number, 2u);
  count(entry(CallerKind::credential, "mail", 7));
  const auto second = ask(*learns_.policy, first);
  EXPECT_EQ(second->number, 3u);
  EXPECT_EQ(ask(*learns_.policy, second), second);
}

TEST_F(LearnedPeaks, OfAPlanAreThoseOfTheDaysBefore) {
  const std::vector<std::string> folders = {folder_ + "/none", folder_};
  EXPECT_EQ(peaks_before(folders, kKey, *learns_.policy, kNow), nullptr);
  count(entry(CallerKind::credential, "billing", 4));
  const auto now = peaks_before(folders, kKey, *learns_.policy, kNow);
  ASSERT_NE(now, nullptr);
  EXPECT_EQ(now->all.size(), 2u);
  const auto then = peaks_before(folders, kKey, *learns_.policy, kNow - 24h);   // then it had one day
  ASSERT_NE(then, nullptr);
  EXPECT_TRUE(then->all.empty());
}

}  // namespace
}  // namespace weir::control
