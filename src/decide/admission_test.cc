#include "decide/admission.h"

#include <vector>

#include "decide/decide.h"
#include "decide/limits/table.h"
#include "decide/policy_for_tests.h"
#include "gtest/gtest.h"

namespace weir::decide {
namespace {

constexpr HashKey kSeed{9, 10};

struct Gate : PolicyBuilder {
  limits::Table table{1 << 12};
  limits::InFlight in_flight{256};
  AskedLimits asked;
  Balancer balancer{WorkerId{0}, in_flight};
  Conditions conditions;
  Stamp now = stamp_from_nanos(1'000'000'000);
  std::uint64_t sequence = 0;
  std::optional<Nanos> deadline;
  std::vector<std::unique_ptr<Decision>> under_way;

  explicit Gate(std::vector<std::uint32_t> weights = {1}) {
    upstream("u", std::move(weights));
    route("r", prefix("/"));
    conditions.upstreams.resize(1);
  }
  Upstream& up() { return policy.upstreams[0]; }
  Route& way() { return policy.routes[0]; }
  void limit_at_once(std::string_view name, std::vector<KeyPart> key, std::uint32_t most, CallerSet who = {}) {
    policy.concurrency_limits.push_back({.name = names.intern(name), .key = std::move(key), .who = std::move(who), .max_in_flight = most,
                                         .cells = {.k0 = sequence + 1, .k1 = 7}, .source = {.line = 40}});
    way().concurrency.push_back(static_cast<std::uint16_t>(policy.concurrency_limits.size() - 1));
  }
  // It stays under way until end() or the end of the test.
  const Verdict& ask(std::string_view client = "10.0.0.1", Decision::Options options = {}) {
    if (up().tiers.empty()) prepared();
    under_way.push_back(std::make_unique<Decision>(
        policy, State{.limits = table, .asked = asked, .balancer = balancer, .conditions = conditions, .in_flight = in_flight, .seed = kSeed},
        ExchangeId{.worker = WorkerId{0}, .sequence = sequence++}, options));
    Facts facts = request("GET", "h", "/");
    facts.client = Address::parse(client).value();
    facts.deadline = deadline;
    Decision& decision = *under_way.back();
    decision.on_head(facts);
    decision.on_stamp(facts, now);
    return decision.verdict();
  }
  void end(std::size_t which) { under_way[which].reset(); }
};

TEST(Admission, SoManyAtOnceByKey) {
  Gate gate;
  gate.limit_at_once("two", {{.kind = KeyKind::client_ip}}, 2);
  EXPECT_EQ(gate.ask().action, Action::forward);
  EXPECT_EQ(gate.ask().action, Action::forward);
  const Verdict& third = gate.ask();
  EXPECT_EQ(third.cause, Cause::concurrency_rejected);
  EXPECT_EQ(third.status, 429);
  EXPECT_EQ(gate.names.text(third.rule.name), "two");
  EXPECT_EQ(third.rule.source.line, 40u);
  EXPECT_GE(third.retry_after, kShedWait);
  EXPECT_EQ(gate.ask("10.0.0.2").action, Action::forward) << "another key";
  gate.end(0);
  EXPECT_EQ(gate.ask().action, Action::forward);
  EXPECT_EQ(gate.ask().cause, Cause::concurrency_rejected);
}

TEST(Admission, WhatOneLimitRefusesIsNotHeldByAnother) {
  Gate gate;
  gate.limit_at_once("each", {{.kind = KeyKind::client_ip}}, 10);
  ++gate.sequence;
  gate.limit_at_once("all", {{.kind = KeyKind::all}}, 1);
  EXPECT_EQ(gate.ask("10.0.0.1").action, Action::forward);
  for (int i = 0; i < 20; ++i) EXPECT_EQ(gate.ask("10.0.0.2").cause, Cause::concurrency_rejected);
  gate.end(0);
  EXPECT_EQ(gate.ask("10.0.0.2").action, Action::forward) << "the ten of its own were given back";
}

TEST(Admission, AnUpstreamTakesSoMany) {
  Gate gate;
  gate.up().breaker = Breaker{.max_in_flight = 3, .source = {.line = 12}};
  for (int i = 0; i < 3; ++i) EXPECT_EQ(gate.ask().action, Action::forward);
  const Verdict& fourth = gate.ask();
  EXPECT_EQ(fourth.cause, Cause::breaker_open);
  EXPECT_EQ(fourth.status, 503);
  EXPECT_EQ(fourth.rule.kind, Rule::Kind::breaker);
  EXPECT_EQ(fourth.rule.source.line, 12u);
  gate.end(1);
  EXPECT_EQ(gate.ask().action, Action::forward);
}

TEST(Admission, AnEndpointThatIsFullTakesNoMore) {
  Gate gate({1, 1});
  gate.up().breaker = Breaker{.max_in_flight_per_endpoint = 1};
  const EndpointId first = gate.ask().endpoint;
  const auto hold = gate.in_flight.enter(gate.policy.endpoints[first.index()].identity);   // as its transfer does
  for (int i = 0; i < 4; ++i) EXPECT_NE(gate.ask().endpoint, first);
  const auto other = gate.in_flight.enter(gate.policy.endpoints[1 - first.index()].identity);
  EXPECT_EQ(gate.ask().cause, Cause::breaker_open) << "and not as if all were dead";
  gate.conditions.endpoints.resize(2, {.usable = false});
  EXPECT_EQ(gate.ask().cause, Cause::no_healthy_endpoint);
}

TEST(Admission, EveryStateOfTheBreaker) {
  Gate gate;
  gate.up().breaker = Breaker{.failure_ratio = 0.5, .probes = 2};
  gate.conditions.upstreams[0].breaker = BreakerState::open;
  EXPECT_EQ(gate.ask().cause, Cause::breaker_open);
  gate.conditions.upstreams[0].breaker = BreakerState::half_open;
  EXPECT_EQ(gate.ask().action, Action::forward);
  EXPECT_EQ(gate.ask().action, Action::forward);
  EXPECT_EQ(gate.ask().cause, Cause::breaker_open);
  gate.conditions.upstreams[0].breaker = BreakerState::closed;
  EXPECT_EQ(gate.ask().action, Action::forward);
}

// Of a limit of 8: 6 for sheddable routes, 8 for normal ones, 12 for critical ones.
TEST(Admission, WhatMattersLeastIsShedFirst) {
  Gate gate;
  gate.up().adaptive_limit = AdaptiveLimit{.source = {.line = 13}};
  gate.conditions.upstreams[0].limit = 8;
  gate.way().priority = Priority::sheddable;
  for (int i = 0; i < 6; ++i) EXPECT_EQ(gate.ask().action, Action::forward);
  const Verdict& shed = gate.ask();
  EXPECT_EQ(shed.cause, Cause::shed_overload);
  EXPECT_EQ(shed.status, 503);
  EXPECT_EQ(shed.rule.source.line, 13u);
  gate.way().priority = Priority::normal;
  for (int i = 0; i < 2; ++i) EXPECT_EQ(gate.ask().action, Action::forward);
  EXPECT_EQ(gate.ask().cause, Cause::shed_overload);
  gate.way().priority = Priority::critical;
  for (int i = 0; i < 4; ++i) EXPECT_EQ(gate.ask().action, Action::forward);
  EXPECT_EQ(gate.ask().cause, Cause::shed_overload);
  EXPECT_EQ(share_of(1, Priority::sheddable), 1u) << "never none at all";
}

TEST(Admission, ALookHoldsNothing) {
  Gate gate;
  gate.up().breaker = Breaker{.max_in_flight = 1};
  for (int i = 0; i < 5; ++i) EXPECT_EQ(gate.ask("10.0.0.1", {.spend = false}).action, Action::forward);
  EXPECT_EQ(gate.ask().action, Action::forward);
  EXPECT_EQ(gate.ask("10.0.0.1", {.spend = false}).cause, Cause::breaker_open);
}

TEST(Admission, WhatCannotBeAnsweredInTimeIsNotBegun) {
  Gate gate;
  gate.conditions.upstreams[0].fastest_ms = 20;
  const auto cause = [&](std::optional<Nanos> deadline) {
    gate.deadline = deadline;
    return gate.ask().cause;
  };
  EXPECT_EQ(cause(std::nullopt), Cause::none);
  EXPECT_EQ(cause(std::chrono::milliseconds(21)), Cause::none);
  EXPECT_EQ(cause(std::chrono::milliseconds(20)), Cause::deadline_expired);
  EXPECT_EQ(cause(Nanos(0)), Cause::deadline_expired);
  gate.conditions.upstreams.clear();
  EXPECT_EQ(cause(std::chrono::milliseconds(1)), Cause::none) << "nothing is known of the upstream";
  EXPECT_EQ(cause(Nanos(0)), Cause::deadline_expired);
}

// A replay is told what admission answered; it asks no counter and no state.
TEST(Admission, DecidedAgainItIsCarriedOver) {
  Gate gate;
  gate.up().breaker = Breaker{.max_in_flight = 1};
  gate.limit_at_once("two", {{.kind = KeyKind::client_ip}}, 2);
  const Carried passed;
  for (int i = 0; i < 5; ++i) EXPECT_EQ(gate.ask("10.0.0.1", {.carried = &passed}).action, Action::forward);
  for (const Cause cause : {Cause::deadline_expired, Cause::breaker_open, Cause::shed_overload, Cause::concurrency_rejected}) {
    const Carried then{.cause = cause, .rule = gate.names.intern("two")};
    const Verdict& verdict = gate.ask("10.0.0.1", {.carried = &then});
    EXPECT_EQ(verdict.cause, cause);
    EXPECT_EQ(gate.names.text(verdict.rule.name), cause == Cause::concurrency_rejected ? "two" : "u");
  }
  const Carried gone{.cause = Cause::concurrency_rejected, .rule = gate.names.intern("another")};
  EXPECT_EQ(gate.ask("10.0.0.1", {.carried = &gone}).action, Action::forward) << "its limit is not there any more";
}

}  // namespace
}  // namespace weir::decide
