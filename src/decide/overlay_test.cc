// What overrides hold back, through the whole of decide.
#include "decide/overlay.h"

#include <gtest/gtest.h>

#include <memory>
#include <vector>

#include "decide/world_for_tests.h"

namespace weir::decide {
namespace {

// One route with a limit of `burst`, one identity; overrides as config/overlay.h would lay them.
struct Gateway : PolicyInWorld {
  Overlay overlay;

  Gateway() {
    upstream("u", {1});
    identity("partner");
    Route& made = route("orders", prefix("/"));
    limit("per-caller", {KeyKind::caller}, 1, 100);
    made.limits.push_back(LimitId{0});
  }
  void block_net(std::string_view net) {
    overlay.restraints.push_back(
        {.name = names.intern("o1"), .net = *Net::parse(net), .caller = {}});
  }
  void block_caller(std::string pattern) {
    overlay.restraints.push_back(
        {.name = names.intern("o2"), .net = {}, .caller = {std::move(pattern)}});
  }
  LimitId cap(std::string_view name, KeyKind key, std::uint64_t burst) {
    Limit& made = limit(name, {key}, 1, burst);
    made.cause = Cause::caller_capped;
    made.before_auth = key == KeyKind::all;
    return LimitId{static_cast<std::uint16_t>(policy.limits.size() - 1)};
  }
  void cap_net(std::string_view name, std::string_view net, std::uint64_t burst) {
    overlay.restraints.push_back({.name = names.intern(name),
                                  .net = *Net::parse(net),
                                  .caller = {},
                                  .cap = cap(name, KeyKind::all, burst)});
  }
  void cap_caller(std::string_view name, std::string pattern, std::uint64_t burst) {
    overlay.restraints.push_back({.name = names.intern(name),
                                  .net = {},
                                  .caller = {std::move(pattern)},
                                  .cap = cap(name, KeyKind::caller, burst)});
  }
  Verdict decide(std::string_view client, std::string_view subject = {}, bool stamp_first = false) {
    if (policy.overlay == nullptr) {
      policy.overlay = std::make_shared<const Overlay>(overlay);
      prepared();
    }
    Facts facts = request("GET", "h", "/x");
    facts.client = *Address::parse(client);
    const Evidence evidence{
        .result = subject.empty() ? EvidenceResult::absent : EvidenceResult::valid,
        .subject = subject,
        .groups = {}};
    Decision made(policy, state(), next_exchange());
    Step step = made.on_head(facts);
    if (stamp_first && step == Step::need_evidence) step = made.on_stamp(facts, now);
    if (step == Step::need_evidence) step = made.on_evidence(facts, std::span(&evidence, 1));
    if (step == Step::need_stamp) step = made.on_stamp(facts, now);
    EXPECT_EQ(step, Step::decided);
    return made.verdict();
  }
  std::string rule(const Verdict& verdict) const {
    return std::string(names.text(verdict.rule.name));
  }
};

void expect_blocked(const Gateway& gateway, const Verdict& verdict, std::string_view by) {
  EXPECT_EQ(verdict.action, Action::refuse);
  EXPECT_EQ(verdict.cause, Cause::caller_capped);
  EXPECT_EQ(verdict.status, 403);
  EXPECT_EQ(verdict.rule.kind, Rule::Kind::restraint);
  EXPECT_EQ(gateway.rule(verdict), by);
}

TEST(OverlayDecided, ABlockedNetIsRefusedWhoeverAsksAndNobodyElse) {
  Gateway gateway;
  gateway.block_net("192.0.2.0/24");
  expect_blocked(gateway, gateway.decide("192.0.2.1"), "o1");
  expect_blocked(gateway, gateway.decide("192.0.2.255", "acme"), "o1");
  EXPECT_EQ(gateway.decide("192.0.3.0").action, Action::forward);
  EXPECT_EQ(gateway.decide("2001:db8::1").action, Action::forward);
  EXPECT_EQ(gateway.decide("192.0.3.0", "acme").tightest->remaining,
            99u);  // nothing of what was refused was charged to it
}

TEST(OverlayDecided, ABlockedCallerIsRefusedByItsNameFromEverywhere) {
  for (const bool stamp_first : {false, true}) {
    Gateway gateway;
    gateway.block_caller("acme-*");
    expect_blocked(gateway, gateway.decide("192.0.2.1", "acme-1", stamp_first), "o2");
    expect_blocked(gateway, gateway.decide("198.51.100.7", "acme-2", stamp_first), "o2");
    EXPECT_EQ(gateway.decide("192.0.2.1", "other", stamp_first).action, Action::forward);
    EXPECT_EQ(gateway.decide("192.0.2.1", {}, stamp_first).action,
              Action::forward);  // who proves nothing has no name
  }
}

TEST(OverlayDecided, ACappedCallerPassesAtItsRateAndIsRefusedAboveIt) {
  Gateway gateway;
  gateway.cap_caller("o3", "acme*", 2);
  EXPECT_EQ(gateway.decide("192.0.2.1", "acme").action, Action::forward);
  EXPECT_EQ(gateway.decide("192.0.2.1", "acme").action, Action::forward);
  const Verdict third = gateway.decide("192.0.2.1", "acme");
  EXPECT_EQ(third.cause, Cause::caller_capped);
  EXPECT_EQ(third.status, 429);
  EXPECT_EQ(gateway.rule(third), "o3");
  EXPECT_GE(third.retry_after,
            std::chrono::seconds(1));  // a token a second, and up to half as long again
  EXPECT_LE(third.retry_after, std::chrono::milliseconds(1500));
  EXPECT_EQ(gateway.decide("192.0.2.1", "acme2").action,
            Action::forward);  // of a pattern each has its own
  gateway.now += std::chrono::seconds(1);
  EXPECT_EQ(gateway.decide("192.0.2.1", "acme").action, Action::forward);
  EXPECT_EQ(gateway.decide("192.0.2.1", "acme").cause, Cause::caller_capped);
}

TEST(OverlayDecided, ACappedNetSharesOneBucket) {
  Gateway gateway;
  gateway.cap_net("o3", "192.0.2.0/24", 2);
  EXPECT_EQ(gateway.decide("192.0.2.1").action, Action::forward);
  EXPECT_EQ(gateway.decide("192.0.2.2", "acme").action, Action::forward);
  const Verdict third = gateway.decide("192.0.2.3");
  EXPECT_EQ(third.cause, Cause::caller_capped);
  EXPECT_EQ(third.status, 429);
  EXPECT_EQ(gateway.decide("198.51.100.1").action, Action::forward);
}

TEST(OverlayDecided, TheCapAndTheRoutesOwnLimitsAreAllOrNothing) {
  Gateway gateway;
  gateway.policy.limits[0].burst = 3;
  gateway.cap_caller("o3", "acme", 2);
  for (int i = 0; i < 2; ++i)
    EXPECT_EQ(gateway.decide("192.0.2.1", "acme").action, Action::forward);
  for (int i = 0; i < 5; ++i)
    EXPECT_EQ(gateway.decide("192.0.2.1", "acme").cause,
              Cause::caller_capped);  // charges the limit nothing
  gateway.now +=
      std::chrono::seconds(1);  // one token each: the limit has two of three left, and one more
  EXPECT_EQ(gateway.decide("192.0.2.1", "acme").action, Action::forward);
}

TEST(OverlayDecided, OfSeveralThatMeanOneCallerABlockGoesFirstAndThenTheNewestCap) {
  Gateway gateway;
  gateway.cap_caller("o4", "acme", 1);
  gateway.cap_caller("o3", "ac*", 50);
  gateway.decide("192.0.2.1", "acme");
  EXPECT_EQ(gateway.rule(gateway.decide("192.0.2.1", "acme")), "o4");
  Gateway other;
  other.cap_caller("o3", "acme", 50);
  other.block_caller("ac*");
  expect_blocked(other, other.decide("192.0.2.1", "acme"), "o2");
}

TEST(OverlayDecided, APausedRouteRefusesBeforeAnyLimit) {
  Gateway gateway;
  gateway.overlay.paused = {gateway.names.intern("o5")};
  const Verdict verdict = gateway.decide("192.0.2.1", "acme");
  EXPECT_EQ(verdict.action, Action::refuse);
  EXPECT_EQ(verdict.cause, Cause::paused);
  EXPECT_EQ(verdict.status, 503);
  EXPECT_EQ(gateway.rule(verdict), "o5");
  EXPECT_GE(verdict.retry_after, std::chrono::seconds(1));
  EXPECT_EQ(verdict.limits_asked, 0u);
}

TEST(OverlayDecided, ACapIsNoBitOfTheRoutesLimits) {
  Gateway gateway;
  gateway.cap_caller("o3", "acme", 2);
  EXPECT_EQ(gateway.decide("192.0.2.1", "acme").limits_asked, 1u);  // the route's one limit
}

}  // namespace
}  // namespace weir::decide
