// What is worth a finding, each at both sides of its threshold. Numbers are put in as a review
// would have counted them; the whole way, from traffic to proposal, is in tests/e2e/test_advise.py.
#include "replay/advice.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "decide/policy_for_tests.h"
#include "replay/advice_parts.h"
#include "replay/plan_report.h"
#include "replay/review.h"

namespace weir::replay {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;

constexpr WallTime kFrom = wall_from_nanos(1'793'491'200'000'000'000);
constexpr std::uint32_t kKnown = 0, kStranger = 1;

// A policy, and two weeks of nothing remarkable: one known caller, one who came once.
struct Case : decide::PolicyBuilder {
  Review::Counts counts;
  PlanReport report;
  Callers callers;
  AdviceFacts facts{.now = kFrom + hours(24 * 14), .unchanged_since = kFrom};

  Case() {
    policy.listeners.emplace_back().name = names.intern("main");
    upstream("app", {1, 1});
    limit("per-client", {KeyKind::client_ip}, 10, 100);
    policy.timeouts = {{.connect = {.value = milliseconds(100)},
                        .response = ConfiguredTime{.value = milliseconds(1000)}}};
    route("all", decide::prefix("/")).limits = {LimitId{0}};
    prepared();
    for (const auto& [name, days] : {std::pair("192.0.2.1", 9u), {"192.0.2.2", 1u}}) {
      InputCaller& caller = callers[callers.index(days, true, [&] { return std::string(name); })];
      for (unsigned day = 0; day < days; ++day)
        caller.standing.add(kFrom + hours(24 * day), {.status = 200}, Outcome::good);
      caller.standing.requests = 2000;
    }
    report.long_input = true;
    counts.requests = 10'000;
    counts.from = kFrom;
    counts.to = kFrom + hours(24 * 14);
    counts.with_response = counts.with_endpoint = counts.with_status = counts.requests;
    counts.limits.resize(1);
    counts.limits[0].asked = counts.requests;
    counts.limits[0].keys[0][1] = {.fullest = 0.3, .caller = kKnown, .best = 60};
    counts.routes.resize(1);
    counts.routes[0].requests = counts.requests;
    took(10'000, milliseconds(50));
    counts.endpoints = {{.best = 100}, {.best = 100}};
    counts.upstreams.resize(1);
    counts.upstreams[0].load.best = 200;
    counts.upstreams[0].hours.assign(14 * 24, 200);
    predicted(100, 100);
  }

  void lasting(Nanos time) { counts.to = kFrom + time; }
  void took(std::uint64_t requests, Nanos time) {
    Review::RouteUse& route = counts.routes[0];
    if (route.answered == nullptr) route.answered = std::make_unique<Histogram>();
    for (std::uint64_t i = 0; i < requests; ++i) route.answered->add(time);
    route.timed += requests;
    route.reached += time > milliseconds(1000) ? requests : 0;
  }
  void gone(std::uint64_t requests, Nanos time) {
    Review::RouteUse& route = counts.routes[0];
    if (route.gone == nullptr) route.gone = std::make_unique<Histogram>();
    for (std::uint64_t i = 0; i < requests; ++i) route.gone->add(time);
  }
  void predicted(double first, double second) {  // a minute
    report.balance = {{.upstream = "app",
                       .endpoint = std::string(names.text(policy.endpoints[0].name)),
                       .picks_per_s = first / 60},
                      {.upstream = "app",
                       .endpoint = std::string(names.text(policy.endpoints[1].name)),
                       .picks_per_s = second / 60}};
  }
  Advice advice() const {
    return advise({.policy = policy,
                   .names = names,
                   .counts = counts,
                   .report = report,
                   .callers = callers,
                   .facts = facts});
  }
  // The one finding there is; its check is count_ where there is none, or another.
  Finding only() const {
    Advice advice = this->advice();
    EXPECT_LE(advice.findings.size(), 1u);
    return advice.findings.size() == 1 ? advice.findings[0] : Finding{.check = Check::count_};
  }
  bool cannot(Topic topic) const {
    const Advice advice = this->advice();
    return std::ranges::find(advice.cannot_judge, topic, &CannotJudge::topic) !=
           advice.cannot_judge.end();
  }
};

double number(const Finding& finding, std::string_view name) {
  const Measure* const measure = finding.measure(name);
  return measure == nullptr ? -1 : measure->value;
}

TEST(Advice, OfNothingRemarkableIsNone) {
  const Advice advice = Case().advice();
  EXPECT_TRUE(advice.findings.empty());
  EXPECT_TRUE(advice.cannot_judge.empty());
}

TEST(Advice, NothingIsSaidOfNoRequests) {
  Case c;
  c.counts.requests = 0;
  EXPECT_TRUE(c.advice().findings.empty());
  EXPECT_EQ(c.advice().cannot_judge.size(), 1u);
}

TEST(Advice, LittleHeadroomIsFourFifthsOfAKnownCallersBucket) {
  Case c;
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
  key.caller = kStranger;  // whom a limit is for
  EXPECT_EQ(c.only().check, Check::count_);
}

TEST(Advice, ABucketNearItsEndInOneReadingAloneCannotBeJudged) {
  Case c;
  c.report.input.two_readings = true;
  c.counts.limits[0].keys[1][1] = {.fullest = 0.9, .caller = kKnown, .best = 60};
  EXPECT_EQ(c.only().check, Check::count_);
  EXPECT_TRUE(c.cannot(Topic::limits));
}

TEST(Advice, RefusalsOfKnownCallersAreCountedWithoutOthers) {
  Case c;
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

TEST(Advice, AbsurdIsFiftyTimesAllThatWasAskedInRateAndBurst) {
  Case c;
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
  Case c;
  c.counts.limits[0].keys[0][1] = {.fullest = 0.01, .caller = kKnown, .best = 1};
  c.lasting(hours(22));
  EXPECT_EQ(c.only().check, Check::count_);
  EXPECT_TRUE(c.cannot(Topic::limits));
}

TEST(Advice, RulesThatNobodyMetAreFoundAfterAlmostAWeek) {
  Case c;
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

TEST(Advice, ALimitOfARouteThatNobodyMetIsNotSaidToo) {
  Case c;
  c.limit("old", {KeyKind::client_ip}, 10, 100);
  c.route("old", decide::prefix("/old")).limits = {LimitId{1}};
  c.counts.routes.emplace_back();
  c.counts.limits.emplace_back();
  EXPECT_EQ(c.only().subject.kind, Subject::Kind::route);
  c.counts.routes[1].requests = 5;  // met, but its limit was not asked
  EXPECT_EQ(c.only().subject, (Subject{.kind = Subject::Kind::limit, .name = "old"}));
}

TEST(Advice, WhoAskedMustBeKnownToCallAnIdentityUnused) {
  Case c;
  c.policy.identities.emplace_back().name = c.names.intern("partner");
  c.counts.identities = {0};
  EXPECT_EQ(c.only().subject, (Subject{.kind = Subject::Kind::identity, .name = "partner"}));
  c.counts.evidence_unknown = 1;
  EXPECT_EQ(c.only().check, Check::count_);
  EXPECT_TRUE(c.cannot(Topic::unused));
}

TEST(Advice, ATimeoutIsShortWhereMoreThanOneInAThousandReachIt) {
  Case c;  // 10,000 of 50 ms
  c.took(10, milliseconds(1500));
  EXPECT_EQ(c.only().check, Check::count_);  // 10 of 10,010
  c.took(1, milliseconds(1500));
  const Finding found = c.only();
  EXPECT_EQ(found.check, Check::timeout_short);
  EXPECT_EQ(number(found, "reached"), 11);
  // p99.9 is 1.5 s within its bucket's 5 %: twice that is written as 3 or 4 s.
  ASSERT_FALSE(found.candidates.empty());
  EXPECT_GE(found.candidates[0][0].time, milliseconds(3000));
  EXPECT_LE(found.candidates[0][0].time, milliseconds(4000));
  // Beyond the total it would never fire.
  c.policy.timeouts[0].total = ConfiguredTime{.value = milliseconds(2500)};
  EXPECT_TRUE(c.only().candidates.empty());
  EXPECT_FALSE(c.only().nothing.empty());
}

// Of 20 whose answers are known 18 came, after 2 s, the rest never: with 2 s in the place of 1 s nine in ten would have passed.
TEST(Advice, LateAnswersSayHowShortATimeoutIs) {
  Case c;
  c.took(20, milliseconds(1500));
  Review::RouteUse& use = c.counts.routes[0];
  use.late = std::make_unique<Histogram>();
  for (int i = 0; i < 18; ++i) use.late->add(milliseconds(1995));
  use.late_known = 9;
  EXPECT_EQ(c.only().measure("late_known"), nullptr);   // too few
  use.late_known = 20;
  const Finding found = c.only();
  EXPECT_EQ(found.check, Check::timeout_short);
  EXPECT_EQ(found.candidates[0][0].time, milliseconds(2000));
  EXPECT_EQ(number(found, "late_in_time"), 18);
  EXPECT_EQ(number(found, "late_ms"), 2000);
  EXPECT_GT(found.candidates.size(), 1u);   // the others are still tried
  use.late.reset();                         // none came at all
  EXPECT_TRUE(c.only().candidates.empty());
  EXPECT_NE(c.only().nothing.find("would not help"), std::string::npos);
}

// An upstream whose good answers take 5 ms, behind a gateway with a timeout of 1 s.
struct OwnTimeout : Case {
  OwnTimeout() {
    auto& good = counts.upstreams[0].good = std::make_unique<Histogram>();
    for (int i = 0; i < 1000; ++i) good->add(milliseconds(5));
  }
  void fails(int times, double ms) {
    for (int i = 0; i < times; ++i) counts.upstreams[0].failed.push_back(static_cast<std::uint32_t>(ms * 1000));
  }
};

// 38 failures between 29 and 32 ms, three elsewhere.
TEST(Advice, AnUpstreamThatCutsItsOwnWorkIsNamed) {
  OwnTimeout c;
  for (int i = 0; i < 38; ++i) c.fails(1, 29 + 3.0 * i / 37);
  c.fails(2, 4);
  c.fails(1, 200);
  const Finding found = c.only();
  EXPECT_EQ(found.check, Check::upstream_timeout);
  EXPECT_EQ(found.subject, (Subject{.kind = Subject::Kind::upstream, .name = "app"}));
  EXPECT_EQ(number(found, "near"), 38);
  EXPECT_EQ(number(found, "failures"), 41);
  EXPECT_NEAR(number(found, "near_ms"), 30.5, 1.5);
  EXPECT_NEAR(number(found, "from_ms"), 29, 0.001);
  EXPECT_NEAR(number(found, "to_ms"), 32, 0.001);
  EXPECT_EQ(number(found, "timeout_ms"), 1000);
  EXPECT_TRUE(found.candidates.empty());
}

TEST(Advice, NearTheGatewaysOwnTimeoutItIsNotTold) {
  OwnTimeout apart, near;
  apart.fails(40, 750);
  EXPECT_EQ(apart.only().check, Check::upstream_timeout);
  near.fails(40, 850);
  EXPECT_EQ(near.only().check, Check::count_);
}

TEST(Advice, SixInTenOfTwentyFailuresAreTheLeast) {
  OwnTimeout c;
  c.fails(12, 30);
  for (int i = 0; i < 7; ++i) c.fails(1, 100 + 50 * i);
  EXPECT_EQ(c.only().check, Check::count_);   // 19
  c.fails(1, 900);
  EXPECT_EQ(c.only().check, Check::upstream_timeout);
  c.fails(1, 950);                            // 12 of 21, of which 13 are six in ten
  EXPECT_EQ(c.only().check, Check::count_);
}

TEST(Advice, FailuresThatAreSpreadFastOrAsWorkIsAreNoTimeout) {
  OwnTimeout spread;   // exponential, mean 40 ms: the quantiles of it
  for (int i = 0; i < 400; ++i) spread.fails(1, -40 * std::log1p(-(i + 0.5) / 400));
  EXPECT_EQ(spread.only().check, Check::count_);
  OwnTimeout refused;
  refused.fails(400, 0.4);
  EXPECT_EQ(refused.only().check, Check::count_);
  OwnTimeout quick;
  quick.fails(400, 9.9);
  EXPECT_EQ(quick.only().check, Check::count_);
  OwnTimeout usual;    // it fails after the time that it always takes
  for (int i = 0; i < 2000; ++i) usual.counts.upstreams[0].good->add(milliseconds(30));
  usual.fails(400, 30);
  EXPECT_EQ(usual.only().check, Check::count_);
  OwnTimeout beyond;   // one good answer in ten takes longer
  for (int i = 0; i < 112; ++i) beyond.counts.upstreams[0].good->add(milliseconds(80));
  beyond.fails(400, 30);
  EXPECT_EQ(beyond.only().check, Check::count_);
  OwnTimeout unknown;  // what is usual there is not known
  unknown.counts.upstreams[0].good.reset();
  unknown.fails(400, 30);
  EXPECT_EQ(unknown.only().check, Check::count_);
}

// One call in a hundred that runs into the timeout hurts; less than twice the 99th percentile soon will.
TEST(Advice, AnAuthTimeoutHasRoomAboveWhatItsCallsTake) {
  Case c;
  const auto with = [&](Nanos timeout, std::uint64_t cut) {
    c.policy.external_auths = {{.upstream = UpstreamId{0}, .path = "/", .timeout = {.value = timeout, .source = Case::line(9)},
                                .on_failure = ExternalAuth::OnFailure::refuse, .headers = {}, .take = {}, .cache = {},
                                .digest = 0, .source = Case::line(8)}};
    c.policy.routes[0].auth.external = 1;
    Review::RouteUse& use = c.counts.routes[0];
    use.auth = std::make_unique<Histogram>();
    for (std::uint64_t i = 0; i < 1000 - cut; ++i) use.auth->add(milliseconds(100));
    for (std::uint64_t i = 0; i < cut; ++i) use.auth->add(timeout);
    use.auth_reached = cut;
    return c.only();
  };
  EXPECT_EQ(with(milliseconds(250), 10).check, Check::count_);   // p99 is 100 ms within its bucket's 5 %
  const Finding close = with(milliseconds(180), 0);
  EXPECT_EQ(close.check, Check::auth_timeout);
  EXPECT_EQ(close.level, Level::soon);
  EXPECT_EQ(close.source.line, 9u);
  EXPECT_NEAR(number(close, "p99_ms"), 100, 5);
  EXPECT_TRUE(close.candidates.empty());
  const Finding cut = with(milliseconds(250), 11);
  EXPECT_EQ(cut.level, Level::hurts);
  EXPECT_EQ(number(cut, "reached"), 11);
  EXPECT_EQ(number(cut, "of"), 1000);
  c.counts.routes[0].auth = std::make_unique<Histogram>();   // 99 calls have no 99th percentile
  for (int i = 0; i < 99; ++i) c.counts.routes[0].auth->add(milliseconds(250));
  c.counts.routes[0].auth_reached = 99;
  EXPECT_EQ(c.only().check, Check::count_);
}

TEST(Advice, FewerThanAThousandDurationsSayNothing) {
  Case c;
  c.counts.routes[0].answered.reset();
  c.counts.routes[0].timed = 0;
  c.took(990, milliseconds(50));
  c.took(9, milliseconds(1500));
  EXPECT_EQ(c.only().check, Check::count_);
  EXPECT_TRUE(c.cannot(Topic::timeouts));
  c.took(1, milliseconds(50));
  EXPECT_EQ(c.only().check, Check::timeout_short);
  EXPECT_FALSE(c.cannot(Topic::timeouts));
}

TEST(Advice, ADeadlineOfClientsIsManyWhoLeaveAfterTheSameTime) {
  Case c;
  c.gone(19, milliseconds(500));
  EXPECT_EQ(c.only().check, Check::count_);
  c.gone(1, milliseconds(500));
  EXPECT_EQ(c.only().check, Check::timeout_long);
  EXPECT_EQ(c.only().candidates[0][0].time, milliseconds(500));
  c.gone(10, milliseconds(100));  // people, who leave when they like
  EXPECT_EQ(c.only().check, Check::count_);
}

TEST(Advice, ATimeoutAboveTheTotalNeverFires) {
  Case c;
  c.policy.timeouts[0].total = ConfiguredTime{.value = milliseconds(800)};
  EXPECT_EQ(c.only().check, Check::timeout_long);
  EXPECT_EQ(number(c.only(), "total_ms"), 800);
  c.took(20, milliseconds(900));  // its answers take longer: nothing is proposed
  EXPECT_TRUE(c.only().candidates.empty());
}

TEST(Advice, NoDurationsIsNoJudgementOfTimeouts) {
  Case c;
  c.counts.with_response = 0;
  EXPECT_TRUE(c.cannot(Topic::timeouts));
}

TEST(Advice, WeightsAreWrongWhereAnEndpointGetsWhatItNeverCarried) {
  Case c;
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

TEST(Advice, WhereLoadDecidesWhatAnEndpointGotIsWhatItWouldGet) {
  Case c;
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
  Case c;
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

TEST(Advice, MinutesThatFailedBeyondTheBestCleanOneAreTheEnd) {
  Case c;
  c.counts.upstreams[0].load.best = 180;
  c.counts.upstreams[0].failing = {10, 200, 200};  // one fault at 10 has other reasons
  EXPECT_EQ(c.only().check, Check::count_);
  c.counts.upstreams[0].failing.push_back(190);
  EXPECT_EQ(c.only().check, Check::capacity);
  EXPECT_EQ(c.only().level, Level::hurts);
  EXPECT_EQ(number(c.only(), "failed_minutes"), 3);
}

TEST(Advice, WithoutStatusesNoMinuteIsKnownToBeClean) {
  Case c;
  c.counts.with_status = 0;
  EXPECT_TRUE(c.cannot(Topic::capacity));
}

TEST(Advice, GrowthTakesTwoWeeksToTell) {
  Case c;
  c.lasting(hours(24 * 13));
  EXPECT_TRUE(c.cannot(Topic::capacity));
}

TEST(Advice, ABusyKeyMakesTwoFifths) {
  Case c;
  c.callers[kStranger].standing.requests = 3999;
  c.callers[kKnown].standing.requests = 3000;
  EXPECT_EQ(c.only().check, Check::count_);
  c.callers[kStranger].standing.requests = 4000;
  EXPECT_EQ(c.only().check, Check::busy_key);
  EXPECT_EQ(c.only().subject.name, "192.0.2.2");
}

TEST(Advice, KeysAreToldFortnightBeforeTheyEnd) {
  Case c;
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
  Case c;  // unchanged for 14 days
  c.policy.limits[0].expect = Limit::Expect{.until = hours(24 * 14)};
  EXPECT_EQ(c.only().check, Check::count_);
  c.policy.limits[0].expect->until = hours(24 * 13);
  EXPECT_EQ(c.only().check, Check::expired);
  EXPECT_EQ(number(c.only(), "days"), 1);
  c.facts.unchanged_since.reset();
  EXPECT_TRUE(c.cannot(Topic::expiry));
}

TEST(Advice, ComesByWhomItHurts) {
  Case c;
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
