#include "control/judge_feed.h"

#include <gtest/gtest.h>

namespace weir::control {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t kCallers = 10;

// Ten callers of one address each, a request a second each, all answered by an upstream that takes 200 ms.
struct Fed {
  JudgeFeed feed{HashKey{.k0 = 1, .k1 = 2}};
  Stamp now{1000s};
  std::uint64_t sequence = 0;

  ExchangeRecord record(std::uint64_t caller) {
    ExchangeRecord out;
    out.exchange = {.worker = WorkerId{0}, .sequence = ++sequence};
    out.arrived = now;
    out.response_time = out.total_time = 200ms;
    out.revision = 1;
    out.route = NameId{1};
    out.upstream = NameId{2};
    out.status = 200;
    out.attempts = 1;
    out.client = *Address::parse("192.0.2." + std::to_string(caller));
    out.who.caller = caller;
    return out;
  }
  template <class Change>
  void seconds(int count, Change change) {
    for (int i = 0; i < count; ++i, now += 1s) {
      for (std::uint64_t caller = 1; caller <= kCallers; ++caller) {
        ExchangeRecord one = record(caller);
        change(one);
        feed.add(one, "", now + 1s);
      }
    }
  }
  void begin() {
    seconds(30, [](ExchangeRecord&) {});   // 20 good ones make a caller established
    feed.begin(2, {}, now);
    feed.enter({.kind = rollout::Stage::Kind::shadow}, now);
  }
};

TEST(JudgeFeed, WhatTheOtherPolicyWouldRefuseOfKnownCallersIsHarmInShadow) {
  Fed fed;
  fed.begin();
  fed.seconds(25, [](ExchangeRecord& one) {
    one.second.revision = 2;
    one.second.action = Action::refuse;
    one.second.cause = Cause::limit_rejected;
  });
  const rollout::Judgement judgement = fed.feed.judge().verdict(fed.now);
  ASSERT_TRUE(judgement.failure);
  EXPECT_EQ(judgement.failure->kind, rollout::Failure::Kind::refused);
  EXPECT_EQ(judgement.refused.callers, kCallers);
  EXPECT_EQ(judgement.refused.net, judgement.refused.requests);   // each of them, and none under the control
  EXPECT_EQ(fed.feed.seen(fed.now).differ, 25 * kCallers);
}

TEST(JudgeFeed, ARefusalThatIsWantedIsNone) {
  Fed fed;
  fed.begin();
  fed.seconds(25, [](ExchangeRecord& one) {
    one.second.revision = 2;
    one.second.action = Action::refuse;
    one.second.cause = Cause::limit_rejected;
    one.second.expected = true;
  });
  EXPECT_FALSE(fed.feed.judge().verdict(fed.now).failure);
  EXPECT_EQ(fed.feed.seen(fed.now).differ, 0u);
}

TEST(JudgeFeed, CountsWhatPlanPredictsOverAllStages) {
  Fed fed;
  fed.begin();
  const auto refused_by_the_other = [](ExchangeRecord& one) {
    one.second.revision = 2;
    one.second.action = Action::refuse;
    one.second.cause = Cause::limit_rejected;
  };
  fed.seconds(3, refused_by_the_other);
  fed.feed.enter({.kind = rollout::Stage::Kind::watch, .share = 1}, fed.now);
  fed.seconds(2, [](ExchangeRecord& one) {   // the candidate is enforced, and what was live would refuse
    one.revision = 2;
    one.second.revision = 1;
    one.second.action = Action::refuse;
    one.second.cause = Cause::limit_rejected;
  });
  const rollout::Observation& seen = fed.feed.observed();
  EXPECT_EQ(seen.requests, 5 * kCallers);
  EXPECT_EQ(seen.refused, 3 * kCallers);
  EXPECT_EQ(seen.allowed, 2 * kCallers);
  EXPECT_EQ(seen.cut, 0u);
  EXPECT_EQ(seen.callers, kCallers);
}

TEST(JudgeFeed, ATimeoutIsForeseenByHowLongItTook) {
  for (const auto& [allowed, cuts] : {std::pair<Nanos, bool>{100ms, true}, {300ms, false}, {0ms, false}}) {
    Fed fed;
    fed.begin();
    fed.seconds(25, [&](ExchangeRecord& one) {
      one.second.revision = 2;
      one.second.response = allowed;
    });
    const rollout::Judgement judgement = fed.feed.judge().verdict(fed.now);
    EXPECT_EQ(judgement.failure.has_value(), cuts) << allowed.count();
    if (cuts) EXPECT_EQ(judgement.failure->kind, rollout::Failure::Kind::cut);
  }
}

TEST(JudgeFeed, WhoIsRefusedByTheCandidateStaysKnown) {
  Fed fed;
  fed.begin();
  fed.feed.enter({.kind = rollout::Stage::Kind::watch, .share = 1}, fed.now);
  fed.seconds(100, [](ExchangeRecord& one) {
    one.revision = 2;
    one.status = 429;
    one.cause = Cause::limit_rejected;
    one.attempts = 0;
    one.second.revision = 1;
  });
  const rollout::Judgement judgement = fed.feed.judge().verdict(fed.now);
  ASSERT_TRUE(judgement.failure);
  EXPECT_GE(judgement.refused.net, 90 * kCallers);   // of 100 seconds, nine rounds at least are closed
  EXPECT_EQ(fed.feed.seen(fed.now).since_live, 100 * kCallers);
}

TEST(JudgeFeed, FewCallersAtManyAddressesAreDrawnByAddress) {
  Fed fed;
  fed.seconds(30, [](ExchangeRecord& one) { one.client = *Address::parse("198.51.100." + std::to_string(one.exchange.sequence % 60)); });
  fed.feed.begin(2, {}, fed.now);
  EXPECT_EQ(fed.feed.unit(), Unit::client);
  Fed few;   // of one address each
  few.seconds(30, [](ExchangeRecord&) {});
  few.feed.begin(2, {}, few.now);
  EXPECT_EQ(few.feed.unit(), Unit::request);
}

}  // namespace
}  // namespace weir::control
