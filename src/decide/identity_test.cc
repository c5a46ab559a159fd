#include "decide/identity.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <array>
#include <regex>

#include "decide/policy_for_tests.h"

namespace weir::decide {
namespace {

constexpr HashKey kSeed{3, 4};

Evidence valid(std::string_view subject) { return {.result = EvidenceResult::valid, .subject = subject, .groups = {}}; }
Evidence failed(EvidenceResult result) { return {.result = result, .subject = "who", .groups = {}}; }

struct Rules : PolicyBuilder {
  IdentityId partner = identity("partner"), internal = identity("internal", IdentityKind::service);
  Facts facts = request("GET", "h", "/");
};

TEST(Identity, TheFirstValidRuleNamesTheCaller) {
  Rules rules;
  const std::array evidence{valid("acme"), valid("billing")};
  const Caller caller = judge(rules.policy, rules.facts, evidence, kSeed);
  EXPECT_EQ(caller.ref.kind, CallerRef::Kind::credential);
  EXPECT_EQ(caller.ref.rule, rules.partner);
  EXPECT_EQ(caller.subject, "acme");

  const std::array second{failed(EvidenceResult::absent), valid("billing")};
  const Caller service = judge(rules.policy, rules.facts, second, kSeed);
  EXPECT_EQ(service.ref.kind, CallerRef::Kind::service);
  EXPECT_EQ(service.subject, "billing");
}

TEST(Identity, WhatIsNotValidNeverNamesACaller) {
  Rules rules;
  for (const auto result : {EvidenceResult::unknown, EvidenceResult::expired, EvidenceResult::malformed,
                            EvidenceResult::untrusted, EvidenceResult::absent}) {
    const std::array evidence{failed(result), failed(result)};
    const Caller caller = judge(rules.policy, rules.facts, evidence, kSeed);
    EXPECT_EQ(caller.ref.kind, CallerRef::Kind::address);
    EXPECT_EQ(caller.subject, "");
    EXPECT_EQ(caller.ref.digest, address_caller(rules.facts.client, kSeed).ref.digest);
  }
}

TEST(Identity, CallersAreToldApartByRuleAndSubject) {
  Rules rules;
  const auto digest = [&](Evidence first, Evidence second) {
    return judge(rules.policy, rules.facts, std::array{first, second}, kSeed).ref.digest;
  };
  const Evidence none = failed(EvidenceResult::absent);
  EXPECT_EQ(digest(valid("a"), none), digest(valid("a"), valid("b")));
  EXPECT_NE(digest(valid("a"), none), digest(valid("b"), none));
  EXPECT_NE(digest(valid("a"), none), digest(none, valid("a")));
}

TEST(Identity, AddressesCountWholeForIpv4AndByTheirSlash64ForIpv6) {
  const auto digest = [](std::string_view text) {
    return address_caller(Address::parse(text).value(), kSeed).ref.digest;
  };
  EXPECT_NE(digest("192.0.2.1"), digest("192.0.2.2"));
  EXPECT_EQ(digest("2001:db8:1:2::1"), digest("2001:db8:1:2:ffff::9"));
  EXPECT_NE(digest("2001:db8:1:2::1"), digest("2001:db8:1:3::1"));
}

TEST(Identity, RequireAnswers401WithoutAndOfAnotherKind403) {
  RouteAuth auth;
  const Evidence none = failed(EvidenceResult::unknown);
  EXPECT_EQ(denied_status(auth, std::array{none, none}), 0);
  auth.require = {IdentityId{1}};
  EXPECT_EQ(denied_status(auth, std::array{none, none}), 401);
  EXPECT_EQ(denied_status(auth, std::array{valid("a"), none}), 403);
  EXPECT_EQ(denied_status(auth, std::array{none, valid("b")}), 0);
  EXPECT_EQ(denied_status(auth, std::array{valid("a"), valid("b")}), 0);
  EXPECT_EQ(denied_status(auth, {}), 401);
}

TEST(Identity, ASetMeansWhoeverAnyOfItsPartsNames) {
  const std::vector<std::string> groups{"acme", "eu"};
  const Caller acme{.ref = {.kind = CallerRef::Kind::credential, .rule = IdentityId{0}}, .subject = "acme-mobile",
                    .groups = groups};
  const Caller nobody{.ref = {}, .subject = {}, .groups = {}};
  EXPECT_TRUE(means({}, acme) && means({}, nobody));
  const CallerSet pattern{.identities = {}, .callers = {{"acme-*"}}, .groups = {}};
  EXPECT_TRUE(means(pattern, acme));
  EXPECT_FALSE(means(pattern, nobody));
  EXPECT_TRUE(means({.identities = {}, .callers = {}, .groups = {"eu"}}, acme));
  EXPECT_FALSE(means({.identities = {}, .callers = {}, .groups = {"us"}}, acme));
  EXPECT_TRUE(means({.identities = {IdentityId{0}}, .callers = {}, .groups = {}}, acme));
  EXPECT_FALSE(means({.identities = {IdentityId{1}}, .callers = {}, .groups = {}}, acme));
  const CallerSet anonymous{.identities = {}, .callers = {}, .groups = {}, .anonymous = true};
  EXPECT_TRUE(means(anonymous, nobody));
  EXPECT_FALSE(means(anonymous, acme));
  // A pattern that fits everything still does not mean callers without a name.
  EXPECT_FALSE(means({.identities = {}, .callers = {{"*"}}, .groups = {}}, nobody));
}

TEST(IdentityProperty, PatternsAgreeWithRegularExpressions) {
  EXPECT_TRUE(rc::check([] {
    const auto letters = [](std::size_t most, const std::string& from) {
      std::string text;
      for (const char c : *rc::gen::container<std::string>(rc::gen::elementOf(from))) {
        if (text.size() < most) text += c;
      }
      return text;
    };
    const std::string pattern = letters(8, "ab.*"), name = letters(10, "ab.");
    std::string regex;
    for (const char c : pattern) regex += c == '*' ? ".*" : c == '.' ? "\\." : std::string(1, c);
    RC_ASSERT(fits({pattern}, name) == std::regex_match(name, std::regex(regex)));
  }));
}

}  // namespace
}  // namespace weir::decide
