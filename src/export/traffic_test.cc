#include "export/traffic.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

namespace weir::exporting {
namespace {

using namespace std::chrono_literals;

constexpr NameId kRoute{1}, kOrders{2}, kFirst{3}, kSecond{4}, kLimit{5}, kOther{6};

ExchangeRecord forwarded(NameId endpoint = kFirst, std::uint16_t status = 200) {
  ExchangeRecord record;
  record.route = kRoute;
  record.upstream = kOrders;
  record.endpoint = endpoint;
  record.status = status;
  record.total_time = 20ms;
  record.attempts = 1;
  record.tries[0] = {.endpoint = endpoint, .micros = 10'000, .status = status};
  if (status >= 500) record.cause = Cause::upstream_error;
  return record;
}

ExchangeRecord refused(NameId rule = kLimit) {
  ExchangeRecord record;
  record.route = kRoute;
  record.status = 429;
  record.cause = Cause::limit_rejected;
  record.rule = rule;
  record.total_time = 100us;
  return record;
}

class TrafficTest : public testing::Test {
 protected:
  TrafficTest() {
    policy.upstreams.emplace_back().name = kOrders;
    Route& route = policy.routes.emplace_back();
    route.name = kRoute;
    route.action = Forward{.split = {{.upstream = UpstreamId{0}, .weight = 1}}};
    traffic.use(policy);
  }
  // `each` a second, evenly, in the seconds [from, to).
  void ask(const ExchangeRecord& record, std::string_view caller, int from, int to, int each) {
    for (int second = from; second < to; ++second) {
      for (int i = 0; i < each; ++i) traffic.add(record, caller, at(second) + 1s * i / each, 1);
    }
  }
  static Stamp at(std::int64_t seconds) { return Stamp(std::chrono::seconds(seconds)); }
  TrafficRow of(TrafficBy by, std::string_view caller, Stamp now) {
    const auto look = traffic.look(by, now);
    const auto found = std::ranges::find_if(
        look.rows, [&](const TrafficRow& row) { return row.subject.caller == caller; });
    EXPECT_NE(found, look.rows.end()) << caller;
    return found == look.rows.end() ? TrafficRow{} : *found;
  }

  Policy policy;
  Traffic traffic{HashKey{.k0 = 1, .k1 = 2}};
};

TEST_F(TrafficTest, AnEdgeIsToldWithItsRateBesideTheUsualOne) {
  for (int second = 0; second < 30; ++second) {
    ask(forwarded(), "web", second, second + 1, 40);
    ask(forwarded(), "worker", second, second + 1, second < 26 ? 20 : 300);
  }
  const TrafficRow worker = of(TrafficBy::edge, "worker", at(30));
  EXPECT_EQ(worker.subject.upstream, kOrders);
  EXPECT_DOUBLE_EQ(worker.rate, 300);  // the seconds 27 to 29
  EXPECT_NEAR(worker.usual.value(), 20, 1e-9);
  EXPECT_DOUBLE_EQ(of(TrafficBy::edge, "web", at(30)).rate, 40);
  const auto look = traffic.look(TrafficBy::edge, at(30));
  EXPECT_DOUBLE_EQ(look.rate, 340);
  EXPECT_NEAR(look.usual.value(), 60, 1e-9);
  EXPECT_DOUBLE_EQ(look.counted, 30);
}

TEST_F(TrafficTest, WhoAppearsLaterHasNoPastUntilSomeSecondsLater) {
  ask(forwarded(), "web", 0, 60, 10);
  ask(forwarded(), "scraper", 55, 60, 50);
  EXPECT_FALSE(of(TrafficBy::caller, "scraper", at(60)).usual);
  EXPECT_LT(of(TrafficBy::caller, "scraper", at(61)).usual.value(), 2);  // 50 in one of 56 seconds
  EXPECT_TRUE(of(TrafficBy::caller, "web", at(60)).usual);
}

TEST_F(TrafficTest, RefusedIsTheGatewaysOwnNoAndBadWhatWentWrong) {
  ask(refused(), "greedy", 0, 3, 30);
  ask(forwarded(), "greedy", 0, 3, 10);
  ask(forwarded(kFirst, 503), "greedy", 0, 3, 20);
  const TrafficRow row =
      of(TrafficBy::edge, "greedy", at(3));  // refused ones too: of the route's upstream
  EXPECT_DOUBLE_EQ(row.rate, 60);
  EXPECT_DOUBLE_EQ(row.refused, 30);
  EXPECT_DOUBLE_EQ(row.bad, 20);
  EXPECT_EQ(row.refused_by, Cause::limit_rejected);
  EXPECT_EQ(row.rule, kLimit);
}

TEST_F(TrafficTest, WhatDecidesAfterTheFactIsBadAndNotRefused) {
  for (const Cause cause : {Cause::client_gone, Cause::deadline_expired, Cause::no_healthy_endpoint,
                            Cause::internal_error}) {
    ExchangeRecord record = forwarded(kFirst, 504);
    record.cause = cause;
    traffic.add(record, to_string(info(cause).side), at(0), 1);
    EXPECT_EQ(of(TrafficBy::caller, to_string(info(cause).side), at(1)).refused, 0)
        << info(cause).name;
  }
  EXPECT_DOUBLE_EQ(traffic.look(TrafficBy::caller, at(1)).bad, 4);
}

TEST_F(TrafficTest, TheRuleThatRefusedMostIsNamed) {
  for (int i = 0; i < 30; ++i)
    traffic.add(refused(i % 3 == 0 ? kOther : kLimit), "greedy", at(0), 1);
  EXPECT_EQ(of(TrafficBy::caller, "greedy", at(0)).rule, kLimit);
  for (int i = 0; i < 3; ++i) traffic.add(refused(kOther), "greedy", at(1), 1);
  EXPECT_EQ(of(TrafficBy::caller, "greedy", at(1)).rule, kOther) << "each second begins anew";
}

TEST_F(TrafficTest, AnAttemptCountsWhereItWasMade) {
  ExchangeRecord record = forwarded(kSecond);
  record.attempts = 2;
  record.tries = {AttemptRecord{.endpoint = kFirst, .micros = 5000, .status = 503},
                  AttemptRecord{.endpoint = kSecond, .micros = 9000, .status = 200}};
  ask(record, "web", 0, 3, 10);
  const auto look = traffic.look(TrafficBy::endpoint, at(3));
  ASSERT_EQ(look.rows.size(), 2u);
  for (const TrafficRow& row : look.rows) {
    EXPECT_DOUBLE_EQ(row.rate, 10);
    EXPECT_DOUBLE_EQ(row.bad, row.subject.place == kFirst ? 10 : 0);
  }
  EXPECT_DOUBLE_EQ(look.rate, 10) << "exchanges, not attempts";
}

TEST_F(TrafficTest, TimesAreThoseOfTheLastSeconds) {
  ExchangeRecord slow = forwarded();
  slow.total_time = 1s;
  ask(slow, "web", 0, 5, 10);
  ask(forwarded(), "web", 5, 10, 10);
  // Half of them: p50 is the fast one's. Within 12.5 % (model/outcomes.h).
  TrafficRow row = of(TrafficBy::caller, "web", at(9));
  EXPECT_NEAR(static_cast<double>(row.p50->count()), 20e6, 2.5e6);
  EXPECT_NEAR(static_cast<double>(row.p95->count()), 1e9, 0.125e9);
  ask(forwarded(), "web", 10, 11, 10);
  row = of(TrafficBy::caller, "web", at(11));
  EXPECT_NEAR(static_cast<double>(row.p95->count()), 20e6, 2.5e6);
  ask(refused(), "greedy", 10, 11, 10);
  EXPECT_FALSE(of(TrafficBy::caller, "greedy", at(11)).p50);
}

TEST_F(TrafficTest, AnAddressIsACallerByItselfAndIPv6ByItsNetwork) {
  ExchangeRecord one = forwarded(), two = forwarded();
  one.client = Address::v4(192, 0, 2, 7);
  two.client = *Address::parse("2001:db8:1:2::9");
  traffic.add(one, "", at(0), 1);
  traffic.add(one, "192.0.2.7", at(0), 1);  // a credential of that name is somebody else
  traffic.add(two, "", at(0), 1);
  two.client = *Address::parse("2001:db8:1:2:3:4:5:6");
  traffic.add(two, "", at(0), 1);
  const auto rows = traffic.look(TrafficBy::caller, at(1)).rows;
  ASSERT_EQ(rows.size(), 3u);
  EXPECT_EQ(std::ranges::count(rows, "192.0.2.7",
                               [](const TrafficRow& row) { return row.subject.caller; }),
            2);
  EXPECT_DOUBLE_EQ(of(TrafficBy::caller, "2001:db8:1:2::", at(1)).rate, 2);
}

TEST_F(TrafficTest, TheHeavyStayAmongAFloodOfCallersThatComeOnce) {
  // 30 a second of one caller among 2,000 a second that are never seen again: ten times the rows in
  // 21 s.
  int n = 0;
  for (int second = 0; second < 21; ++second) {
    for (int i = 0; i < 2000; ++i) {
      const Stamp now = at(second) + 500us * i;
      traffic.add(forwarded(), "once-" + std::to_string(n++), now, 1);
      if (i % 66 == 0) traffic.add(forwarded(), "steady", now, 1);
    }
  }
  const auto look = traffic.look(TrafficBy::caller, at(21));
  EXPECT_LE(look.rows.size(), TrafficTable::kRows);
  EXPECT_EQ(look.forgotten, static_cast<std::uint64_t>(n) + 1 - TrafficTable::kRows);
  const TrafficRow steady = of(TrafficBy::caller, "steady", at(21));
  EXPECT_NEAR(steady.rate, 31, 0.01);  // ceil(2000 / 66)
  EXPECT_NEAR(steady.usual.value(), 31, 0.01);
  EXPECT_DOUBLE_EQ(look.rate, 2031) << "what is forgotten still counts with all";
}

TEST_F(TrafficTest, OneThatStandsForManyCountsAsMany) {
  traffic.add(forwarded(), "web", at(0), 7.5);
  EXPECT_DOUBLE_EQ(of(TrafficBy::edge, "web", at(1)).rate, 7.5);
}

}  // namespace
}  // namespace weir::exporting
