// What is worth a finding, each at both sides of its threshold. Numbers are put in as a review
// would have counted them; the whole way, from traffic to proposal, is in tests/e2e/test_advise.py.
#include "replay/advice.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "replay/fortnight_for_tests.h"

namespace weir::replay {
namespace {

TEST(Advice, OfNothingRemarkableIsNone) {
  const Advice advice = Fortnight().advice();
  EXPECT_TRUE(advice.findings.empty());
  EXPECT_TRUE(advice.cannot_judge.empty());
}

TEST(Advice, NothingIsSaidOfNoRequests) {
  Fortnight c;
  c.counts.requests = 0;
  EXPECT_TRUE(c.advice().findings.empty());
  EXPECT_EQ(c.advice().cannot_judge.size(), 1u);
}

TEST(Advice, LittleHeadroomIsFourFifthsOfAKnownCallersBucket) {
  Fortnight c;
  Review::KeyUse& key = c.counts.limits[0].keys[0][1];
  key.fullest = 0.79;
  EXPECT_EQ(c.only().check, Check::count_);
  key.fullest = 0.8;
  EXPECT_EQ(c.only().check, Check::little_headroom);
  // 100 filled to 0.8 is to be half full: 160, as it is written 200. The rate is enough.
  ASSERT_EQ(c.only().candidates.size(), 2u);
  ASSERT_EQ(c.only().candidates[0].size(), 1u);
  EXPECT_EQ(c.only().candidates[0][0].kind, Change::Kind::burst);
  EXPECT_EQ(c.only().candidates[0][0].number, 200u);
  // A stranger's 100/s say nothing of the rate.
  c.counts.limits[0].keys[0][2] = {.fullest = 1, .caller = kStranger, .best = 6000};
  ASSERT_EQ(c.only().candidates[0].size(), 1u);
  EXPECT_EQ(c.only().candidates[0][0].kind, Change::Kind::burst);
  key.caller = kStranger;  // whom a limit is for
  EXPECT_EQ(c.only().check, Check::count_);
}

TEST(Advice, ABucketNearItsEndInOneReadingAloneCannotBeJudged) {
  Fortnight c;
  c.report.input.two_readings = true;
  c.counts.limits[0].keys[1][1] = {.fullest = 0.9, .caller = kKnown, .best = 60};
  EXPECT_EQ(c.only().check, Check::count_);
  EXPECT_TRUE(c.cannot(Topic::limits));
}

TEST(Advice, RefusalsOfKnownCallersAreCountedWithoutOthers) {
  Fortnight c;
  c.counts.limits[0].refused[0] = {{kStranger, 40}};
  EXPECT_EQ(c.only().check, Check::count_);
  c.counts.limits[0].refused[0][kKnown] = 3;
  const Finding found = c.only();
  EXPECT_EQ(found.check, Check::refuses_known);
  EXPECT_EQ(number(found, "requests"), 3);
  EXPECT_EQ(number(found, "known_callers"), 1);
  EXPECT_TRUE(found.candidates.empty());  // no value near the given one was worked out
  EXPECT_FALSE(found.nothing.empty());
}

// The rate is enough for the one who must pass; who is expected, or a stranger, asks for more.
TEST(Advice, ABurstIsTriedFirstWhereOnlyOthersAskForMoreThanTheRate) {
  Fortnight c;
  auto& use = c.counts.limits[0];
  use.refused[0] = {{kKnown, 3}};
  use.keys[0][2] = {.fullest = 1, .caller = kStranger, .best = 6000};
  use.keys[0][3] = {.fullest = 1, .caller = kKnown, .best = 6000, .expected = true};
  c.report.limits = {{.name = "per-client",
                      .nearest_safe = NearestSafe{.rate = {.count = 500'000}, .burst = 100}}};
  const Finding found = c.only();
  ASSERT_FALSE(found.candidates.empty());
  EXPECT_EQ(found.candidates[0][0].kind, Change::Kind::burst);
  use.refused[0].clear();  // nor is a bucket that is full as expected a limit with little headroom
  EXPECT_EQ(c.only().check, Check::count_);
}

TEST(Advice, ALimitWhoseOverridesApplyToEverybodyIsNotAbsurd) {
  Fortnight c;
  c.counts.limits[0].keys[0].clear();
  EXPECT_EQ(c.only().check, Check::count_);
}

TEST(Advice, AbsurdIsFiftyTimesAllThatWasAskedInRateAndBurst) {
  Fortnight c;
  Review::KeyUse& key = c.counts.limits[0].keys[0][1];
  key = {.fullest = 0.02, .caller = kKnown, .best = 12};  // 0.2/s under 10/s
  EXPECT_EQ(c.only().check, Check::absurd_headroom);
  EXPECT_DOUBLE_EQ(number(c.only(), "times"), 50);
  // Ten times 0.2/s and ten times 2 of backlog.
  ASSERT_EQ(c.only().candidates[0].size(), 2u);
  EXPECT_EQ(c.only().candidates[0][0].rate,
            (Rate{.count = 2000, .period = std::chrono::seconds(1)}));
  EXPECT_EQ(c.only().candidates[0][1].number, 20u);
  key.best = 13;
  EXPECT_EQ(c.only().check, Check::count_);
  key = {.fullest = 0.021, .caller = kKnown, .best = 12};
  EXPECT_EQ(c.only().check, Check::count_);
  key.fullest = 0.02;
  c.policy.limits[0].key = {{.kind = KeyKind::all}};  // guards what stands behind it
  EXPECT_EQ(c.only().check, Check::count_);
}

TEST(Advice, InLessThanADayNoLimitIsAbsurd) {
  Fortnight c;
  c.counts.limits[0].keys[0][1] = {.fullest = 0.01, .caller = kKnown, .best = 1};
  c.lasting(hours(22));
  EXPECT_EQ(c.only().check, Check::count_);
  EXPECT_TRUE(c.cannot(Topic::limits));
}

TEST(Advice, RulesThatNobodyMetAreFoundAfterAlmostAWeek) {
  Fortnight c;
  c.route("old", decide::prefix("/old")).limits = {};
  c.counts.routes.emplace_back();
  EXPECT_EQ(c.only().check, Check::never_hit);
  EXPECT_EQ(c.only().subject, (Subject{.kind = Subject::Kind::route, .name = "old"}));
  c.lasting(hours(24 * 6 - 2));
  EXPECT_EQ(c.only().check, Check::count_);
  EXPECT_TRUE(c.cannot(Topic::unused));
  c.lasting(hours(24 * 14));
  c.counts.unjudged = 1000;  // one of those may have met it
  EXPECT_EQ(c.only().check, Check::count_);
}

// Nobody came by, which may be what it is for.
TEST(Advice, ARouteThatKeepsRequestsOutIsNotProposedToGo) {
  const auto keeps = [](const auto& change) {
    Fortnight c;
    c.route("door", decide::prefix("/admin")).limits = {};
    change(c, c.policy.routes[1]);
    c.counts.routes.emplace_back();
    const Finding found = c.only();
    EXPECT_EQ(found.check, Check::never_hit);
    EXPECT_EQ(found.candidates.empty(), !found.nothing.empty());
    return found.candidates.empty();
  };
  const auto answers = [](std::uint16_t status) {
    return [status](Fortnight&, Route& route) {
      route.action.emplace<Boxed<DirectResponse>>().make().status = status;
    };
  };
  EXPECT_TRUE(keeps(answers(403)));
  EXPECT_FALSE(keeps(answers(204)));
  EXPECT_TRUE(keeps(
      [](Fortnight& c, Route& route) { c.own_settings(route).auth.require = {IdentityId{0}}; }));
  EXPECT_FALSE(keeps([](Fortnight&, Route&) {}));
}

TEST(Advice, ALimitOfARouteThatNobodyMetIsNotSaidToo) {
  Fortnight c;
  c.limit("old", {KeyKind::client_ip}, 10, 100);
  c.route("old", decide::prefix("/old")).limits = {LimitId{1}};
  c.counts.routes.emplace_back();
  c.counts.limits.emplace_back();
  EXPECT_EQ(c.only().subject.kind, Subject::Kind::route);
  c.counts.routes[1].requests = 5;  // met, but its limit was not asked
  EXPECT_EQ(c.only().subject, (Subject{.kind = Subject::Kind::limit, .name = "old"}));
}

TEST(Advice, WhoAskedMustBeKnownToCallAnIdentityUnused) {
  Fortnight c;
  c.policy.identities.emplace_back().name = c.names.intern("partner");
  c.counts.identities = {0};
  EXPECT_EQ(c.only().subject, (Subject{.kind = Subject::Kind::identity, .name = "partner"}));
  c.counts.evidence_unknown = 1;
  EXPECT_EQ(c.only().check, Check::count_);
  EXPECT_TRUE(c.cannot(Topic::unused));
}

TEST(Advice, WeightsAreWrongWhereAnEndpointGetsWhatItNeverCarried) {
  Fortnight c;
  c.counts.endpoints = {{.best = 300}, {.best = 100}};
  c.predicted(200, 120);
  EXPECT_EQ(c.only().check, Check::count_);  // a fifth above
  c.predicted(200, 129);
  EXPECT_EQ(c.only().check, Check::count_);  // chance: less than 3 · √100
  c.predicted(200, 131);
  const Finding found = c.only();
  EXPECT_EQ(found.check, Check::weights);
  EXPECT_EQ(found.subject.part, c.names.text(c.policy.endpoints[1].name));
  // 300 to 100 is 3 to 1; the second has 1 already.
  ASSERT_EQ(found.candidates[0].size(), 1u);
  EXPECT_EQ(found.candidates[0][0].number, 3u);
  c.counts.endpoints[0].best = 0;
  EXPECT_TRUE(c.only().candidates.empty());
}

// It carries what both send it: 200 of each a minute are what it has carried.
TEST(Advice, AnEndpointInTwoUpstreamsIsOne) {
  Fortnight c;
  c.upstream("other", {1, 1});
  for (const std::size_t i : {0u, 1u}) c.policy.endpoints[2 + i].name = c.policy.endpoints[i].name;
  c.prepared();
  c.counts.endpoints.assign(4, {.best = 100});
  auto& second = c.counts.upstreams.emplace_back();
  second.load.best = 200;
  second.hours.assign(14 * 24, 200);
  c.predicted(200, 200);
  for (std::size_t i = 0; i < 2; ++i) {
    c.report.balance.push_back(c.report.balance[i]);
    c.report.balance.back().upstream = "other";
  }
  EXPECT_EQ(c.only().check, Check::count_);
  c.counts.endpoints[2].best = 0;  // 100 carried, and sent 200
  EXPECT_FALSE(c.advice().findings.empty());
}

// The first carried 900 of another upstream and of this one as much as the second, who gets three
// times that: of this one each is to get as much.
TEST(Advice, WeightsAreOfWhatEndpointsCarriedOfTheirUpstream) {
  Fortnight c;
  c.policy.endpoints[1].weight = 3;
  c.upstream("other", {1});
  c.policy.endpoints[2].name = c.policy.endpoints[0].name;
  c.prepared();
  c.counts.endpoints = {{.best = 100}, {.best = 100}, {.best = 900}};
  auto& second = c.counts.upstreams.emplace_back();
  second.load.best = 1800;
  second.hours.assign(14 * 24, 900);
  c.predicted(1000, 300);
  c.report.balance.push_back(
      {.upstream = "other", .endpoint = c.report.balance[0].endpoint, .picks_per_s = 1000.0 / 60});
  const auto found_of = [&] {
    const Advice advice = c.advice();
    const auto at = std::ranges::find(advice.findings, Check::weights, &Finding::check);
    return at == advice.findings.end() ? Finding{.check = Check::count_} : *at;
  };
  const Finding found = found_of();
  EXPECT_EQ(found.subject.name, "app");
  ASSERT_EQ(found.candidates.size(), 1u);
  ASSERT_EQ(found.candidates[0].size(), 1u);
  EXPECT_EQ(found.candidates[0][0].subject.part, c.report.balance[1].endpoint);
  EXPECT_EQ(found.candidates[0][0].number, 1u);
  // Of this upstream it has carried nothing: its share of it is not known.
  c.counts.endpoints[0].best = 0;
  EXPECT_EQ(found_of().check, Check::weights);
  EXPECT_TRUE(found_of().candidates.empty());
  EXPECT_FALSE(found_of().nothing.empty());
}

TEST(Advice, WhereLoadDecidesWhatAnEndpointGotIsWhatItWouldGet) {
  Fortnight c;
  c.policy.upstreams[0].balance = BalanceKind::least_request;
  c.counts.endpoints = {{.most = 100, .best = 100}, {.most = 150, .best = 100}};
  c.predicted(100, 100);
  const Finding found = c.only();
  EXPECT_EQ(found.check, Check::weights);
  EXPECT_DOUBLE_EQ(number(found, "predicted_per_s"), 2.5);
  EXPECT_TRUE(found.candidates.empty());
  EXPECT_FALSE(found.nothing.empty());
}

TEST(Advice, GrowthLeavesWeeks) {
  Fortnight c;
  c.counts.endpoints = {{.best = 150}, {.best = 150}};
  auto& hours = c.counts.upstreams[0].hours;
  std::fill(hours.begin(), hours.begin() + 7 * 24, 150u);
  // 150 to 200 in a week is a third more; 200 · (4/3)^n = 300 after 1.41 weeks.
  Finding found = c.only();
  EXPECT_EQ(found.check, Check::capacity);
  EXPECT_NEAR(number(found, "growth_per_week"), 1.0 / 3, 1e-9);
  EXPECT_NEAR(number(found, "weeks_left"), 1.409, 0.001);
  EXPECT_EQ(found.level, Level::soon);
  // 200 · (4/3)^8 = 1998: with more than that, there are eight weeks.
  c.counts.endpoints = {{.best = 1000}, {.best = 1000}};
  EXPECT_EQ(c.only().check, Check::count_);
  c.counts.endpoints = {{.best = 1000}, {.best = 990}};
  EXPECT_EQ(c.only().check, Check::capacity);
  std::fill(hours.begin(), hours.begin() + 7 * 24,
            160u);                           // 40 more than 160: chance is up to 3 · √160 = 38
  EXPECT_EQ(c.only().check, Check::count_);  // and at a quarter a week 200 lasts for 10 weeks
}

// An upstream of six days in an input of two weeks has no week to compare with, one of ten days
// one.
TEST(Advice, GrowthCountsFromTheFirstRequestOfTheUpstream) {
  Fortnight c;
  auto& hours = c.counts.upstreams[0].hours;
  for (const int days : {6, 10}) {
    hours.assign(14 * 24, 200);
    std::fill(hours.begin(), hours.end() - days * 24, 0u);
    EXPECT_EQ(c.only().check, Check::count_);
    EXPECT_FALSE(c.advice().headroom.at(0).growth_per_week);
  }
  // A first hour, and nothing for a week: from nothing there is no growth either.
  hours.assign(15 * 24, 200);
  std::fill(hours.begin() + 1, hours.begin() + 8 * 24, 0u);
  EXPECT_EQ(c.only().check, Check::count_);
  EXPECT_FALSE(c.advice().headroom.at(0).growth_per_week);
}

TEST(Advice, MinutesThatFailedBeyondTheBestCleanOneAreTheEnd) {
  Fortnight c;
  c.counts.upstreams[0].load.best = 180;
  c.counts.upstreams[0].failing = {10, 200, 200};  // one fault at 10 has other reasons
  EXPECT_EQ(c.only().check, Check::count_);
  c.counts.upstreams[0].failing.push_back(190);
  EXPECT_EQ(c.only().check, Check::capacity);
  EXPECT_EQ(c.only().level, Level::hurts);
  EXPECT_EQ(number(c.only(), "failed_minutes"), 3);
}

TEST(Advice, WithoutStatusesNoMinuteIsKnownToBeClean) {
  Fortnight c;
  c.counts.with_status = 0;
  EXPECT_TRUE(c.cannot(Topic::capacity));
}

TEST(Advice, GrowthTakesTwoWeeksToTell) {
  Fortnight c;
  c.lasting(hours(24 * 13));
  EXPECT_TRUE(c.cannot(Topic::capacity));
}

TEST(Advice, ABusyKeyMakesTwoFifths) {
  Fortnight c;
  c.callers[kStranger].standing.requests = 3999;
  c.callers[kKnown].standing.requests = 3000;
  EXPECT_EQ(c.only().check, Check::count_);
  c.callers[kStranger].standing.requests = 4000;
  EXPECT_EQ(c.only().check, Check::busy_key);
  EXPECT_EQ(c.only().subject.name, "192.0.2.2");
}

TEST(Advice, KeysAreToldFortnightBeforeTheyEnd) {
  Fortnight c;
  c.policy.identities.emplace_back().name = c.names.intern("partner");
  c.counts.identities = {7};
  AdviceFacts::KeyExpiry key{.name = "192.0.2.1",
                             .expires = c.facts.now + hours(24 * 14) + hours(1)};
  c.facts.keys = {key};
  EXPECT_EQ(c.only().check, Check::count_);
  c.facts.keys[0].expires = c.facts.now + hours(24 * 14);
  EXPECT_EQ(c.only().level, Level::soon);
  c.facts.keys[0].has_other = true;  // it is being replaced
  EXPECT_EQ(c.only().check, Check::count_);
  c.facts.keys[0].expires = c.facts.now;
  EXPECT_EQ(c.only().level, Level::tidy);
  c.facts.keys = {{.name = "nobody", .expires = c.facts.now + hours(1)}};  // asks nothing
  EXPECT_EQ(c.only().check, Check::count_);
}

TEST(Advice, AnExpectationEndsSoLongAfterItsConfigurationWasWritten) {
  Fortnight c;  // unchanged for 14 days
  c.policy.limits[0].expect = Limit::Expect{.until = hours(24 * 14)};
  EXPECT_EQ(c.only().check, Check::count_);
  c.policy.limits[0].expect->until = hours(24 * 13);
  EXPECT_EQ(c.only().check, Check::expired);
  EXPECT_EQ(number(c.only(), "days"), 1);
  c.facts.unchanged_since.reset();
  EXPECT_TRUE(c.cannot(Topic::expiry));
}

TEST(Advice, ComesByWhomItHurts) {
  Fortnight c;
  c.counts.limits[0].keys[0][1].fullest = 0.9;  // soon
  c.took(100, milliseconds(1500));              // hurts
  c.callers[kStranger].standing.requests = 6000;         // tidy
  std::vector<Check> checks;
  for (const Finding& finding : c.advice().findings) checks.push_back(finding.check);
  EXPECT_EQ(checks, (std::vector{Check::timeout_short, Check::little_headroom, Check::busy_key}));
}

TEST(Advice, NumbersAreThoseAPersonWouldWrite) {
  const std::vector<std::pair<double, std::uint64_t>> expected = {
      {0.2, 1},  {1, 1},     {6.1, 7},   {10, 10},   {10.1, 12},  {12, 12},    {13, 15},
      {81, 100}, {100, 100}, {101, 120}, {760, 800}, {801, 1000}, {2001, 2500}};
  for (const auto& [number, written] : expected) EXPECT_EQ(written_up(number), written) << number;
}

}  // namespace
}  // namespace weir::replay
