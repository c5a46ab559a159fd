#include "decide/retry.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <initializer_list>
#include <utility>
#include <vector>

#include "decide/policy_for_tests.h"

namespace weir::decide {
namespace {

using Kind = AttemptEnd::Kind;
using std::chrono::milliseconds;

RetryRules on(std::initializer_list<RetryOn> kinds) {
  RetryRules rules;
  rules.on = 0;
  for (const RetryOn kind : kinds) rules.on = static_cast<std::uint8_t>(rules.on | 1u << static_cast<unsigned>(kind));
  return rules;
}

// All combinations of an end, under no rule and under each of them: what may follow is exactly what the text says.
TEST(Retry, FollowsItsRulesAndNothingElse) {
  constexpr std::array<std::uint16_t, 6> kStatus = {200, 404, 500, 502, 503, 504};
  for (unsigned rule = 0; rule < 7; ++rule) {
    const RetryRules rules = rule == 6 ? on({}) : on({static_cast<RetryOn>(rule)});
    for (const Kind kind : {Kind::answered, Kind::connect_failed, Kind::closed_unanswered, Kind::closed_within,
                            Kind::timed_out, Kind::protocol_error}) {
      for (const std::uint16_t status : kStatus) {
        for (unsigned bits = 0; bits < 8; ++bits) {
          const bool reused = bits & 1, repeatable = bits & 2, spent = bits & 4;
          const AttemptEnd end{.kind = kind, .reused = reused, .repeatable = repeatable, .body_spent = spent,
                               .status = kind == Kind::answered ? status : std::uint16_t{0}};
          Retry wanted = Retry::no;
          if (kind == Kind::connect_failed && rule == 0) wanted = Retry::again;
          if (kind == Kind::closed_unanswered && rule == 1 && repeatable) wanted = Retry::again;
          if (kind == Kind::timed_out && rule == 2 && repeatable) wanted = Retry::again;
          if (kind == Kind::answered && repeatable && ((status == 502 && rule == 3) || (status == 503 && rule == 4) || (status == 504 && rule == 5)))
            wanted = Retry::again;
          if (kind == Kind::closed_unanswered && reused && repeatable) wanted = Retry::fresh_connection;
          if (spent) wanted = Retry::no;
          EXPECT_EQ(may_retry(rules, end), wanted) << rule << " " << static_cast<int>(kind) << " " << status << " " << bits;
        }
      }
    }
  }
}

TEST(Retry, WaitsWithFullJitterThatGrowsToItsBound) {
  const AttemptEnd closed{.kind = Kind::closed_unanswered};
  for (std::uint32_t made = 0; made < 6; ++made) {
    const Nanos bound = std::min<Nanos>(milliseconds(250), milliseconds(25) * (1 << made));
    Nanos least = bound, most{0}, sum{0};
    constexpr int kDraws = 2000;
    for (int i = 0; i < kDraws; ++i) {
      const Nanos wait = retry_wait(closed, made, {1, 2}, {.worker = WorkerId{0}, .sequence = static_cast<std::uint64_t>(i)}).value();
      least = std::min(least, wait);
      most = std::max(most, wait);
      sum += wait;
    }
    EXPECT_LT(most, bound);
    EXPECT_GT(most, bound * 9 / 10);
    EXPECT_LT(least, bound / 10);
    EXPECT_NEAR(static_cast<double>((sum / kDraws).count()), static_cast<double>((bound / 2).count()), static_cast<double>((bound / 20).count()));
  }
}

TEST(Retry, AConnectFailureIsTriedElsewhereAtOnce) {
  const AttemptEnd failed{.kind = Kind::connect_failed};
  EXPECT_EQ(retry_wait(failed, 0, {1, 2}, {}), Nanos(0));
}

TEST(Retry, HeedsRetryAfterUpToASecond) {
  AttemptEnd end{.kind = Kind::answered, .status = 503};
  end.retry_after = std::chrono::seconds(1);
  EXPECT_GE(retry_wait(end, 0, {1, 2}, {}).value(), std::chrono::seconds(1));
  end.retry_after = std::chrono::seconds(2);
  EXPECT_FALSE(retry_wait(end, 0, {1, 2}, {}).has_value());
}

// The budget by its definition, at every load: the larger of 3 and 20 % of what is under way.
TEST(Retry, TheBudgetIsTheLargerOfItsTwoParts) {
  Policy policy;
  policy.upstreams.push_back({.endpoint_count = 2});
  policy.endpoints = {{.identity = 11}, {.identity = 12}};
  for (const std::uint64_t active : {0u, 1u, 10u, 15u, 19u, 20u, 100u}) {
    limits::InFlight in_flight(64);
    std::vector<limits::InFlight::Hold> exchanges, retries;
    for (std::uint64_t i = 0; i < active; ++i) exchanges.push_back(in_flight.enter(i % 2 == 0 ? 11 : 12));
    const std::uint64_t allowed = std::max<std::uint64_t>(3, active / 5);
    for (std::uint64_t i = 0; i < allowed; ++i) {
      auto hold = admit_retry({}, policy, UpstreamId{0}, in_flight);
      ASSERT_TRUE(hold.has_value()) << active << " " << i;
      retries.push_back(std::move(*hold));
    }
    EXPECT_FALSE(admit_retry({}, policy, UpstreamId{0}, in_flight).has_value()) << active;
    retries.pop_back();
    EXPECT_TRUE(admit_retry({}, policy, UpstreamId{0}, in_flight).has_value()) << "what was refused was given back";
  }
}

// What nobody counts would have no bound.
TEST(Retry, WhatCannotBeCountedIsNotAdmitted) {
  Policy policy;
  policy.upstreams.push_back({.endpoint_count = 1});
  policy.endpoints = {{.identity = 11}};
  limits::InFlight in_flight(16);
  std::vector<limits::InFlight::Hold> others;
  for (std::uint64_t identity = 100; identity < 116; ++identity) others.push_back(in_flight.enter(identity));
  ASSERT_EQ(in_flight.overflowed(), 0u);
  EXPECT_FALSE(admit_retry({}, policy, UpstreamId{0}, in_flight).has_value());
  others.pop_back();
  EXPECT_TRUE(admit_retry({}, policy, UpstreamId{0}, in_flight).has_value());
}

// Exchanges and retries come and go at two upstreams: at each, one more is admitted where by then it is at most the third or at most
// 20 % of what is under way there, and never else.
RC_GTEST_PROP(RetryProperty, TheBudgetHoldsWhateverComesAndGoes, ()) {
  PolicyBuilder built;
  built.upstream("one", {1, 1, 1});
  built.upstream("two", {1});
  limits::InFlight in_flight(256);
  struct Model {
    std::vector<limits::InFlight::Hold> exchanges, retries;
  } models[2];
  for (const auto what : *rc::gen::container<std::vector<std::uint32_t>>(rc::gen::inRange<std::uint32_t>(0, 1000))) {
    const std::uint32_t at = what % 2;
    Model& model = models[at];
    const std::uint32_t kind = what / 2 % 8;
    if (kind < 4) {
      const std::size_t endpoint = at == 1 ? 3 : what / 16 % 3;
      model.exchanges.push_back(in_flight.enter(built.policy.endpoints[endpoint].identity));
    } else if (kind == 4 && !model.exchanges.empty()) {
      model.exchanges.erase(model.exchanges.begin() + what % static_cast<std::uint32_t>(model.exchanges.size()));
    } else if (kind == 5 && !model.retries.empty()) {
      model.retries.pop_back();
    } else if (kind > 5) {
      const std::size_t then = model.retries.size() + 1;
      const bool fits = then <= 3 || 5 * then <= model.exchanges.size();
      auto hold = admit_retry({}, built.policy, UpstreamId{at}, in_flight);
      RC_ASSERT(hold.has_value() == fits);
      if (hold) model.retries.push_back(std::move(*hold));
    }
  }
}

RC_GTEST_PROP(RetryProperty, NoWaitIsLongerThanItsBoundAndNoneShorterThanWasAskedFor, (std::uint64_t k0, std::uint64_t k1, std::uint32_t made)) {
  AttemptEnd end{.kind = *rc::gen::element(Kind::answered, Kind::closed_unanswered, Kind::timed_out, Kind::connect_failed)};
  const bool told = *rc::gen::arbitrary<bool>();
  if (told) end.retry_after = milliseconds(*rc::gen::inRange(0, 3000));
  const auto wait = retry_wait(end, made, {k0, k1}, {.worker = WorkerId{1}, .sequence = k0 ^ k1});
  if (told && *end.retry_after > milliseconds(1000)) {
    RC_ASSERT(!wait.has_value());
    return;
  }
  RC_ASSERT(wait.has_value());
  const Nanos jitter = made >= 4 ? milliseconds(250) : milliseconds(25 << made);   // 25, 50, 100, 200, then 250 ms
  RC_ASSERT(*wait <= std::max<Nanos>(jitter, end.retry_after.value_or(Nanos(0))));
  if (told && (made > 0 || end.kind != Kind::connect_failed)) RC_ASSERT(*wait >= *end.retry_after);
}

TEST(Retry, KnowsTheIdempotentMethods) {   // RFC 9110 9.2.2
  for (const char* method : {"GET", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE"}) EXPECT_TRUE(idempotent(method));
  for (const char* method : {"POST", "PATCH", "CONNECT", "get", "PROPFIND", ""}) EXPECT_FALSE(idempotent(method));
}

}  // namespace
}  // namespace weir::decide
