// Small inputs with answers worked out by hand.
#include "replay/plan.h"

#include <gtest/gtest.h>

#include <string>
#include <tuple>
#include <vector>

#include "decide/policy_for_tests.h"
#include "replay/log_facts.h"
#include "replay/rebuild.h"
#include "replay/recorded_for_tests.h"
#include "replay/steps.h"

namespace weir::replay {
namespace {

constexpr HashKey kKey{.k0 = 1, .k1 = 2};
constexpr std::int64_t kSecond = 1'000'000'000;

struct Line {
  double at = 0;  // seconds
  std::string client = "192.0.2.1", target = "/";
  std::optional<std::uint16_t> status = 200;
  std::optional<Nanos> took = std::nullopt;
  bool is_odd = false;  // no HTTP
  bool cut = false;     // recorded by weir: a timeout cut it
};

// One route for everything, under one limit by client.
struct OneLimit : decide::PolicyBuilder {
  OneLimit(std::uint64_t per_second, std::uint64_t burst) {
    policy.listeners.emplace_back().name = names.intern("main");
    upstream("app", {1});
    limit("per-ip", {KeyKind::client_ip}, per_second, burst);
    route("all", decide::prefix("/")).limits = {LimitId{0}};
    prepared();
  }
};

PlanReport plan(const decide::PolicyBuilder& built, const std::vector<Line>& lines,
                const Policy* before = nullptr, PlanOptions options = {}) {
  options.decider = {.seed = kKey, .limit_cells = 4096};
  Plan plan(built.policy, before, built.names, options);
  const LogAssumptions nothing;
  LogFacts after_facts(built.policy, built.names, nothing, kKey);
  std::optional<LogFacts> before_facts;
  if (before != nullptr) before_facts.emplace(*before, built.names, nothing, kKey);
  const Conditions conditions = all_usable(built.policy);
  for (std::uint64_t i = 0; i < lines.size(); ++i) {
    const Line& line = lines[i];
    foreign::LogEntry entry{
        .time = wall_from_nanos(static_cast<std::int64_t>(line.at * kSecond)),
        .form = line.is_odd ? foreign::RequestForm::not_http : foreign::RequestForm::origin,
        .client = line.client,
        .method = "GET",
        .target = line.target,
        .status = line.status};
    if (const auto address = Address::parse(line.client)) entry.address = *address;
    const Rebuilt after = after_facts.rebuild(entry);
    Rebuilt was;
    if (before_facts) was = before_facts->rebuild(entry);
    const Stamp stamp = stamp_from_nanos(entry.time.time_since_epoch().count());
    const LogCaller caller = caller_of(entry, after.facts.client, {}, kKey);
    const PlanRequest request{
        .event = {.stamp = stamp, .exchange = {.worker = WorkerId{0}, .sequence = i}},
        .at_once = stamp,
        .time = entry.time,
        .past = {.status = line.status,
                 .recorded = line.cut,
                 .is_odd = after.is_odd,
                 .response = line.took,
                 .cut = line.cut},
        .after = &after,
        .before = before_facts ? &was : nullptr,
        .conditions_after = &conditions,
        .conditions_before = &conditions,
        .caller =
            plan.callers().index(caller.hash, caller.by_address, [&] { return line.client; })};
    plan.add(std::span(&request, 1));
  }
  return plan.finish({.rows = lines.size(), .clock_resolution = Nanos(1)});
}

std::vector<Line> evenly(std::size_t count, double gap, double from = 0,
                         const std::string& client = "192.0.2.1") {
  std::vector<Line> lines;
  for (std::size_t i = 0; i < count; ++i)
    lines.push_back({.at = from + gap * static_cast<double>(i), .client = client});
  return lines;
}

TEST(Plan, ARefusalIsNewWhereTheLogDoesNotHaveTheSameStatus) {
  // Burst 2 at 1/s: of five at once the first two pass.
  std::vector<Line> lines = evenly(5, 0);
  lines[4].status = 429;
  lines[1].status = 429;  // let pass now: one of the later ones is refused in its place
  const PlanReport report = plan(OneLimit(1, 2), lines);
  EXPECT_EQ(report.requests.newly_refused.value, 1u);
  EXPECT_EQ(report.requests.newly_allowed.value, 0u);
  EXPECT_EQ(report.requests.before_refused, 2u);
  EXPECT_EQ(report.requests.after_refused, 3u);
  ASSERT_EQ(report.limits.size(), 1u);
  EXPECT_EQ(report.limits[0].refused.value, 3u);
  EXPECT_EQ(report.limits[0].headroom, 0);
  ASSERT_EQ(report.hurt.size(), 1u);
  EXPECT_EQ(report.hurt[0].before_refused, 2u);
  EXPECT_EQ(report.hurt[0].after_refused, 3u);
  EXPECT_EQ(report.hurt[0].of, 5u);
}

// Nobody knows what a service would have said that was not asked; what the gateway refuses by itself it does refuse.
TEST(Plan, WhatAnAuthServiceWouldSayCannotBeJudged) {
  OneLimit asks(1, 2);
  asks.policy.external_auths.push_back({.upstream = UpstreamId{0}, .path = "/", .timeout = {}, .on_failure = {}, .headers = {},
                                        .take = {}, .cache = {}, .digest = 0, .source = {}});
  asks.policy.settings[0].auth.external = 1;
  const PlanReport report = plan(asks, evenly(5, 0));   // burst 2 at 1/s: two pass here, three are refused
  EXPECT_EQ(report.requests.judged, 3u);
  EXPECT_EQ(report.requests.newly_refused.value, 3u);
  EXPECT_EQ(report.input.cannot_judge.at(0).what, "external_auth");
  EXPECT_EQ(report.input.cannot_judge.at(0).requests, 2u);
}

// What a gateway recorded of a time in which its breaker was open, and of one in which its endpoint was down.
struct Troubled : OneLimit {
  explicit Troubled(std::uint64_t burst, UpstreamId to = UpstreamId{0}) : OneLimit(1, burst) {
    policy.revision = 1;
    policy.upstreams[0].breaker = Breaker{.failure_ratio = 0.5};
    upstream("spare", {1});
    std::get<Forward>(policy.routes[0].action).split[0].upstream = to;
    prepared();
  }
};

// Every 10 s: two pass, three find the breaker open, four no endpoint that is well, and three at once pass, while the other
// upstream's is down.
record::Recording troubled_times(const Troubled& built) {
  Recorder recorder(built.policy, built.names);
  const auto ask = [&](std::int64_t seconds, Cause expected) {
    EXPECT_EQ(recorder.decide({.at_ns = seconds * kSecond}).cause, expected) << seconds;
  };
  const auto now = [&](std::uint64_t number, BreakerState breaker, bool usable, bool spare_usable = true) {
    recorder.conditions({.number = number, .endpoints = {{.usable = usable}, {.usable = spare_usable}}, .upstreams = {{.breaker = breaker}, {}}});
  };
  now(1, BreakerState::closed, true);
  for (const int at : {10, 20}) ask(at, Cause::none);
  now(2, BreakerState::open, true);
  for (const int at : {30, 40, 50}) ask(at, Cause::breaker_open);
  now(3, BreakerState::closed, false);
  for (const int at : {60, 70, 80, 90}) ask(at, Cause::no_healthy_endpoint);
  now(4, BreakerState::closed, true, false);
  for (const int at : {100, 100, 100}) ask(at, Cause::none);
  return recorder.finish();
}

PlanReport plan_of(const Troubled& built, const record::Recording& recording, const Policy* before) {
  Plan plan(built.policy, before, built.names, {.decider = {.seed = kSeed, .limit_cells = 4096}});
  Rebuilder after_facts(built.policy, built.names, recording, kSeed);
  ConditionsThen after_then(recording, built.policy);
  std::optional<Rebuilder> before_facts;
  std::optional<ConditionsThen> before_then;
  if (before != nullptr) {
    before_facts.emplace(*before, built.names, recording, kSeed);
    before_then.emplace(recording, *before);
  }
  for (const record::RecordedArrival& arrival : recording.arrivals) {
    const Rebuilt after = after_facts.rebuild(arrival);
    Rebuilt was;
    if (before_facts) was = before_facts->rebuild(arrival);
    const PlanRequest request{.event = {.stamp = arrival.stamp, .exchange = arrival.exchange},
                              .at_once = arrival.stamp,
                              .time = wall_from_nanos(arrival.stamp.time_since_epoch().count()),
                              .past = {.recorded = true, .refused = arrival.action == Action::refuse},
                              .after = &after,
                              .before = before_facts ? &was : nullptr,
                              .conditions_after = &after_then.of(arrival),
                              .conditions_before = before_then ? &before_then->of(arrival) : nullptr,
                              .caller = plan.callers().index(1, true, [] { return "192.0.2.1"; })};
    plan.add(std::span(&request, 1));
  }
  return plan.finish({.rows = recording.arrivals.size(), .clock_resolution = Nanos(1), .recording = true});
}

using Carried = std::vector<std::string>;

TEST(Plan, WhatHealthAndABreakerRefusedIsCarriedOverAndNeverNew) {
  const Troubled live(4);
  const record::Recording recording = troubled_times(live);
  ASSERT_EQ(recording.arrivals.size(), 12u);
  for (const Policy* before : {static_cast<const Policy*>(nullptr), &live.policy}) {
    SCOPED_TRACE(before == nullptr ? "as recorded" : "beside the policy of then");
    const PlanReport same = plan_of(live, recording, before);
    EXPECT_EQ(same.requests.judged, 12u);
    EXPECT_EQ(same.requests.before_refused, 7u);
    EXPECT_EQ(same.requests.after_refused, 7u);
    EXPECT_EQ(same.requests.carried_over, 7u);
    EXPECT_EQ(same.requests.newly_refused.value, 0u);
    EXPECT_EQ(same.requests.newly_allowed.value, 0u);
    EXPECT_EQ(same.causes.size(), 0u);
    EXPECT_TRUE(same.hurt.empty());
    EXPECT_EQ(same.how.carried_over, (Carried{"health", "admission"}));
    // With a burst of two the third of those at once is refused: the limit's doing, and all that is new.
    const PlanReport tight = plan_of(Troubled(2), recording, before);
    EXPECT_EQ(tight.requests.before_refused, 7u);
    EXPECT_EQ(tight.requests.after_refused, 8u);
    EXPECT_EQ(tight.requests.carried_over, 7u);
    EXPECT_EQ(tight.requests.newly_refused.value, 1u);
    ASSERT_EQ(tight.causes.size(), 1u);
    EXPECT_EQ(tight.causes[0].name, "limit_rejected");
    EXPECT_EQ(tight.causes[0].newly_refused, 1u);
  }
}

// Then the breaker refuses there too, those that found their endpoint down pass, and three meet one that was down.
TEST(Plan, WhatMeetsAnEndpointThatWasDownElsewhereIsNotNewEither) {
  const Troubled live(4), moved(4, UpstreamId{1});
  const record::Recording recording = troubled_times(live);
  for (const Policy* before : {static_cast<const Policy*>(nullptr), &live.policy}) {
    SCOPED_TRACE(before == nullptr ? "as recorded" : "beside the policy of then");
    const PlanReport report = plan_of(moved, recording, before);
    EXPECT_EQ(report.requests.judged, 12u);
    EXPECT_EQ(report.requests.before_refused, 7u);
    EXPECT_EQ(report.requests.after_refused, 6u);
    EXPECT_EQ(report.requests.carried_over, 6u);
    EXPECT_EQ(report.requests.newly_refused.value, 0u);
    EXPECT_EQ(report.requests.newly_allowed.value, 4u);
    EXPECT_EQ(report.causes.size(), 0u);
  }
}

// Two tokens are 2 s here. What is further apart, or another caller's, is harm and relief.
TEST(Plan, ARefusalThatMovedALittleIsTheSameRefusal) {
  bool expected = false;
  const auto counts = [&](double allowed_at, double refused_at, const std::string& who) {
    std::vector<Line> lines;
    const auto add = [&](double at, const std::string& client, std::uint16_t status) {
      lines.push_back({.at = at, .client = client, .status = status});
    };
    const std::string one = "192.0.2.1";
    const bool first = allowed_at <= refused_at;
    if (first) add(allowed_at, one, 429);                   // burst 2: let pass
    for (int i = 0; i < 3; ++i) add(refused_at, who, 200);  // the third, or the second, is refused
    if (!first) add(allowed_at, one, 429);
    OneLimit built(1, 2);
    if (expected)
      built.policy.limits[0].expect =
          Limit::Expect{.who = {.anonymous = true}, .max = {}, .until = {}};
    const PlanReport report = plan(built, lines);
    std::uint64_t routes = 0, minutes = 0;
    for (const auto& route : report.routes) routes += route.newly_refused.value;
    for (const auto& each : report.minutes) minutes += each.newly_refused;
    EXPECT_EQ(routes, report.requests.newly_refused.value);
    EXPECT_EQ(minutes, report.requests.newly_refused.value);
    EXPECT_EQ(report.causes.size(), report.requests.newly_refused.value > 0 ? 1u : 0u);
    const auto& [newly, other] =
        expected ? std::tie(report.requests.newly_expected, report.requests.newly_refused)
                 : std::tie(report.requests.newly_refused, report.requests.newly_expected);
    EXPECT_EQ(other.value, 0u);
    return std::pair(newly.value, report.requests.newly_allowed.value);
  };
  using Counts = std::pair<std::uint64_t, std::uint64_t>;
  for (const bool each : {false, true}) {  // by what `expect` says too
    expected = each;
    EXPECT_EQ(counts(0, 1.5, "192.0.2.1"), Counts(0, 0)) << each;  // before it
    EXPECT_EQ(counts(1.9, 0, "192.0.2.1"), Counts(0, 0)) << each;  // after it
    EXPECT_EQ(counts(0, 2.5, "192.0.2.1"), Counts(1, 1)) << each;
    EXPECT_EQ(counts(2.5, 0, "192.0.2.1"), Counts(1, 1)) << each;
    EXPECT_EQ(counts(0, 1.5, "192.0.2.2"), Counts(1, 1)) << each;
  }
}

TEST(Plan, AnEstablishedCallerIsProtectedWhereTheInputIsShort) {
  const PlanReport report = plan(OneLimit(1, 2), evenly(20, 0.5));
  EXPECT_EQ(report.callers.established, 1u);
  EXPECT_EQ(report.callers.known, 0u);
  EXPECT_EQ(report.callers.established_newly_refused.value, 1u);
  EXPECT_EQ(report.verdict, PlanVerdict::harm);
  // Nineteen are too few to be established; 0.5 % of the requests are allowed here.
  PlanOptions generous{.budget = {.known_callers = 0, .requests = 1}};
  EXPECT_EQ(plan(OneLimit(1, 2), evenly(19, 0.5), nullptr, generous).verdict,
            PlanVerdict::harmless);
  generous.budget.known_callers = 1;
  EXPECT_EQ(plan(OneLimit(1, 2), evenly(20, 0.5), nullptr, generous).verdict,
            PlanVerdict::harmless);
}

TEST(Plan, KnownIsWhoCameOnTwoDays) {
  std::vector<Line> lines = evenly(3, 3600, 22 * 3600.0);  // 22:00, 23:00 and midnight
  for (const Line& line : evenly(3, 0, 47 * 3600.0, "192.0.2.9"))
    lines.push_back(line);  // one day only
  const PlanReport report = plan(OneLimit(1, 1), lines);
  EXPECT_TRUE(report.long_input);
  EXPECT_EQ(report.callers.known, 1u);
  EXPECT_EQ(report.callers.known_newly_refused.value, 0u);
  EXPECT_EQ(report.callers.newly_refused.value, 1u);
  EXPECT_FALSE(report.limits[0].nearest_safe);  // nobody who must pass was refused
}

// Ten requests 0.1 s apart at burst 2: the n-th finds n - 1 intervals spent and 0.1 (n - 1) s
// refilled, and passes while n I - 0.1 (n - 1) <= 2 I. For n = 10: I <= 0.9 / 8 s, so 8.889/s, in
// tenths 8.9/s. Ten others make it established.
TEST(Plan, TheNearestSafeRateIsTheSmallestThatRefusesNobodyWhoMustPass) {
  std::vector<Line> lines = evenly(10, 0.1);
  for (const Line& line : evenly(10, 60, 100)) lines.push_back(line);
  const PlanReport report = plan(OneLimit(1, 2), lines);
  ASSERT_TRUE(report.limits.at(0).nearest_safe);
  EXPECT_EQ(report.limits[0].nearest_safe->rate,
            (Rate{.count = 8900, .period = std::chrono::seconds(1)}));
  EXPECT_EQ(report.limits[0].nearest_safe->burst, 2u);
}

TEST(Plan, WhereNoRateHelpsTheBurstDoes) {
  std::vector<Line> lines = evenly(7, 0);
  for (const Line& line : evenly(20, 60, 100)) lines.push_back(line);
  const PlanReport report = plan(OneLimit(1, 2), lines);
  ASSERT_TRUE(report.limits.at(0).nearest_safe);
  EXPECT_EQ(report.limits[0].nearest_safe->rate,
            (Rate{.count = 1000, .period = std::chrono::seconds(1)}));
  EXPECT_EQ(report.limits[0].nearest_safe->burst, 7u);
}

TEST(Plan, HeadroomIsWhatTheFullestBucketHadLeft) {
  EXPECT_DOUBLE_EQ(plan(OneLimit(1, 10), evenly(4, 0)).limits.at(0).headroom, 0.6);
}

TEST(Plan, RoutesWithHostsCannotBeJudgedByALogWithoutThem) {
  OneLimit built(100, 100);
  built.policy.routes[0].match.hosts = {"api.example.com"};
  built.prepared();
  const PlanReport report = plan(built, evenly(10, 1));
  EXPECT_EQ(report.verdict, PlanVerdict::not_enough_data);
  EXPECT_EQ(report.requests.judged, 0u);
  EXPECT_EQ(report.input.cannot_judge.at(0).what, "host");
  EXPECT_EQ(report.input.cannot_judge.at(0).requests, 10u);
}

TEST(Plan, AnotherConfigurationAsBaseIsDecidedBesideTheNewOne) {
  OneLimit old(1, 4);
  OneLimit built(1, 2);  // interned in the same order: the same names
  const PlanReport report = plan(built, evenly(5, 0), &old.policy);
  EXPECT_EQ(report.requests.before_refused, 1u);
  EXPECT_EQ(report.requests.newly_refused.value, 2u);
}

TEST(Plan, ATimeoutThatWouldCutIsModelledWithItsInterval) {
  OneLimit built(1000, 1000);
  built.policy.settings[0].timeouts.response =
      ConfiguredTime{.value = std::chrono::milliseconds(500), .source = {}};
  std::vector<Line> lines = evenly(100, 1);
  for (std::size_t i = 0; i < lines.size(); ++i)
    lines[i].took = std::chrono::milliseconds(i < 5 ? 600 : 100);
  const PlanReport report = plan(built, lines);
  ASSERT_EQ(report.timeouts.size(), 1u);
  EXPECT_EQ(report.timeouts[0].cut, 5u);
  EXPECT_DOUBLE_EQ(report.timeouts[0].cut_share, 0.05);
  // Wilson's interval of 5 in 100, as tables have it (Brown, Cai, DasGupta 2001: 0.0215 to 0.1118).
  EXPECT_NEAR(report.timeouts[0].low, 0.0215, 0.0001);
  EXPECT_NEAR(report.timeouts[0].high, 0.1118, 0.0001);
  EXPECT_EQ(report.verdict, PlanVerdict::harm);
  EXPECT_EQ(report.requests.newly_refused.value, 0u);
}

// By weir, or as far as a log says. What was cut is still one of those that have a duration.
TEST(Plan, WhatATimeoutCutThenIsNotCutAnew) {
  OneLimit built(1000, 1000);
  built.policy.settings[0].timeouts.response =
      ConfiguredTime{.value = std::chrono::milliseconds(500), .source = {}};
  for (const bool recorded : {true, false}) {
    std::vector<Line> lines = evenly(100, 1);
    for (std::size_t i = 0; i < 50; ++i) lines[i].took = std::chrono::milliseconds(501);
    for (std::size_t i = 0; i < 49; ++i) {
      lines[i].cut = recorded;
      lines[i].status = 504;
    }
    const PlanReport report = plan(built, lines);
    ASSERT_EQ(report.timeouts.size(), 1u);
    EXPECT_EQ(report.timeouts[0].of, 50u);
    EXPECT_EQ(report.timeouts[0].cut, 1u);
    lines[49].took = std::chrono::milliseconds(400);
    EXPECT_EQ(plan(built, lines).verdict, PlanVerdict::harmless);
  }
}

// The base had no route for it, and so no timeout either.
TEST(Plan, AnOddLineThatTheBaseRefusedIsCounted) {
  OneLimit old(1000, 1000), built(1000, 1000);
  old.policy.routes[0].match = decide::prefix("/api");
  old.prepared();
  built.policy.settings[0].timeouts.response =
      ConfiguredTime{.value = std::chrono::milliseconds(500), .source = {}};
  std::vector<Line> lines = evenly(4, 1);
  for (Line& line : lines) line.took = std::chrono::milliseconds(1);
  lines[1].is_odd = lines[2].is_odd = true;
  lines[0].target = lines[3].target = "/api/x";
  const PlanReport report = plan(built, lines, &old.policy);
  EXPECT_EQ(report.requests.judged, 4u);
  EXPECT_EQ(report.requests.newly_refused.value, 0u);
  EXPECT_EQ(report.requests.newly_allowed.value, 0u);
}

// Everybody without a credential is expected: seven at once, five of them refused at burst 2, in
// the one bucket of each.
TEST(Plan, WhatExpectWantsIsCountedApartAndHurtsNobody) {
  OneLimit built(1, 2);
  built.policy.limits[0].expect = Limit::Expect{.who = {.anonymous = true}, .max = {}, .until = {}};
  built.prepared();
  std::vector<Line> lines = evenly(7, 0);
  for (const Line& line : evenly(20, 60, 100)) lines.push_back(line);
  const PlanReport report = plan(built, lines);
  EXPECT_EQ(report.callers.established, 1u);
  EXPECT_EQ(report.requests.newly_expected.value, 5u);
  EXPECT_EQ(report.requests.newly_refused.value, 0u);
  EXPECT_EQ(report.requests.after_refused, 5u);
  EXPECT_TRUE(report.hurt.empty());
  EXPECT_EQ(report.limits.at(0).refused.value, 5u);
  EXPECT_FALSE(report.limits[0].nearest_safe);  // nobody who must pass was refused
  EXPECT_EQ(report.verdict, PlanVerdict::harmless);
}

TEST(Plan, ChangedTimeoutsWithoutDurationsAreNotEnoughData) {
  OneLimit old(1000, 1000), built(1000, 1000);
  built.policy.settings[0].timeouts.response =
      ConfiguredTime{.value = std::chrono::milliseconds(500), .source = {}};
  EXPECT_EQ(plan(built, evenly(10, 1), &old.policy).verdict, PlanVerdict::not_enough_data);
  EXPECT_EQ(plan(old, evenly(10, 1), &old.policy).verdict, PlanVerdict::harmless);
}

// Burst 1 at 1/s, three at once: two are refused and told to wait at least a second; each comes
// back at most three times.
TEST(Plan, RetriesAreReportedApart) {
  const PlanReport report = plan(OneLimit(1, 1), evenly(3, 0), nullptr, {.retries = true});
  EXPECT_EQ(report.requests.newly_refused.value, 2u);
  EXPECT_TRUE(report.retries.modelled);
  EXPECT_GE(report.retries.retries, 2u);
  EXPECT_LE(report.retries.retries, 6u);
  EXPECT_GE(report.retries.newly_refused_with, 2u);
}

TEST(Plan, AnEmptyInputIsNotEnoughData) {
  EXPECT_EQ(plan(OneLimit(1, 1), {}).verdict, PlanVerdict::not_enough_data);
}

// Facts of a log.

struct WithIdentity : OneLimit {
  explicit WithIdentity(KeyKind key) : OneLimit(1, 1) {
    identity("partner");
    policy.limits[0].key = {{.kind = key}};
    policy.watched_headers = {"x-tenant"};
    prepared();
  }
};

Decider::Answer asked(const OneLimit& built, const LogAssumptions& assumptions,
                      const foreign::LogEntry& entry) {
  LogFacts facts(built.policy, built.names, assumptions, kKey);
  Decider decider(built.policy, {.seed = kKey, .limit_cells = 4096});
  return decider.decide({.stamp = stamp_from_nanos(1), .exchange = {}}, facts.rebuild(entry),
                        all_usable(built.policy));
}

TEST(LogFacts, AnIdentityThatWasNotLoggedMattersOnlyWhereSomebodyAsksForIt) {
  const foreign::LogEntry entry{.form = foreign::RequestForm::origin,
                                .client = "192.0.2.1",
                                .address = Address::v4(192, 0, 2, 1),
                                .method = "GET",
                                .target = "/"};
  EXPECT_EQ(asked(WithIdentity(KeyKind::client_ip), {}, entry).why, Unjudged::none);
  EXPECT_EQ(asked(WithIdentity(KeyKind::caller), {}, entry).why, Unjudged::identity);
  WithIdentity closed(KeyKind::client_ip);
  closed.policy.settings[0].auth.require = {IdentityId{0}};
  closed.prepared();
  EXPECT_EQ(asked(closed, {}, entry).why, Unjudged::identity);
}

TEST(LogFacts, AMappedIdentityIsValidAndADashIsAbsent) {
  WithIdentity closed(KeyKind::caller);
  closed.policy.settings[0].auth.require = {IdentityId{0}};
  closed.prepared();
  const LogAssumptions assumptions{
      .fields = {*foreign::parse_field_map("identity:partner=api_key_id")},
      .host = {},
      .groups = {}};
  foreign::MappedFact fact{.map = 0, .given = true, .value = "acme"};
  const foreign::LogEntry entry{.form = foreign::RequestForm::origin,
                                .client = "192.0.2.1",
                                .address = Address::v4(192, 0, 2, 1),
                                .method = "GET",
                                .target = "/",
                                .mapped = {&fact, 1}};
  EXPECT_EQ(asked(closed, assumptions, entry).verdict.cause, Cause::none);
  fact.given = false;
  const auto refused = asked(closed, assumptions, entry);
  EXPECT_EQ(refused.why, Unjudged::none);
  EXPECT_EQ(refused.verdict.cause, Cause::auth_denied);
}

TEST(LogFacts, AHeaderOfAKeyThatWasNotLoggedCannotBeJudged) {
  WithIdentity built(KeyKind::header);
  const foreign::LogEntry entry{.form = foreign::RequestForm::origin,
                                .client = "192.0.2.1",
                                .address = Address::v4(192, 0, 2, 1),
                                .method = "GET",
                                .target = "/"};
  EXPECT_EQ(asked(built, {}, entry).why, Unjudged::value);
}

TEST(LogFacts, ClientsThatAreNoAddressesHaveAddressesOfTheirOwnAndNoNetwork) {
  const foreign::LogEntry entry{.form = foreign::RequestForm::origin,
                                .client = "piweba3y.prodigy.com",
                                .method = "GET",
                                .target = "/"};
  EXPECT_EQ(asked(WithIdentity(KeyKind::client_ip), {}, entry).why, Unjudged::none);
  EXPECT_EQ(asked(WithIdentity(KeyKind::client_net), {}, entry).why, Unjudged::address);
  EXPECT_NE(made_up_address("a", kKey), made_up_address("b", kKey));
  EXPECT_EQ(made_up_address("a", kKey), made_up_address("a", kKey));
}

TEST(LogFacts, ACallerBehindATrustedProxyIsWhomItNames) {
  OneLimit built(1, 1);
  built.policy.listeners[0].trusted_proxies = {*Net::parse("10.0.0.0/8")};
  built.prepared();
  const LogAssumptions nothing;
  LogFacts facts(built.policy, built.names, nothing, kKey);
  foreign::LogEntry entry{.form = foreign::RequestForm::origin,
                          .client = "10.0.0.1",
                          .address = Address::v4(10, 0, 0, 1),
                          .method = "GET",
                          .target = "/",
                          .forwarded_for = "203.0.113.9"};
  const auto caller = [&] { return caller_of(entry, facts.rebuild(entry).facts.client, {}, kKey); };
  EXPECT_EQ(to_string(caller().address), "203.0.113.9");
  entry.address = Address::v4(192, 0, 2, 1);  // whom nobody trusts
  EXPECT_EQ(to_string(caller().address), "192.0.2.1");
}

TEST(LogFacts, AnOddRequestLineStillSpendsTheLimitOfItsClient) {
  const OneLimit built(1, 1);
  const LogAssumptions nothing;
  LogFacts facts(built.policy, built.names, nothing, kKey);
  Decider decider(built.policy, {.seed = kKey, .limit_cells = 4096});
  const foreign::LogEntry hello{.form = foreign::RequestForm::not_http,
                                .client = "192.0.2.1",
                                .address = Address::v4(192, 0, 2, 1),
                                .request_line = "\x16\x03"};
  EXPECT_EQ(decider
                .decide({.stamp = stamp_from_nanos(1), .exchange = {}}, facts.rebuild(hello),
                        all_usable(built.policy))
                .verdict.cause,
            Cause::none);
  EXPECT_TRUE(facts.rebuild(hello).is_odd);
  EXPECT_EQ(decider
                .decide({.stamp = stamp_from_nanos(2), .exchange = {}}, facts.rebuild(hello),
                        all_usable(built.policy))
                .verdict.cause,
            Cause::limit_rejected);
}

// Steps of the clock.

struct Item {
  WallTime time;
  Nanos precision{0};
  int number = 0;
};

TEST(Steps, AStepIsSpreadEvenlyAndFineItemsPassThrough) {
  Steps<Item> steps(std::chrono::milliseconds(10));
  std::vector<std::pair<std::int64_t, std::int64_t>> times;
  const auto drain = [&] {
    for (Steps<Item>::Timed timed; steps.pop(timed);)
      times.emplace_back(timed.spread.time_since_epoch().count(),
                         timed.at_once.time_since_epoch().count());
  };
  for (const std::int64_t second : {5, 5, 5, 5, 6}) {
    steps.push({.time = wall_from_nanos(second * kSecond), .precision = std::chrono::seconds(1)});
    drain();
  }
  steps.push({.time = wall_from_nanos(7 * kSecond + 1), .precision = std::chrono::milliseconds(1)});
  drain();
  steps.finish();
  drain();
  const std::int64_t s = kSecond;
  EXPECT_EQ(times, (std::vector<std::pair<std::int64_t, std::int64_t>>{{5 * s, 5 * s},
                                                                       {5 * s + s / 4, 5 * s},
                                                                       {5 * s + s / 2, 5 * s},
                                                                       {5 * s + s / 4 * 3, 5 * s},
                                                                       {6 * s, 6 * s},
                                                                       {7 * s + 1, 7 * s + 1}}));
}

}  // namespace
}  // namespace weir::replay
