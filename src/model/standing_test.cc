// Standing against the sentences of the glossary, and against a model that keeps every exchange.
#include "model/standing.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <set>
#include <vector>

namespace weir {
namespace {

using namespace std::chrono_literals;

WallTime at(std::int64_t day, Nanos into = 0s) { return WallTime(std::chrono::days(day) + into); }

TEST(Outcome, IsWhatTheGlossarySays) {
  EXPECT_EQ(outcome_of({.status = 200}, false), Outcome::good);
  EXPECT_EQ(outcome_of({.status = 404}, true), Outcome::good);  // the upstream's
  EXPECT_EQ(outcome_of({}, false), Outcome::good);
  EXPECT_EQ(outcome_of({.status = 503}, false), Outcome::bad);
  EXPECT_EQ(outcome_of({.cause = Cause::response_timeout}, false), Outcome::bad);
  for (const std::uint16_t status : std::initializer_list<std::uint16_t>{401, 403, 429}) {
    EXPECT_EQ(outcome_of({.status = status}, true), Outcome::bad);
    EXPECT_EQ(outcome_of({.status = status}, false), Outcome::neither);
  }
  EXPECT_EQ(outcome_of({.refused = true, .cause = Cause::no_route}, true), Outcome::neither);
  EXPECT_EQ(outcome_of({.status = 0}, false), Outcome::neither);
}

TEST(Outcome, AClientThatLeavesAfterTwiceTheP99IsOurFault) {
  const Ending left{.status = 200, .cause = Cause::client_gone, .total = 2001ms};
  EXPECT_EQ(outcome_of(left, false, 1s), Outcome::bad);
  EXPECT_EQ(outcome_of(left, false, 1001ms), Outcome::good);
  EXPECT_EQ(outcome_of(left, false), Outcome::good);  // nobody knows the route's p99 yet
}

TEST(Standing, IsKnownByTwoDaysOfGoodExchanges) {
  Standing standing;
  standing.add(at(20, 1h), {.status = 200}, Outcome::good);
  standing.add(at(20, 23h), {.status = 200}, Outcome::good);
  EXPECT_FALSE(standing.is_known());
  standing.add(at(21, 2h), {.status = 503}, Outcome::bad);
  standing.add(at(21, 2h), {.status = 429}, Outcome::neither);
  EXPECT_FALSE(standing.is_known());
  standing.add(at(21, 3h), {.status = 200}, Outcome::good);
  EXPECT_TRUE(standing.is_known());
  EXPECT_EQ(standing.days.count(), 2u);
  EXPECT_EQ(standing.good, 3u);
  EXPECT_EQ(standing.bad, 1u);
}

TEST(Standing, IsEstablishedFromTwentyRequestsOnWith95PercentFine) {
  Standing standing;
  for (int i = 0; i < 19; ++i) standing.add(at(1), {.status = 301}, Outcome::good);
  EXPECT_FALSE(standing.is_established());
  standing.add(at(1), {.status = 404}, Outcome::good);  // 19 of 20: 95 %
  EXPECT_TRUE(standing.is_established());
  standing.add(at(1), {.status = 404}, Outcome::good);  // 19 of 21: 90 %
  EXPECT_FALSE(standing.is_established());
}

TEST(ActiveDays, CountsDaysBeforeTheYear1970) {
  EXPECT_EQ(ActiveDays::of(at(0)), 0);
  EXPECT_EQ(ActiveDays::of(at(0) - 1ns), -1);
}

// Whatever way days come, those of the newest 64 are a set.
RC_GTEST_PROP(ActiveDays, AreASet, ()) {
  const auto days = *rc::gen::container<std::vector<int>>(rc::gen::inRange(1000, 1064));
  std::set<int> model;
  ActiveDays left, right;
  for (std::size_t i = 0; i < days.size(); ++i) {
    (i % 3 == 0 ? left : right).add(days[i]);
    model.insert(days[i]);
  }
  left.merge(right);
  RC_ASSERT(left.count() == model.size());
}

// Of a stream in order, cut anywhere, every day counts once, however long it is.
RC_GTEST_PROP(ActiveDays, OfPartsInOrderAreThoseOfTheWhole, ()) {
  const auto steps = *rc::gen::container<std::vector<int>>(rc::gen::inRange(0, 90));
  std::set<int> model;
  ActiveDays whole, part;
  int day = 19000;
  for (const int step : steps) {
    day += step / 3;
    part.add(day);
    model.insert(day);
    if (step % 3 != 0) continue;
    whole.merge(part);
    part = ActiveDays();
    // The day on which it was cut is in both parts.
  }
  whole.merge(part);
  RC_ASSERT(whole.count() == model.size());
}

}  // namespace
}  // namespace weir
