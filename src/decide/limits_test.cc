#include "decide/limits.h"

#include <gtest/gtest.h>

#include <array>
#include <set>
#include <string>
#include <vector>

#include "decide/policy_for_tests.h"

namespace weir::decide {
namespace {

constexpr HashKey kSeed{5, 6};

// One route with limits, asked again and again.
struct Gate : PolicyBuilder {
  limits::Table table{1 << 12};
  Facts facts = request("GET", "h", "/");
  Caller caller = address_caller(facts.client, kSeed);
  Stamp now = stamp_from_nanos(1'000'000'000);
  Verdict verdict;
  bool spend = true;

  Gate() {
    upstream("u", {1});
    route("r", prefix("/"));
  }
  Limit& add(std::string_view name, std::vector<KeyKind> key, std::uint64_t per_second, std::uint64_t burst) {
    Limit& made = limit(name, std::move(key), per_second, burst);
    policy.routes[0].limits.push_back(LimitId{static_cast<std::uint16_t>(policy.limits.size() - 1)});
    return made;
  }
  LimitQuestion question() {
    return {.policy = policy, .route = policy.routes[0], .facts = facts, .caller = caller, .table = table,
            .seed = kSeed};
  }
  bool ask(LimitGroup group = LimitGroup::after_auth) {
    prepared();
    verdict = Verdict{};
    AskedLimits asked;
    gather_limits(question(), group, asked);
    return ask_limits(question(), asked.all(), now, spend, verdict);
  }
  int passed_of(int requests) {
    int passed = 0;
    for (int i = 0; i < requests; ++i) passed += ask();
    return passed;
  }
  void come_from(std::string_view address) {
    facts.client = Address::parse(address).value();
    caller = address_caller(facts.client, kSeed);
  }
  void be(std::string_view subject, IdentityId rule = IdentityId{0}) {
    caller = {.ref = {.kind = CallerRef::Kind::credential, .rule = rule, .digest = keyed_hash(kSeed, subject)},
              .subject = subject, .groups = {}};
  }
};

TEST(Limits, ARefusalNamesTheLimitItsLineAndWhenToComeAgain) {
  Gate gate;
  gate.add("per-ip", {KeyKind::client_ip}, 10, 2);
  EXPECT_EQ(gate.passed_of(2), 2);
  ASSERT_TRUE(gate.verdict.tightest.has_value());
  EXPECT_EQ(gate.verdict.tightest->remaining, 0u);
  EXPECT_EQ(gate.verdict.tightest->full_after, std::chrono::milliseconds(200));
  EXPECT_FALSE(gate.ask());
  EXPECT_EQ(gate.verdict.rule.kind, Rule::Kind::limit);
  EXPECT_EQ(gate.names.text(gate.verdict.rule.name), "per-ip");
  EXPECT_EQ(gate.verdict.rule.source.line, 201u);
  EXPECT_EQ(gate.verdict.retry_after, std::chrono::milliseconds(100));
  EXPECT_EQ(gate.verdict.tightest->retry_after, std::chrono::milliseconds(100));
  gate.now += gate.verdict.retry_after;
  EXPECT_TRUE(gate.ask());
}

// Every order of three limits of which any may be empty already: none is charged unless all pass.
TEST(Limits, AGroupIsAllOrNothingWhicheverRefuses) {
  for (unsigned empty = 0; empty < 8; ++empty) {
    Gate gate;
    for (int i = 0; i < 3; ++i) gate.add("limit" + std::to_string(i), {KeyKind::client_ip}, 1, 5 + i);
    gate.prepared();
    const auto key = [&](std::size_t i) { return key_of(gate.question().key(), gate.policy.limits[i].key, gate.policy.limits[i].cells).key; };
    const auto left = [&](std::size_t i) {
      const Limit& limit = gate.policy.limits[i];
      return limits::remaining(gate.table.look(key(i), limit.pace, gate.now), limit.pace);
    };
    for (std::size_t i = 0; i < 3; ++i) {
      for (std::size_t n = 0; (empty >> i & 1) != 0 && n < 5 + i; ++n) {
        gate.table.charge(key(i), gate.policy.limits[i].pace, gate.now);
      }
    }
    const std::array before{left(0), left(1), left(2)};
    EXPECT_EQ(gate.ask(), empty == 0);
    for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(left(i), before[i] - (empty == 0 ? 1 : 0)) << empty << " " << i;
    if (empty != 0) {
      const std::size_t first = empty & 1 ? 0 : empty & 2 ? 1 : 2;
      EXPECT_EQ(gate.verdict.rule.name, gate.policy.limits[first].name);
    }
  }
}

TEST(Limits, RetryAfterIsTheLongestWaitOfAllThatRefuse) {
  Gate gate;
  gate.add("fast", {KeyKind::client_ip}, 10, 1);
  gate.add("slow", {KeyKind::client_ip}, 1, 1);
  EXPECT_TRUE(gate.ask());
  EXPECT_FALSE(gate.ask());
  EXPECT_EQ(gate.names.text(gate.verdict.rule.name), "fast");
  EXPECT_EQ(gate.verdict.retry_after, std::chrono::seconds(1));
}

TEST(Limits, AnObservingLimitSpendsItsOwnTokensAndChangesNothing) {
  Gate gate;
  gate.add("enforced", {KeyKind::client_ip}, 1, 4);
  gate.add("observed", {KeyKind::client_ip}, 1, 2).mode = LimitMode::observe;
  for (int i = 0; i < 4; ++i) {
    EXPECT_TRUE(gate.ask());
    EXPECT_EQ(gate.verdict.would_refuse_count, i < 2 ? 0 : 1) << i;
    EXPECT_EQ(gate.verdict.tightest->limit, LimitId{0});   // never the observing one
  }
  EXPECT_EQ(gate.verdict.would_refuse[0], LimitId{1});
  EXPECT_FALSE(gate.ask());
  // One second later one of each came back: what the other refused cost the observing one nothing.
  gate.now += std::chrono::seconds(1);
  EXPECT_TRUE(gate.ask());
  EXPECT_EQ(gate.verdict.would_refuse_count, 0);
}

TEST(Limits, GroupsAreAskedApart) {
  Gate gate;
  gate.add("early", {KeyKind::client_ip}, 1, 1).before_auth = true;
  gate.add("late", {KeyKind::client_ip}, 1, 5);
  EXPECT_TRUE(gate.ask(LimitGroup::before_auth));
  EXPECT_TRUE(gate.ask(LimitGroup::after_auth));
  EXPECT_FALSE(gate.ask(LimitGroup::before_auth));
  EXPECT_TRUE(gate.ask(LimitGroup::after_auth));
}

TEST(Limits, WithoutSpendingNothingChangesButTheViewIsOfAfterTheRequest) {
  Gate gate;
  gate.spend = false;
  gate.add("l", {KeyKind::client_ip}, 1, 3);
  for (int i = 0; i < 5; ++i) {
    EXPECT_TRUE(gate.ask());
    EXPECT_EQ(gate.verdict.tightest->remaining, 2u);
  }
}

TEST(Limits, KeysTellApartWhatTheySayTheyTellApart) {
  struct Case {
    std::vector<KeyKind> key;
    bool other_ip, other_in_24, other_route;   // whether a request that differs in this has a bucket of its own
  };
  for (const Case& c : {Case{{KeyKind::all}, false, false, false}, Case{{KeyKind::client_ip}, true, true, false},
                        Case{{KeyKind::client_net}, true, false, false}, Case{{KeyKind::route}, false, false, true},
                        Case{{KeyKind::caller}, true, true, false},
                        Case{{KeyKind::caller, KeyKind::route}, true, true, true}}) {
    Gate gate;
    gate.add("l", c.key, 1, 1);
    gate.come_from("192.0.2.1");
    EXPECT_TRUE(gate.ask());
    EXPECT_FALSE(gate.ask());
    gate.come_from("192.0.2.2");
    EXPECT_EQ(gate.ask(), c.other_in_24);
    gate.come_from("192.0.3.1");
    EXPECT_EQ(gate.ask(), c.other_ip);
    gate.come_from("192.0.2.1");
    gate.policy.routes[0].name = gate.names.intern("another");
    EXPECT_EQ(gate.ask(), c.other_route);
  }
}

TEST(Limits, Ipv6CountsByItsSlash64AndNetsByTheirSlash48) {
  Gate gate;
  gate.add("ip", {KeyKind::client_ip}, 1, 1);
  gate.come_from("2001:db8:1:1::1");
  EXPECT_TRUE(gate.ask());
  gate.come_from("2001:db8:1:1:2::2");
  EXPECT_FALSE(gate.ask());
  gate.come_from("2001:db8:1:2::1");
  EXPECT_TRUE(gate.ask());
  Gate net;
  net.add("net", {KeyKind::client_net}, 1, 1);
  net.come_from("2001:db8:1:1::1");
  EXPECT_TRUE(net.ask());
  net.come_from("2001:db8:1:2::1");
  EXPECT_FALSE(net.ask());
  net.come_from("2001:db8:2:1::1");
  EXPECT_TRUE(net.ask());
}

TEST(Limits, AHeaderLimitHasOneBucketAValueAndNoneWithoutTheHeader) {
  Gate gate;
  gate.policy.watched_headers = {"x-tenant"};
  gate.add("tenant", {KeyKind::header}, 1, 1);
  std::array<WatchedValue, 1> headers{text_value("a")};
  gate.facts.headers = headers;
  EXPECT_EQ(gate.passed_of(3), 1);
  headers[0] = text_value("b");
  EXPECT_EQ(gate.passed_of(3), 1);
  headers[0] = {.state = WatchedValue::State::digest, .digest = keyed_hash(kSeed, "b")};
  EXPECT_EQ(gate.passed_of(3), 0);   // a recording's digest is the same bucket
  headers[0] = {};
  EXPECT_EQ(gate.passed_of(3), 3);   // no value, no bucket
}

TEST(Limits, AppliesOnlyToWhomItIsFor) {
  Gate gate;
  Limit& limit = gate.add("partners", {KeyKind::caller}, 1, 1);
  limit.who.identities = {IdentityId{0}};
  EXPECT_EQ(gate.passed_of(3), 3);
  gate.be("acme");
  EXPECT_EQ(gate.passed_of(3), 1);
  gate.be("acme", IdentityId{1});
  EXPECT_EQ(gate.passed_of(3), 3);
}

TEST(Limits, TheFirstOverrideThatFitsHoldsWithBucketsOfItsOwn) {
  Gate gate;
  Limit& limit = gate.add("per-caller", {KeyKind::caller}, 1, 2);
  const auto over = [](std::string pattern, std::uint64_t burst, std::uint32_t line) {
    LimitOverride made;
    made.who.callers = {{std::move(pattern)}};
    made.burst = burst;
    made.cells = {.k0 = burst, .k1 = line};
    made.source = {.line = line};
    return made;
  };
  limit.overrides = {over("acme-*", 5, 31), over("*", 9, 32)};
  gate.be("acme-mobile");
  EXPECT_EQ(gate.passed_of(20), 5);
  EXPECT_EQ(gate.verdict.rule.source.line, 31u);
  EXPECT_EQ(gate.verdict.tightest->burst, 5u);
  gate.be("other");
  EXPECT_EQ(gate.passed_of(20), 9);
  gate.come_from("192.0.2.7");
  EXPECT_EQ(gate.passed_of(20), 2);
}

TEST(Limits, KeysThatAreKnownOfAClientAreThoseThatWouldBeHashed) {
  Gate gate;
  gate.add("everybody", {KeyKind::all}, 1, 9);
  gate.add("per-client", {KeyKind::client_ip}, 1, 4);
  gate.add("other-rate", {KeyKind::client_ip}, 2, 4);
  Limit& special = gate.add("special", {KeyKind::client_ip}, 3, 4);
  special.overrides.resize(1);   // without a name: it holds for all
  special.overrides[0].burst = 7;
  special.overrides[0].cells = {.k0 = 1, .k1 = 2};
  std::set<std::uint64_t> keys;
  for (const char* address : {"192.0.2.7", "192.0.2.8", "2001:db8:1:2::3", "2001:db8:1:2::4", "2001:db8:1:3::4"}) {
    gate.come_from(address);
    gate.prepared();
    for (const std::size_t first : {1u, 3u}) {   // the first by client_ip has an override or has none
      auto& limits = gate.policy.routes[0].limits;
      limits.clear();
      for (const std::uint16_t i : first == 1 ? std::vector<std::uint16_t>{0, 1, 2, 3} : std::vector<std::uint16_t>{3}) limits.push_back(LimitId{i});
      const ClientKeys known = ClientHasher(gate.policy, kSeed)(gate.facts.client);
      EXPECT_EQ(known.caller, gate.caller.ref.digest);
      AskedLimits hashed, taken;
      LimitQuestion question = gate.question();
      gather_limits(question, LimitGroup::after_auth, hashed);
      question.client = &known;
      gather_limits(question, LimitGroup::after_auth, taken);
      ASSERT_EQ(taken.size(), hashed.size());
      for (std::size_t i = 0; i < taken.size(); ++i) {
        EXPECT_EQ(taken.all()[i].key.hash, hashed.all()[i].key.hash) << address << " " << i;
        EXPECT_EQ(taken.all()[i].key.reserved, hashed.all()[i].key.reserved);
      }
      if (first == 1) keys.insert(taken.all()[1].key.hash);
    }
  }
  EXPECT_EQ(keys.size(), 4u);   // two addresses are of one /64
}

TEST(Limits, ExpectOnlyMarksTheRefusal) {
  Gate gate;
  Limit& limit = gate.add("l", {KeyKind::caller}, 1, 1);
  limit.expect.emplace();
  limit.expect->who.callers = {{"scraper-*"}};
  gate.be("scraper-17");
  EXPECT_EQ(gate.passed_of(2), 1);
  EXPECT_TRUE(gate.verdict.expected);
  gate.be("human");
  EXPECT_EQ(gate.passed_of(2), 1);
  EXPECT_FALSE(gate.verdict.expected);
}

TEST(Limits, OnlyTheCallersOwnBucketIsShown) {
  Gate gate;
  gate.add("all", {KeyKind::all}, 1, 1);
  EXPECT_TRUE(gate.ask());
  EXPECT_FALSE(gate.verdict.tightest.has_value());
  EXPECT_FALSE(gate.ask());
  EXPECT_FALSE(gate.verdict.tightest.has_value());
  Gate two;
  two.add("wide", {KeyKind::caller}, 10, 10);
  two.add("narrow", {KeyKind::client_ip}, 1, 3);
  EXPECT_TRUE(two.ask());
  EXPECT_EQ(two.verdict.tightest->limit, LimitId{1});
  EXPECT_EQ(two.verdict.tightest->remaining, 2u);
}

TEST(Limits, LimitsWithOtherCellsNeverShareABucket) {
  Gate gate;
  gate.add("a", {KeyKind::client_ip}, 1, 1);
  gate.add("b", {KeyKind::client_ip}, 1, 1);
  EXPECT_TRUE(gate.ask());
}

}  // namespace
}  // namespace weir::decide
