#include "decide/learned.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <string_view>

#include "decide/limits.h"
#include "decide/policy_for_tests.h"

namespace weir::decide {
namespace {

constexpr HashKey kSeed{5, 6};

Rate per_second(std::uint64_t count) { return {.count = count * 1000, .period = std::chrono::seconds(1)}; }

// One route with one learned limit, 3 times a peak; 4/s for who has none.
struct Gate : PolicyBuilder {
  limits::Table table{1 << 12};
  Facts facts{.client = Address::v4(192, 0, 2, 1)};
  CallerPeaks peaks{.number = 1, .all = {}};
  std::shared_ptr<const LearnedRates> rates;
  Stamp now = stamp_from_nanos(1'000'000'000);
  Verdict verdict;

  Gate() {
    upstream("u", {1});
    route("r", {});
    limit("cap", {KeyKind::caller}, 4, 8).learned = LearnedCap{.times = 3, .floor = {}, .source = {}};
    policy.routes[0].limits.push_back(LimitId{0});
    identity("services", IdentityKind::service);
  }
  std::uint64_t digest(std::string_view name) { return caller_digest(policy.identities[0], name, kSeed); }
  void know(std::string_view name, std::uint32_t peak) {
    std::erase_if(peaks.all, [&](const CallerPeak& each) { return each.caller == digest(name); });
    peaks.all.push_back({.caller = digest(name), .per_second = peak, .days = 5});
    rates = learned_rates(prepared(), &peaks);
  }
  int passed_of(std::string_view name, int requests) {
    int passed = 0;
    for (int i = 0; i < requests; ++i) passed += ask(name) ? 1 : 0;
    return passed;
  }
  bool ask(std::string_view name) {
    prepared();
    verdict = Verdict{};
    const Caller caller = name.empty() ? address_caller(facts.client, kSeed)
                                       : Caller{.ref = {.kind = CallerRef::Kind::service, .rule = IdentityId{0}, .digest = digest(name)},
                                                .subject = name, .groups = {}};
    const LimitQuestion question{.policy = policy, .route = policy.routes[0], .facts = facts, .caller = caller, .table = table,
                                 .seed = kSeed, .learned = rates.get()};
    AskedLimits asked;
    gather_limits(question, LimitGroup::after_auth, asked);
    return ask_limits(question, asked.all(), now, true, verdict);
  }
};

TEST(Learned, IsSoManyTimesThePeakAndTwoSecondsOfItAtOnce) {
  Gate gate;
  gate.know("billing", 12);
  const LearnedRate* const rate = gate.rates->find(LimitId{0}, gate.digest("billing"));
  ASSERT_NE(rate, nullptr);
  EXPECT_EQ(rate->rate, per_second(36));
  EXPECT_EQ(rate->burst, 72u);
  EXPECT_EQ(gate.passed_of("billing", 100), 72);
  gate.now += std::chrono::milliseconds(500);   // half a second of 36/s
  EXPECT_EQ(gate.passed_of("billing", 100), 18);
  EXPECT_EQ(gate.verdict.rule.kind, Rule::Kind::limit);
}

TEST(Learned, WhoHasNoPastMeetsTheDefaultAndWhoProvedNothingMeetsNothing) {
  Gate gate;
  gate.know("billing", 12);
  EXPECT_EQ(gate.passed_of("new", 100), 8);
  EXPECT_EQ(gate.passed_of("", 100), 100);
  EXPECT_EQ(gate.verdict.limits_asked, 0u);
  EXPECT_EQ(gate.passed_of("billing", 100), 72);   // its own bucket is untouched by theirs
}

TEST(Learned, AnOverrideComesFirst) {
  Gate gate;
  gate.policy.limits[0].overrides.push_back({.who = {.identities = {}, .callers = {{"bill*"}}, .groups = {}}, .rate = per_second(1), .burst = 2,
                                             .cells = {7, 7}, .pace = {}, .source = {}});
  gate.know("billing", 12);
  EXPECT_EQ(gate.passed_of("billing", 100), 2);
}

TEST(Learned, ARateThatChangedIsFullOnceAndOneThatDidNotIsNot) {
  Gate gate;
  gate.know("billing", 12);
  EXPECT_EQ(gate.passed_of("billing", 100), 72);
  gate.know("billing", 12);
  EXPECT_EQ(gate.passed_of("billing", 100), 0);
  gate.know("billing", 20);
  EXPECT_EQ(gate.passed_of("billing", 200), 120);
}

TEST(Learned, NothingIsLearnedWithoutPeaksOrWithoutALimitThatDoes) {
  Gate gate;
  EXPECT_EQ(learned_rates(gate.prepared(), nullptr), nullptr);
  gate.policy.limits[0].learned.reset();
  EXPECT_FALSE(learns(gate.policy));
  EXPECT_EQ(learned_rates(gate.policy, &gate.peaks), nullptr);
}

TEST(Learned, APeakThatMovedByATenthStaysWhatItWas) {
  const std::vector<CallerPeak> before = {{1, 100, 3}, {2, 100, 3}, {4, 10, 2}};
  const std::vector<CallerPeak> now = steadied(before, {{1, 110, 4}, {2, 111, 4}, {3, 7, 2}, {4, 9, 3}});
  EXPECT_EQ(now, (std::vector<CallerPeak>{{1, 100, 4}, {2, 111, 4}, {3, 7, 2}, {4, 10, 3}}));
}

TEST(Learned, IsScaledToTheThousandth) {
  const auto rate_of = [](std::uint32_t times, std::uint32_t thousandths) {
    return learned_rate({.times = times, .thousandths = thousandths, .floor = {}, .source = {}}, 12);
  };
  EXPECT_EQ(rate_of(3, 1200), (Rate{.count = 43'200, .period = std::chrono::seconds(1)}));   // 3 · 12/s · 1.2
  EXPECT_EQ(rate_of(2, 900), (Rate{.count = 21'600, .period = std::chrono::seconds(1)}));    // 2 · 12/s · 0.9
}

RC_GTEST_PROP(Learned, IsNeverBelowTheFloorNorTheProduct, ()) {
  const auto peak = *rc::gen::inRange<std::uint32_t>(1, CallerPeak::kMost + 1), times = *rc::gen::inRange<std::uint32_t>(2, 101);
  const auto floor = *rc::gen::inRange<std::uint64_t>(1, 100'000);
  const Rate plain = learned_rate({.times = times, .floor = {}, .source = {}}, peak);
  RC_ASSERT(plain == per_second(std::uint64_t{peak} * times));
  const Rate rate = learned_rate({.times = times, .floor = per_second(floor), .source = {}}, peak);
  RC_ASSERT(rate == per_second(std::max(floor, std::uint64_t{peak} * times)));
  RC_ASSERT(learned_rate({.times = times, .floor = per_second(floor), .source = {}}, peak + 1).per_second() >= rate.per_second());
}

}  // namespace
}  // namespace weir::decide
