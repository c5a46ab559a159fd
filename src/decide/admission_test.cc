#include "decide/admission.h"

#include <vector>

#include "decide/known_callers.h"
#include "decide/world_for_tests.h"
#include "gtest/gtest.h"
#include "rapidcheck/gtest.h"

namespace weir::decide {
namespace {

struct Gate : PolicyInWorld {
  std::optional<Nanos> deadline;
  Nanos waited{0};
  OwnLoad own;
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
    policy.settings[0].concurrency.push_back(static_cast<std::uint16_t>(policy.concurrency_limits.size() - 1));
  }
  // It stays under way until end() or the end of the test.
  const Verdict& ask(std::string_view client = "10.0.0.1", Decision::Options options = {}) {
    if (up().tiers.empty()) prepared();
    State given = state();
    given.own = own;
    under_way.push_back(std::make_unique<Decision>(policy, given, next_exchange(), options));
    Facts facts = request("GET", "h", "/");
    facts.client = Address::parse(client).value();
    facts.deadline = deadline;
    facts.waited = waited;
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

TEST(Admission, AKeyThatIsKnownOfAClientCountsTogetherWithTheSameOneHashed) {
  Gate gate;
  gate.limit_at_once("all", {{.kind = KeyKind::all}}, 100);
  ++gate.sequence;
  gate.limit_at_once("two", {{.kind = KeyKind::client_ip}}, 2);
  ++gate.sequence;
  gate.limit_at_once("three", {{.kind = KeyKind::client_ip}}, 3);
  const auto keys = [&](const char* client) { return ClientHasher(gate.policy, gate.state().seed)(Address::parse(client).value()); };
  const ClientKeys first = keys("2001:db8::1"), same = keys("2001:db8::2"), other = keys("2001:db8:0:1::1");
  EXPECT_EQ(first.concurrency, 1);
  EXPECT_EQ(first.concurrency_key, same.concurrency_key) << "one /64";
  EXPECT_NE(first.concurrency_key, other.concurrency_key);
  EXPECT_EQ(gate.ask("2001:db8::1", {.client = &first}).action, Action::forward);
  EXPECT_EQ(gate.ask("2001:db8::1").action, Action::forward);
  EXPECT_EQ(gate.ask("2001:db8::2", {.client = &same}).cause, Cause::concurrency_rejected);
  EXPECT_EQ(gate.ask("2001:db8::2").cause, Cause::concurrency_rejected);
  EXPECT_EQ(gate.ask("2001:db8:0:1::1", {.client = &other}).action, Action::forward);
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

// One known caller, 10.0.0.1.
struct OwnGate : Gate {
  KnownCallers known{{keyed_hash(kSeed, "110.0.0.1")}};
  OwnGate() {
    for (std::size_t i = 0; i < kOwnResources; ++i) policy.overload.names[i] = names.intern(to_string(static_cast<OwnResource>(i)));
    policy.overload.source = {.line = 33};
    own.known = &known;
  }
  Cause cause(Priority priority, bool is_known) {
    way().priority = priority;
    return ask(is_known ? "10.0.0.1" : "10.0.0.2").cause;
  }
};

TEST(Admission, WhatTheGatewayIsShortOfIsNamed) {
  OwnGate gate;
  gate.own = {.level = ShedLevel::normal, .shortest = OwnResource::descriptors, .known = &gate.known};
  const Verdict& refused = gate.ask();
  EXPECT_EQ(refused.cause, Cause::gateway_overloaded);
  EXPECT_EQ(refused.status, 503);
  EXPECT_EQ(refused.rule.kind, Rule::Kind::overload);
  EXPECT_EQ(gate.names.text(refused.rule.name), "descriptors");
  EXPECT_EQ(refused.rule.source.line, 33u);
  EXPECT_GE(refused.retry_after, kShedWait);
  EXPECT_LE(refused.retry_after, kShedWait * 3 / 2);
}

// All levels, all kinds of requests: the table of decide/own_load.h.
TEST(Admission, OwnLoadRefusesByPriorityAndOfOneTheUnknownFirst) {
  OwnGate gate;
  constexpr Priority kPriorities[] = {Priority::sheddable, Priority::normal, Priority::critical};
  for (int level = 0; level <= kShedLevels; ++level) {
    gate.own.level = static_cast<ShedLevel>(level);
    int rank = 0;
    for (const Priority priority : kPriorities) {
      for (const bool is_known : {false, true}) {
        ++rank;
        EXPECT_EQ(gate.cause(priority, is_known), level >= rank ? Cause::gateway_overloaded : Cause::none)
            << "level " << level << " priority " << static_cast<int>(priority) << " known " << is_known;
      }
    }
  }
  gate.own = {.level = ShedLevel::unknown_normal};
  EXPECT_EQ(gate.cause(Priority::normal, false), Cause::none) << "without a directory nobody is told apart";
}

TEST(Admission, WhileAQueueStandsTheOldestAreRefused) {
  OwnGate gate;
  gate.own = {.level = ShedLevel::unknown_sheddable, .shortest = OwnResource::loop, .queue_stands = true, .known = &gate.known};
  gate.waited = std::chrono::milliseconds(100);
  EXPECT_EQ(gate.cause(Priority::normal, true), Cause::none);
  gate.waited = std::chrono::milliseconds(101);
  EXPECT_EQ(gate.cause(Priority::normal, true), Cause::gateway_overloaded);
  EXPECT_EQ(gate.cause(Priority::critical, true), Cause::none);
  gate.own.queue_stands = false;
  EXPECT_EQ(gate.cause(Priority::normal, true), Cause::none) << "it has waited, but no queue stands";
}

TEST(Admission, WhoHasWaitedForHisWholeTimeIsNotSent) {
  OwnGate gate;
  gate.policy.settings[0].timeouts.total = ConfiguredTime{.value = std::chrono::milliseconds(150)};
  gate.waited = std::chrono::milliseconds(149);
  EXPECT_EQ(gate.ask().cause, Cause::none);
  gate.waited = std::chrono::milliseconds(150);
  EXPECT_EQ(gate.ask().cause, Cause::deadline_expired);
  EXPECT_EQ(gate.ask().status, 504);
}

TEST(Admission, OfAnAdaptiveLimitUnknownCallersFillSevenEighths) {
  // 16: all of it for normal routes, 14 of it for unknown callers; 12 and 10.5 of sheddable ones, 24 and 21 of critical ones.
  EXPECT_EQ(share_of(16, Priority::normal, true), 16u);
  EXPECT_EQ(share_of(16, Priority::normal, false), 14u);
  EXPECT_EQ(share_of(16, Priority::sheddable, false), 10u);
  EXPECT_EQ(share_of(16, Priority::critical, false), 21u);
  OwnGate gate;
  gate.up().adaptive_limit = AdaptiveLimit{};
  gate.conditions.upstreams[0].limit = 16;
  for (int i = 0; i < 14; ++i) EXPECT_EQ(gate.cause(Priority::normal, false), Cause::none);
  EXPECT_EQ(gate.cause(Priority::normal, false), Cause::shed_overload);
  EXPECT_EQ(gate.cause(Priority::normal, true), Cause::none);
  EXPECT_EQ(gate.cause(Priority::normal, true), Cause::none);
  EXPECT_EQ(gate.cause(Priority::normal, true), Cause::shed_overload);
}

TEST(Admission, OwnLoadIsCarriedOver) {
  OwnGate gate;
  const Carried then{.cause = Cause::gateway_overloaded, .rule = gate.policy.overload.names[3]};
  EXPECT_EQ(gate.ask("10.0.0.1", {.carried = &then}).cause, Cause::gateway_overloaded);
  EXPECT_EQ(gate.names.text(gate.under_way.back()->verdict().rule.name), "accept_queue");
  gate.own.level = ShedLevel::all;
  const Carried passed{};
  EXPECT_EQ(gate.ask("10.0.0.1", {.carried = &passed}).cause, Cause::none);
}

// Whatever is short and however long it waited: who passes does so with a higher priority too, and when it is known.
RC_GTEST_PROP(AdmissionProperty, NobodyIsRefusedWhileALesserOnePasses, ()) {
  OwnGate gate;
  gate.own.level = static_cast<ShedLevel>(*rc::gen::inRange(0, kShedLevels + 1));
  gate.own.queue_stands = gate.own.level != ShedLevel::none && *rc::gen::arbitrary<bool>();
  gate.waited = std::chrono::milliseconds(*rc::gen::inRange(0, 300));
  gate.up().adaptive_limit = AdaptiveLimit{};
  gate.conditions.upstreams[0].limit = *rc::gen::inRange<std::uint32_t>(1, 40);
  const int under_way = *rc::gen::inRange(0, 60);
  std::vector<limits::InFlight::Hold> holds;
  for (int i = 0; i < under_way; ++i) holds.push_back(gate.in_flight.enter(in_flight_identity(gate.up())));
  const auto passes = [&](Priority priority, bool is_known) {
    const bool passed = gate.cause(priority, is_known) == Cause::none;
    gate.under_way.clear();
    return passed;
  };
  const Priority upward[] = {Priority::sheddable, Priority::normal, Priority::critical};
  for (int i = 0; i < 3; ++i) {
    if (passes(upward[i], false)) RC_ASSERT(passes(upward[i], true));
    for (int j = i + 1; j < 3; ++j) {
      for (const bool is_known : {false, true}) {
        if (passes(upward[i], is_known)) RC_ASSERT(passes(upward[j], is_known));
      }
    }
  }
}

}  // namespace
}  // namespace weir::decide
