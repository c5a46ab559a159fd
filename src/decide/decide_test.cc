#include "decide/decide.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "decide/limits.h"
#include "decide/world_for_tests.h"

namespace weir::decide {
namespace {

struct Gateway : PolicyInWorld {
  bool stamp_first = false;   // limits before_auth are asked without the evidence

  Decision decision(Decision::Options options = {}) {
    return Decision(policy, state(), next_exchange(), options);
  }
  // Drives one request to its end.
  Verdict decide(const Facts& facts, std::vector<Evidence> evidence = {}, Decision::Options options = {}) {
    Decision made = decision(options);
    Step step = made.on_head(facts);
    if (stamp_first && step == Step::need_evidence) step = made.on_stamp(facts, now);
    if (step == Step::need_evidence) {
      evidence.resize(policy.identities.size());
      step = made.on_evidence(facts, evidence);
    }
    if (step == Step::need_stamp) EXPECT_EQ(made.on_stamp(facts, now), Step::decided);
    return made.verdict();
  }
  LimitId give_limit(Route& route, std::string_view name, std::vector<KeyKind> key, std::uint64_t burst) {
    limit(name, std::move(key), 1, burst);
    const LimitId id{static_cast<std::uint16_t>(policy.limits.size() - 1)};
    route.limits.push_back(id);
    return id;
  }
};

Evidence valid(std::string_view subject) { return {.result = EvidenceResult::valid, .subject = subject, .groups = {}}; }

TEST(Decide, ForwardsToAnEndpointOfTheRoutesUpstream) {
  Gateway gateway;
  gateway.upstream("a", {1});
  const UpstreamId b = gateway.upstream("b", {1, 1});
  gateway.route("r", prefix("/b"), {b});
  gateway.prepared();
  const Verdict verdict = gateway.decide(request("GET", "h", "/b/1"));
  EXPECT_EQ(verdict.action, Action::forward);
  EXPECT_EQ(verdict.cause, Cause::none);
  EXPECT_EQ(verdict.upstream, b);
  EXPECT_TRUE(verdict.endpoint == EndpointId{1} || verdict.endpoint == EndpointId{2});
  EXPECT_EQ(verdict.rule.kind, Rule::Kind::route);
  EXPECT_EQ(verdict.rule.source.line, 101u);
}

TEST(Decide, AnswersItselfWhereTheRouteSaysSo) {
  Gateway gateway;
  gateway.upstream("u", {1});
  gateway.route("moved", prefix("/old")).action = Boxed(Redirect{.status = 308, .scheme = {}, .host = {}, .port = {}, .path = {}});
  gateway.route("ok", prefix("/ok")).action = Boxed(DirectResponse{.status = 204, .content_type = {}, .body = {}});
  gateway.prepared();
  EXPECT_EQ(gateway.decide(request("GET", "h", "/old")).action, Action::redirect);
  EXPECT_EQ(gateway.decide(request("GET", "h", "/old")).status, 308);
  EXPECT_EQ(gateway.decide(request("GET", "h", "/ok")).action, Action::direct_response);
  EXPECT_EQ(gateway.decide(request("GET", "h", "/ok")).cause, Cause::direct_response);
  const Verdict none = gateway.decide(request("GET", "h", "/"));
  EXPECT_EQ(none.cause, Cause::no_route);
  EXPECT_EQ(none.status, 404);
}

TEST(Decide, RefusesWhatWasHereAsOftenAsTheDepthSays) {
  Gateway gateway;
  gateway.upstream("u", {1});
  Route& route = gateway.route("r", prefix("/r"));
  gateway.give_limit(route, "l", {KeyKind::all}, 4);
  gateway.policy.loop = {.depth = 3, .source = PolicyBuilder::line(9)};
  gateway.prepared();
  Facts facts = request("GET", "h", "/r");
  for (std::uint8_t hops = 0; hops < 6; ++hops) {
    facts.hops = hops;
    const Verdict verdict = gateway.decide(facts);
    EXPECT_EQ(verdict.cause, hops < 3 ? Cause::none : Cause::loop_detected) << int{hops};
    EXPECT_EQ(verdict.route, RouteId{0});
    if (hops < 3) continue;
    EXPECT_EQ(verdict.action, Action::refuse);
    EXPECT_EQ(verdict.status, 508);   // RFC 5842 7.2
    EXPECT_EQ(verdict.rule.kind, Rule::Kind::loop);
    EXPECT_EQ(verdict.rule.source.line, 9u);
    EXPECT_FALSE(verdict.rule.name.valid());
    EXPECT_EQ(verdict.retry_after, Nanos(0));   // it would only come round again
  }
  facts.hops = 0;
  EXPECT_EQ(gateway.decide(facts).cause, Cause::none);   // the fourth of four: what went round was charged nothing
  EXPECT_EQ(gateway.decide(facts).cause, Cause::limit_rejected);
  facts.path = "/elsewhere";
  facts.hops = 200;
  EXPECT_EQ(gateway.decide(facts).cause, Cause::no_route);   // the route comes first
}

TEST(Decide, RefusesAnEncodedSlashUnlessTheRouteKeepsIt) {
  Gateway gateway;
  gateway.upstream("u", {1});
  gateway.route("keeps", prefix("/k")).encoded_slash_kept = true;
  gateway.route("refuses", prefix("/"));
  gateway.prepared();
  Facts facts = request("GET", "h", "/k/a%2Fb");
  facts.encoded_slash = true;
  EXPECT_EQ(gateway.decide(facts).action, Action::forward);
  facts.path = "/a%2Fb";
  EXPECT_EQ(gateway.decide(facts).cause, Cause::bad_request);
}

TEST(Decide, WithoutAUsableEndpointAnswers503WithAJitteredWait) {
  Gateway gateway;
  gateway.upstream("u", {1});
  gateway.route("r", prefix("/"));
  gateway.prepared();
  gateway.conditions.endpoints = {{.usable = false}};
  const Verdict verdict = gateway.decide(request("GET", "h", "/"));
  EXPECT_EQ(verdict.cause, Cause::no_healthy_endpoint);
  EXPECT_EQ(verdict.status, 503);
  EXPECT_GE(verdict.retry_after, std::chrono::seconds(1));
  EXPECT_LE(verdict.retry_after, std::chrono::milliseconds(1500));
}

TEST(Decide, RefusedTogetherIsToldToComeBackAtDifferentTimes) {
  Gateway gateway;
  gateway.upstream("u", {1});
  gateway.give_limit(gateway.route("r", prefix("/")), "l", {KeyKind::all}, 1);
  gateway.prepared();
  gateway.decide(request("GET", "h", "/"));
  std::vector<Nanos> waits;
  for (int i = 0; i < 100; ++i) waits.push_back(gateway.decide(request("GET", "h", "/")).retry_after);
  const auto [least, most] = std::ranges::minmax(waits);
  EXPECT_GE(least, std::chrono::seconds(1));
  EXPECT_LE(most, std::chrono::milliseconds(1500));
  EXPECT_GT(most - least, std::chrono::milliseconds(400));
}

// Every combination of what can stand in the way: early limit empty or not, credential valid, of the wrong kind or
// missing, late limits A and B empty or not, endpoint usable or not; the time asked for before the credential or after it,
// which is all the same. The first obstacle in the order that decide.h states gives the
// cause; the early limit is charged as soon as it lets pass, the late ones only if both do.
TEST(Decide, TheFirstObstacleInOrderDecidesAndOnlyWhatWasPassedIsCharged) {
  enum Credential { right, wrong, missing };
  for (unsigned bits = 0; bits < 32; ++bits) {
    for (const Credential credential : {right, wrong, missing}) {
      const bool early_empty = bits & 1, a_empty = bits & 2, b_empty = bits & 4, down = bits & 8;
      Gateway gateway;
      gateway.stamp_first = bits & 16;
      gateway.upstream("u", {1});
      const IdentityId required = gateway.identity("partner");
      gateway.identity("other");
      Route& route = gateway.route("r", prefix("/"));
      gateway.policy.settings[0].auth.require = {required};
      const std::array ids{gateway.give_limit(route, "early", {KeyKind::client_ip}, 3),
                           gateway.give_limit(route, "a", {KeyKind::caller}, 3),
                           gateway.give_limit(route, "b", {KeyKind::all}, 3)};
      gateway.policy.limits[0].before_auth = true;
      gateway.prepared();
      gateway.conditions.endpoints = {{.usable = !down}};
      const Facts facts = request("GET", "h", "/");
      std::vector<Evidence> evidence(2);
      if (credential == right) evidence[0] = valid("acme");
      if (credential == wrong) evidence[1] = valid("acme");

      const Caller caller = judge(gateway.policy, facts, evidence, kSeed);
      const auto left = [&](LimitId id) {
        const Limit& limit = gateway.policy.limits[id.index()];
        const Caller asked = limit.before_auth ? address_caller(facts.client, kSeed) : caller;
        const LimitQuestion question{.policy = gateway.policy, .route = gateway.policy.routes[0], .facts = facts,
                                     .caller = asked, .table = gateway.table, .seed = kSeed};
        const limits::Key key = key_of(question.key(), limit.key, limit.cells).key;
        return std::pair{key, limits::remaining(gateway.table.look(key, limit.pace, gateway.now), limit.pace)};
      };
      const std::array empty{early_empty, a_empty, b_empty};
      for (std::size_t i = 0; i < 3; ++i) {
        for (int n = 0; empty[i] && n < 3; ++n) {
          gateway.table.charge(left(ids[i]).first, gateway.policy.limits[i].pace, gateway.now);
        }
      }
      const Verdict verdict = gateway.decide(facts, evidence);

      Cause cause = Cause::none;
      if (down) cause = Cause::no_healthy_endpoint;
      if (a_empty || b_empty) cause = Cause::limit_rejected;
      if (credential != right) cause = Cause::auth_denied;
      if (early_empty) cause = Cause::limit_rejected;
      EXPECT_EQ(verdict.cause, cause) << bits << " " << credential;
      if (cause == Cause::auth_denied) {
        EXPECT_EQ(verdict.status, credential == wrong ? 403 : 401);
        EXPECT_EQ(verdict.rule.kind, Rule::Kind::auth);
      }
      if (cause == Cause::limit_rejected) {
        const std::size_t by = early_empty ? 0 : a_empty ? 1 : 2;
        EXPECT_EQ(verdict.rule.name, gateway.policy.limits[by].name);
        EXPECT_EQ(verdict.status, 429);
      }
      const bool late_passed = cause == Cause::none || cause == Cause::no_healthy_endpoint;
      EXPECT_EQ(left(ids[0]).second, early_empty ? 0u : 2u);
      EXPECT_EQ(left(ids[1]).second, a_empty ? 0u : late_passed ? 2u : 3u);
      EXPECT_EQ(left(ids[2]).second, b_empty ? 0u : late_passed ? 2u : 3u);
    }
  }
}

TEST(Decide, AsksForEvidenceOnlyWhereSomebodyCouldHaveSome) {
  Gateway gateway;
  gateway.upstream("u", {1});
  gateway.route("r", prefix("/a"));
  gateway.prepared();
  EXPECT_EQ(gateway.decision().on_head(request("GET", "h", "/a")), Step::need_stamp);
  gateway.identity("partner");
  EXPECT_EQ(gateway.decision().on_head(request("GET", "h", "/a")), Step::need_evidence);
  EXPECT_EQ(gateway.decision().on_head(request("GET", "h", "/")), Step::decided);   // no route: no matter who asks
}

TEST(Decide, TheCallerIsNamedInTheVerdict) {
  Gateway gateway;
  gateway.upstream("u", {1});
  gateway.route("r", prefix("/"));
  const IdentityId partner = gateway.identity("partner");
  gateway.prepared();
  const Verdict known = gateway.decide(request("GET", "h", "/"), {valid("acme")});
  EXPECT_EQ(known.caller.kind, CallerRef::Kind::credential);
  EXPECT_EQ(known.caller.rule, partner);
  EXPECT_EQ(gateway.decide(request("GET", "h", "/")).caller.kind, CallerRef::Kind::address);
}

TEST(Decide, WithoutSpendingNothingIsLeftBehind) {
  Gateway gateway;
  gateway.upstream("u", {1, 1, 1});
  gateway.give_limit(gateway.route("r", prefix("/")), "l", {KeyKind::client_ip}, 1);
  gateway.prepared();
  const Verdict first = gateway.decide(request("GET", "h", "/"), {}, {.spend = false});
  for (int i = 0; i < 5; ++i) {
    const Verdict again = gateway.decide(request("GET", "h", "/"), {}, {.spend = false});
    EXPECT_EQ(again.action, Action::forward);
    EXPECT_EQ(again.endpoint, first.endpoint);
  }
  EXPECT_EQ(gateway.decide(request("GET", "h", "/")).endpoint, first.endpoint);
  EXPECT_EQ(gateway.decide(request("GET", "h", "/")).cause, Cause::limit_rejected);
}

TEST(Decide, WhoAnswersNobodyIsNotToldHowFullLimitsAreAndDecidesTheSame) {
  Gateway gateway, other;
  for (Gateway* each : {&gateway, &other}) {
    each->upstream("u", {1, 1, 1});
    each->give_limit(each->route("r", prefix("/")), "l", {KeyKind::client_ip}, 2);
    each->prepared();
  }
  for (int i = 0; i < 4; ++i) {
    const Verdict told = gateway.decide(request("GET", "h", "/")), untold = other.decide(request("GET", "h", "/"), {}, {.answers = false});
    EXPECT_TRUE(told.tightest.has_value());
    EXPECT_FALSE(untold.tightest.has_value());
    EXPECT_EQ(untold.cause, i < 2 ? Cause::none : Cause::limit_rejected);
    EXPECT_EQ(untold.cause, told.cause);
    EXPECT_EQ(untold.endpoint, told.endpoint);
    EXPECT_EQ(untold.retry_after, told.retry_after);
    EXPECT_EQ(untold.limits_asked, told.limits_asked);
  }
}

TEST(Decide, TraceTellsEachStepInOrder) {
  Gateway gateway;
  gateway.upstream("u", {1, 0});
  Route& route = gateway.route("r", prefix("/"));
  gateway.route("other", prefix("/x"));
  gateway.identity("partner");
  gateway.give_limit(gateway.policy.routes[0], "l", {KeyKind::caller}, 4);
  (void)route;
  gateway.prepared();
  struct Collect : Trace {
    std::vector<std::string> steps;
    void on_route(const RouteStep& s) override { steps.push_back(s.fit == RouteFit::chosen ? "route" : "not"); }
    void on_identity(const IdentityStep& s) override { steps.push_back(s.names_caller ? "names" : "silent"); }
    void on_caller(const CallerStep& s) override { steps.push_back("caller " + std::string(s.subject)); }
    void on_limit(const LimitStep& s) override { steps.push_back("left " + std::to_string(s.view.remaining)); }
    void on_upstream(UpstreamId) override { steps.push_back("upstream"); }
    void on_endpoint(const EndpointStep& s) override {
      steps.push_back(s.fit == EndpointFit::chosen ? "endpoint" : s.fit == EndpointFit::no_weight ? "no weight" : "?");
    }
  } collect;
  gateway.decide(request("GET", "h", "/"), {valid("acme")}, {.spend = false, .trace = &collect});
  EXPECT_EQ(collect.steps, (std::vector<std::string>{"route", "not", "names", "caller acme", "left 3", "upstream",
                                                     "endpoint", "no weight"}));
}

// ---- attempts ----

struct Attempts : Gateway {
  explicit Attempts(std::vector<std::uint32_t> weights) {
    upstream("u", std::move(weights));
    route("r", prefix("/"));
    prepared();
  }
  Decision forwarded() {
    Decision made = decision();
    const Facts facts = request("GET", "h", "/");
    made.on_head(facts);
    made.on_stamp(facts, now);
    return made;
  }
};

TEST(Attempt, AConnectFailureIsTriedOnceOnAnotherEndpoint) {
  Attempts attempts({1, 1, 1});
  Decision decision = attempts.forwarded();
  const EndpointId first = decision.verdict().endpoint;
  AttemptEnd end{.kind = AttemptEnd::Kind::connect_failed, .endpoint = first};
  const AttemptVerdict second = decision.on_attempt_end(end, attempts.now);
  EXPECT_TRUE(second.retry);
  EXPECT_NE(second.endpoint, first);
  EXPECT_EQ(decision.verdict().endpoint, second.endpoint);
  end.endpoint = second.endpoint;
  const AttemptVerdict third = decision.on_attempt_end(end, attempts.now);
  EXPECT_FALSE(third.retry);
  EXPECT_EQ(third.cause, Cause::retries_exhausted);
  // Others of this worker leave both alone for a second.
  for (int i = 0; i < 10; ++i) {
    const EndpointId picked = attempts.forwarded().verdict().endpoint;
    EXPECT_NE(picked, first);
    EXPECT_NE(picked, second.endpoint);
  }
}

TEST(Attempt, AConnectFailureIsFinalWhereNoOtherEndpointIsLeft) {
  Attempts attempts({1});
  Decision decision = attempts.forwarded();
  const AttemptVerdict next = decision.on_attempt_end(
      {.kind = AttemptEnd::Kind::connect_failed, .endpoint = decision.verdict().endpoint}, attempts.now);
  EXPECT_FALSE(next.retry);
  EXPECT_EQ(next.cause, Cause::connect_failed);
  EXPECT_EQ(attempts.forwarded().verdict().action, Action::forward);   // avoided, but there is no other
}

TEST(Attempt, AStaleConnectionIsTriedOnceAnewAtTheSameEndpoint) {
  Attempts attempts({1, 1});
  Decision decision = attempts.forwarded();
  const AttemptEnd end{.kind = AttemptEnd::Kind::closed_unanswered, .endpoint = decision.verdict().endpoint,
                       .reused = true, .repeatable = true};
  const AttemptVerdict next = decision.on_attempt_end(end, attempts.now);
  EXPECT_TRUE(next.retry && next.fresh);
  EXPECT_EQ(next.endpoint, end.endpoint);
  EXPECT_FALSE(decision.on_attempt_end(end, attempts.now).retry);
  // The endpoint went away meanwhile: the other rule has not been used yet.
  const AttemptVerdict other = decision.on_attempt_end(
      {.kind = AttemptEnd::Kind::connect_failed, .endpoint = end.endpoint}, attempts.now);
  EXPECT_TRUE(other.retry);
  EXPECT_NE(other.endpoint, end.endpoint);
}

TEST(Attempt, ThreeRetriesEachAtAnotherEndpointThanTheOneBefore) {
  Attempts attempts({1, 1, 1});
  attempts.policy.settings[0].retry.max_retries = 3;
  attempts.policy.settings[0].retry.on = 1 << static_cast<unsigned>(RetryOn::unavailable);
  for (int round = 0; round < 50; ++round) {
    Decision decision = attempts.forwarded();
    AttemptEnd end{.kind = AttemptEnd::Kind::answered, .repeatable = true, .status = 503};
    for (int i = 0; i < 3; ++i) {
      end.endpoint = decision.verdict().endpoint;
      const AttemptVerdict next = decision.on_attempt_end(end, attempts.now);
      ASSERT_TRUE(next.retry);
      EXPECT_NE(next.endpoint, end.endpoint);
    }
    end.endpoint = decision.verdict().endpoint;
    const AttemptVerdict last = decision.on_attempt_end(end, attempts.now);
    EXPECT_FALSE(last.retry);
    EXPECT_EQ(last.cause, Cause::none) << "the upstream's own answer is passed on";
  }
}

TEST(Attempt, TheOnlyEndpointIsAskedAgainButNotAfterItRefusedAConnection) {
  Attempts attempts({1});
  attempts.policy.settings[0].retry.on = 0xff;
  Decision decision = attempts.forwarded();
  AttemptEnd end{.kind = AttemptEnd::Kind::timed_out, .endpoint = decision.verdict().endpoint, .repeatable = true};
  EXPECT_TRUE(decision.on_attempt_end(end, attempts.now).retry);
  Decision another = attempts.forwarded();
  end.kind = AttemptEnd::Kind::connect_failed;
  EXPECT_FALSE(another.on_attempt_end(end, attempts.now).retry);
}

TEST(Attempt, ASpentBudgetSaysSo) {
  Attempts attempts({1, 1});
  attempts.policy.settings[0].retry.budget_min = 1;
  const auto under_way = admit_retry(attempts.policy.settings[0].retry, attempts.policy, UpstreamId{0}, attempts.in_flight);
  ASSERT_TRUE(under_way.has_value());
  Decision decision = attempts.forwarded();
  const AttemptVerdict next = decision.on_attempt_end(
      {.kind = AttemptEnd::Kind::connect_failed, .endpoint = decision.verdict().endpoint}, attempts.now);
  EXPECT_FALSE(next.retry);
  EXPECT_EQ(next.cause, Cause::retry_budget_spent);
}

TEST(Attempt, WhatMayNotBeRepeatedIsNot) {
  Attempts attempts({1, 1});
  Decision decision = attempts.forwarded();
  const AttemptVerdict next = decision.on_attempt_end(
      {.kind = AttemptEnd::Kind::closed_unanswered, .endpoint = decision.verdict().endpoint, .reused = true},
      attempts.now);
  EXPECT_FALSE(next.retry);
  EXPECT_EQ(next.cause, Cause::upstream_closed);
}

// A route that asks an auth service, behind a limit of two and an identity.
struct Asking : Gateway {
  explicit Asking(ExternalAuth::OnFailure on_failure = ExternalAuth::OnFailure::refuse) {
    upstream("main", {1});
    upstream("auth", {1});
    identity("partner");
    Route& made = route("r", prefix("/"), {UpstreamId{0}});
    policy.settings[0].auth = {.require = {IdentityId{0}}, .external = 1, .source = {}};
    give_limit(made, "two", {KeyKind::all}, 2);
    policy.external_auths.push_back({.upstream = UpstreamId{1}, .path = "/check", .timeout = {}, .on_failure = on_failure,
                                     .headers = {}, .take = {}, .cache = {}, .digest = 1, .source = line(300)});
    prepared();
  }
  Decision asked_for(std::string_view subject = "acme") {
    Decision made = decision();
    const Facts facts = request("GET", "h", "/");
    EXPECT_EQ(made.on_head(facts), Step::need_evidence);
    const std::vector<Evidence> evidence = {subject.empty() ? Evidence{} : valid(subject)};
    EXPECT_EQ(made.on_evidence(facts, evidence), Step::need_stamp);
    step = made.on_stamp(facts, now);
    return made;
  }
  Step step{};
};

TEST(DecideExternalAuth, IsAskedLastAndItsWordHolds) {
  Asking gateway;
  Decision allowed = gateway.asked_for();
  ASSERT_EQ(gateway.step, Step::need_external_auth);
  EXPECT_EQ(allowed.verdict().action, Action::forward);   // what the gateway says by itself is complete
  EXPECT_EQ(allowed.verdict().endpoint, EndpointId{0});
  EXPECT_TRUE(allowed.verdict().asks);
  EXPECT_EQ(allowed.on_external_auth({.result = AuthResult::allowed, .status = 0}), Step::decided);
  EXPECT_EQ(allowed.verdict().action, Action::forward);

  Decision denied = gateway.asked_for();
  EXPECT_EQ(denied.on_external_auth({.result = AuthResult::denied, .status = 403}), Step::decided);
  EXPECT_EQ(denied.verdict().action, Action::refuse);
  EXPECT_EQ(denied.verdict().cause, Cause::auth_denied);
  EXPECT_EQ(denied.verdict().status, 403);
  EXPECT_EQ(denied.verdict().rule.kind, Rule::Kind::auth);
  EXPECT_EQ(denied.verdict().rule.source.line, 300u);
}

TEST(DecideExternalAuth, AFailureIs503OrPassesAsSpelledAndNeverADenial) {
  Asking refusing;
  Decision refused = refusing.asked_for();
  refused.on_external_auth({});
  EXPECT_EQ(refused.verdict().cause, Cause::auth_unavailable);
  EXPECT_EQ(refused.verdict().status, 503);
  EXPECT_GE(refused.verdict().retry_after, std::chrono::seconds(1));
  Asking allowing(ExternalAuth::OnFailure::allow);
  Decision passed = allowing.asked_for();
  passed.on_external_auth({});
  EXPECT_EQ(passed.verdict().action, Action::forward);
  Decision denied = allowing.asked_for();   // a denial is a word, not a failure
  denied.on_external_auth({.result = AuthResult::denied, .status = 401});
  EXPECT_EQ(denied.verdict().status, 401);
}

// A client that could have it pass by a long cookie would.
TEST(DecideExternalAuth, WhatIsTooLargeToBeAskedAboutNeverPasses) {
  Asking allowing(ExternalAuth::OnFailure::allow);
  Decision large = allowing.asked_for();
  large.on_external_auth({.result = AuthResult::unavailable, .status = 431});
  EXPECT_EQ(large.verdict().cause, Cause::auth_unavailable);
  EXPECT_EQ(large.verdict().status, 503);
}

TEST(DecideExternalAuth, WhoIsRefusedHereCostsNoCall) {
  Asking gateway;
  Decision stranger = gateway.asked_for("");
  EXPECT_EQ(gateway.step, Step::decided);
  EXPECT_EQ(stranger.verdict().cause, Cause::auth_denied);
  for (int i = 0; i < 2; ++i) {
    (void)gateway.asked_for();
    EXPECT_EQ(gateway.step, Step::need_external_auth);
  }
  Decision too_many = gateway.asked_for();
  EXPECT_EQ(gateway.step, Step::decided);
  EXPECT_EQ(too_many.verdict().cause, Cause::limit_rejected);
  EXPECT_FALSE(too_many.verdict().asks);

  Asking nowhere;
  nowhere.conditions.endpoints.resize(2);
  nowhere.policy.endpoints[0].weight = 0;
  nowhere.prepared();
  Decision none = nowhere.asked_for();
  EXPECT_EQ(nowhere.step, Step::decided);
  EXPECT_EQ(none.verdict().cause, Cause::no_healthy_endpoint);
}

}  // namespace
}  // namespace weir::decide
