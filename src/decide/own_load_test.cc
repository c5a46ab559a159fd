// Expected values are worked by hand: sixths of what is left above `from`, CoDel's interval and target.
#include "decide/own_load.h"

#include <vector>

#include "base/address.h"
#include "decide/known_callers.h"
#include "gtest/gtest.h"
#include "rapidcheck/gtest.h"

namespace weir::decide {
namespace {

using namespace std::chrono_literals;
using enum ShedLevel;

TEST(OwnLoad, AShareTakesOneLevelWithEachSixthAndGivesItBackASixthLater) {
  // 85 %: 85, 87.5, 90, 92.5, 95, 97.5.
  ShareLevel level;
  const auto at = [&](double share) {
    level.on_share(share, 0.85);
    return level.level();
  };
  EXPECT_EQ(at(0), none);
  EXPECT_EQ(at(0.849), none);
  EXPECT_EQ(at(0.85), unknown_sheddable);
  EXPECT_EQ(at(0.875), sheddable);
  EXPECT_EQ(at(0.90), unknown_normal);
  EXPECT_EQ(at(0.925), normal);
  EXPECT_EQ(at(0.95), unknown_critical);
  EXPECT_EQ(at(0.975), all);
  EXPECT_EQ(at(1.7), all) << "beyond it too";
  EXPECT_EQ(at(0.951), all) << "it began at 97.5 and ends below 95";
  EXPECT_EQ(at(0.949), unknown_critical);
  EXPECT_EQ(at(0.926), unknown_critical);
  EXPECT_EQ(at(0.851), sheddable) << "several at once: 85.1 is above 85, where sheddable ends";
  EXPECT_EQ(at(0.849), unknown_sheddable);
  EXPECT_EQ(at(0.826), unknown_sheddable) << "it ends a whole sixth below 85";
  EXPECT_EQ(at(0.824), none);
  EXPECT_EQ(at(0.849), none);
}

TEST(OwnLoad, AnAcceptQueueNeverRefusesCriticalRequests) {
  ShareLevel level;
  level.on_share(1, 0.85, normal);
  EXPECT_EQ(level.level(), normal);
  level.on_share(0.91, 0.85, normal);
  EXPECT_EQ(level.level(), normal) << "began at 92.5, ends below 90";
  level.on_share(0.5, 0.85, normal);
  EXPECT_EQ(level.level(), none);
}

TEST(OwnLoad, WhereALevelBegins) {
  EXPECT_DOUBLE_EQ(begins_at(unknown_sheddable, 0.4), 0.4);
  EXPECT_DOUBLE_EQ(begins_at(unknown_critical, 0.4), 0.8);
}

struct Queue {
  QueueLevel level;
  Stamp now = stamp_from_nanos(1'000'000'000);
  // So long a wait every 25 ms, for so many intervals of 100 ms.
  ShedLevel waits(Nanos delay, int intervals) {
    for (int i = 0; i < intervals * 4; ++i) {
      now += 25ms;
      level.on_delay(delay, now, 5ms);
    }
    return level.level();
  }
};

TEST(OwnLoad, AQueueStandsWhenTheShortestWaitOfAnIntervalIsLong) {
  Queue queue;
  queue.level.on_delay(0ms, queue.now, 5ms);   // the first interval begins
  EXPECT_EQ(queue.waits(5ms, 5), none) << "five is not above five";
  EXPECT_EQ(queue.waits(6ms, 1), unknown_sheddable);
  EXPECT_EQ(queue.waits(6ms, 1), sheddable);
  EXPECT_EQ(queue.waits(100ms, 8), sheddable) << "normal ones only beyond twenty times five";
  EXPECT_EQ(queue.waits(101ms, 1), unknown_normal);
  EXPECT_EQ(queue.waits(101ms, 1), normal);
  EXPECT_EQ(queue.waits(10s, 9), normal) << "by waits alone critical ones are never refused";
  EXPECT_EQ(queue.waits(50ms, 1), unknown_normal);
  EXPECT_EQ(queue.waits(50ms, 1), sheddable);
  EXPECT_EQ(queue.waits(50ms, 5), sheddable) << "it stands still";
  EXPECT_EQ(queue.waits(1ms, 1), unknown_sheddable);
  EXPECT_EQ(queue.waits(1ms, 1), none);
}

TEST(OwnLoad, OneShortWaitInAnIntervalIsNoStandingQueue) {
  Queue queue;
  queue.level.on_delay(0ms, queue.now, 5ms);
  for (int i = 0; i < 50; ++i) {   // a burst is worked off in each interval
    for (const Nanos delay : {80ms, 40ms, 20ms, 4ms}) {
      queue.now += 25ms;
      queue.level.on_delay(delay, queue.now, 5ms);
    }
    EXPECT_EQ(queue.level.level(), none);
  }
}

TEST(OwnLoad, EveryLevelRefusesOneKindMore) {
  struct Kind {
    Priority priority;
    bool known;
  };
  constexpr Kind kInOrder[] = {{Priority::sheddable, false}, {Priority::sheddable, true}, {Priority::normal, false},
                               {Priority::normal, true},     {Priority::critical, false}, {Priority::critical, true}};
  for (int level = 0; level <= kShedLevels; ++level) {
    int refused = 0;
    for (const Kind& kind : kInOrder) refused += static_cast<ShedLevel>(level) >= refused_from(kind.priority, kind.known);
    EXPECT_EQ(refused, level);
    for (int i = 0; i < level; ++i) EXPECT_GE(static_cast<ShedLevel>(level), refused_from(kInOrder[i].priority, kInOrder[i].known));
  }
}

RC_GTEST_PROP(OwnLoadProperty, LevelsFollowTheShareWithinOneSixth, ()) {
  ShareLevel level;
  const double from = *rc::gen::inRange(1, 99) / 100.0;
  for (const int percent : *rc::gen::container<std::vector<int>>(rc::gen::inRange(0, 130))) {
    const double share = percent / 100.0;
    level.on_share(share, from);
    const int now = static_cast<int>(level.level());
    if (now < kShedLevels) RC_ASSERT(share < begins_at(static_cast<ShedLevel>(now + 1), from) + 1e-6);
    if (now > 0) RC_ASSERT(share >= begins_at(static_cast<ShedLevel>(now - 1), from) - 1e-6);
  }
}

RC_GTEST_PROP(OwnLoadProperty, AQueueThatIsEmptyOnceAnIntervalRefusesNobody, ()) {
  QueueLevel level;
  Stamp now = stamp_from_nanos(1);
  level.on_delay(0ms, now, 5ms);
  for (int i = 0; i < 40; ++i) {
    const int samples = *rc::gen::inRange(1, 6), empty = *rc::gen::inRange(0, samples);
    for (int j = 0; j < samples; ++j) {
      now += QueueLevel::kInterval / samples + 1us;
      level.on_delay(j == empty ? Nanos(0) : Nanos(*rc::gen::inRange(0, 1'000'000'000)), now, 5ms);
    }
    RC_ASSERT(level.level() == none);
  }
}

constexpr HashKey kSeed{21, 22};

Facts from(std::string_view client) {
  Facts facts;
  facts.client = Address::parse(client).value();
  return facts;
}

TEST(KnownCallers, ByTheNameThatTheDirectoryHas) {
  const KnownCallers known({keyed_hash(kSeed, "0hub"), keyed_hash(kSeed, "110.0.0.7"), keyed_hash(kSeed, "12001:db8:1:2::")});
  const auto by_address = [&](std::string_view client) {
    const Facts facts = from(client);
    return is_known(&known, address_caller(facts.client, kSeed), facts, kSeed);
  };
  EXPECT_TRUE(by_address("10.0.0.7"));
  EXPECT_FALSE(by_address("10.0.0.8"));
  EXPECT_TRUE(by_address("2001:db8:1:2:3:4:5:6")) << "IPv6 by /64";
  EXPECT_FALSE(by_address("2001:db8:1:3::"));
  Caller hub{.ref = {.kind = CallerRef::Kind::credential}, .subject = "hub", .groups = {}};
  EXPECT_TRUE(is_known(&known, hub, from("10.0.0.8"), kSeed));
  hub.subject = "10.0.0.7";
  EXPECT_FALSE(is_known(&known, hub, from("10.0.0.7"), kSeed)) << "a credential is no address";
  const std::string longest(KnownCallers::kLongest + 1, 'a');
  hub.subject = longest;
  EXPECT_FALSE(is_known(&known, hub, from("10.0.0.7"), kSeed));
  EXPECT_TRUE(is_known(nullptr, hub, from("10.0.0.8"), kSeed)) << "nobody is told apart";
}

TEST(KnownCallers, ASetHasABound) {
  std::vector<std::uint64_t> many(KnownCallers::kMost + 10);
  for (std::size_t i = 0; i < many.size(); ++i) many[i] = mix(i + 1);
  const KnownCallers known(many);
  EXPECT_EQ(known.size(), KnownCallers::kMost);
  for (std::size_t i = 0; i < KnownCallers::kMost; i += 97) EXPECT_TRUE(known.has(many[i]));
  EXPECT_FALSE(known.has(many.back()));
}

}  // namespace
}  // namespace weir::decide
