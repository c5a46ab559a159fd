// Whose an exchange is when a deploy is judged, what of it is bad, and what an announcement may say.
#include "control/deploy_feed.h"

#include <gtest/gtest.h>

#include <string>

#include "control/deploy_json.h"
#include "fmt/core.h"

namespace weir::control {
namespace {

using rollout::DeployAnswer;
using rollout::DeploySignal;
using rollout::Role;

class DeployFeedTest : public ::testing::Test {
 protected:
  DeployFeedTest() : orders_(names_.intern("orders")), stock_(names_.intern("stock")), to_orders_(names_.intern("to-orders")), to_both_(names_.intern("to-both")) {
    Policy policy;
    for (const NameId name : {orders_, stock_}) policy.upstreams.emplace_back().name = name;
    const auto route = [&](NameId name, std::vector<std::uint32_t> upstreams) {
      Route& made = policy.routes.emplace_back();
      made.name = name;
      Forward forward;
      for (const std::uint32_t upstream : upstreams) forward.split.push_back({.upstream = UpstreamId{upstream}, .weight = 1});
      made.action = forward;
    };
    route(to_orders_, {0});
    route(to_both_, {0, 1});
    feed_.use(policy, names_);
  }
  static Stamp at(std::int64_t second) { return Stamp(std::chrono::seconds(second)); }

  ExchangeRecord answered(std::uint16_t status) const {
    ExchangeRecord record;
    record.route = to_orders_;
    record.upstream = orders_;
    record.status = record.upstream_status = status;
    record.response_time = std::chrono::milliseconds(10);
    record.attempts = 1;
    record.tries[0] = {.micros = 10'000, .status = status};
    return record;
  }
  ExchangeRecord refused(Cause cause, NameId route) const {
    ExchangeRecord record;
    record.route = route;
    record.status = 503;
    record.cause = cause;
    return record;
  }
  // So many of it in each of the seconds, the turn that judges the last included.
  void carry(const ExchangeRecord& record, std::int64_t from, std::int64_t until, int each = 30, std::string_view caller = "web") {
    for (std::int64_t second = from; second < until; ++second) {
      for (int i = 0; i < each; ++i) feed_.add(record, caller, at(second), 1);
      feed_.turn(at(second + 1));
    }
  }
  const AnnouncedDeploy& announce(std::string subject, std::int64_t second, std::int64_t watch_s = 60) {
    const auto id = feed_.announce({.subject = std::move(subject), .version = "v1", .watch_s = watch_s}, at(second), WallTime());
    EXPECT_TRUE(id);
    return feed_.deploys().back();
  }

  NameTable names_;
  NameId orders_, stock_, to_orders_, to_both_;
  DeployFeed feed_{HashKey{1, 2}};
};

TEST_F(DeployFeedTest, AnUpstreamThatFailsIsHarmedAndItsCallerIsTold) {
  carry(answered(200), 0, 100);
  const AnnouncedDeploy& orders = announce("orders", 100);
  ASSERT_EQ(orders.as.size(), 1U);
  carry(answered(200), 100, 110);
  EXPECT_EQ(orders.answer(), DeployAnswer::under_way);
  carry(answered(503), 110, 120);
  EXPECT_EQ(orders.answer(), DeployAnswer::harmed);
  const rollout::DeployReading reading = orders.as[0].deploy.reading();
  EXPECT_EQ(reading.harms.at(0).after, 9) << "the second of the announcement is of both times";
  EXPECT_EQ(reading.before.requests, 99 * 30) << "the first second that was heard of is no whole one";
}

TEST_F(DeployFeedTest, WhatTheBreakerKeepsFromAnUpstreamIsItsOwnBad) {
  carry(answered(200), 0, 100);
  const AnnouncedDeploy& orders = announce("orders", 100);
  carry(refused(Cause::breaker_open, to_orders_), 100, 115);
  EXPECT_EQ(orders.answer(), DeployAnswer::harmed);
}

TEST_F(DeployFeedTest, NobodyIsBlamedForARefusalThatMayBeAnothersOrALimits) {
  carry(answered(200), 0, 100);
  const AnnouncedDeploy& orders = announce("orders", 100);
  for (std::int64_t second = 100; second < 170; ++second) {
    carry(answered(200), second, second + 1);
    carry(refused(Cause::no_healthy_endpoint, to_both_), second, second + 1);
    carry(refused(Cause::limit_rejected, to_orders_), second, second + 1);
  }
  EXPECT_EQ(orders.answer(), DeployAnswer::healthy);
}

TEST_F(DeployFeedTest, AnAttemptThatFailedCountsThoughTheNextOneDidNot) {
  carry(answered(200), 0, 100);
  const AnnouncedDeploy& orders = announce("orders", 100);
  const AnnouncedDeploy& web = announce("web", 100);
  ExchangeRecord retried = answered(200);
  retried.attempts = 2;
  retried.tries[0] = {.micros = 1'000, .status = 0, .cause = Cause::connect_failed};
  retried.tries[1] = {.micros = 9'000, .status = 200};
  carry(retried, 100, 120);
  EXPECT_EQ(orders.answer(), DeployAnswer::harmed);
  EXPECT_EQ(web.answer(), DeployAnswer::under_way) << "its caller noticed nothing";
}

TEST_F(DeployFeedTest, ANameThatIsBothIsJudgedAsBoth) {
  carry(answered(200), 0, 100, 30, "orders");
  const AnnouncedDeploy& orders = announce("orders", 100);
  ASSERT_EQ(orders.as.size(), 2U);
  carry(answered(200), 100, 115, 300, "orders");
  EXPECT_EQ(orders.answer(), DeployAnswer::harmed);
  EXPECT_EQ(orders.as[0].deploy.answer(), DeployAnswer::under_way);
  EXPECT_EQ(orders.as[1].role, Role::caller);
  EXPECT_EQ(orders.as[1].deploy.reading().harms.at(0).signal, DeploySignal::rate);
}

TEST_F(DeployFeedTest, SilenceIsTold) {
  carry(answered(200), 0, 100);
  const AnnouncedDeploy& orders = announce("orders", 100);
  feed_.turn(at(5'000));   // none came, and a turn was late
  EXPECT_EQ(orders.answer(), DeployAnswer::not_enough_data);
  EXPECT_EQ(orders.as[0].deploy.reading().lack, rollout::Lack::silent);
}

TEST_F(DeployFeedTest, NobodyOfTheNameIsNotEnoughData) {
  const AnnouncedDeploy& nobody = announce("nobody", 5);
  EXPECT_TRUE(nobody.as.empty());
  EXPECT_EQ(nobody.answer(), DeployAnswer::not_enough_data);
}

TEST_F(DeployFeedTest, CallersBeyondTheBoundHaveNoPastUntilOneWasSilentForTenMinutes) {
  for (std::size_t i = 0; i < DeployFeed::kMostCallers; ++i) feed_.add(answered(200), fmt::format("c{}", i), at(1), 1);
  feed_.add(answered(200), "late", at(2), 1);
  EXPECT_TRUE(announce("late", 3).as.empty());
  EXPECT_FALSE(announce("c0", 3).as.empty());
  feed_.add(answered(200), "later", at(700), 1);
  EXPECT_FALSE(announce("later", 701).as.empty());
}

TEST_F(DeployFeedTest, DeploysAreBounded) {
  carry(answered(200), 0, 100);
  for (std::size_t i = 0; i < DeployFeed::kMostUnderWay; ++i) announce("web", 100);
  const auto refused = feed_.announce({.subject = "web", .version = "v1", .watch_s = 60}, at(100), WallTime());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::busy);
  feed_.turn(at(200));
  for (std::size_t i = 0; i < 2 * DeployFeed::kMostKept; ++i) announce("nobody", 200);
  EXPECT_EQ(feed_.deploys().size(), DeployFeed::kMostKept);
  EXPECT_EQ(feed_.deploys().back().id, DeployFeed::kMostUnderWay + 2 * DeployFeed::kMostKept);
}

TEST(Announcement, IsReadWithItsBounds) {
  const auto read = read_announcement(R"({"subject": "orders", "version": "v42", "watch": "10m", "author": "ci"})");
  ASSERT_TRUE(read);
  EXPECT_EQ(read->watch_s, 600);
  EXPECT_EQ(read->author, "ci");
  EXPECT_EQ(read_announcement(R"({"subject": "orders", "version": "v42"})")->watch_s, 3600);
  EXPECT_EQ(read_announcement(R"({"subject": "orders", "version": "v42", "watch": "24h"})")->watch_s, 86'400);
  for (const char* wrong : {"", "[]", "{}", R"({"subject": "orders"})", R"({"subject": 1, "version": "v"})", R"({"subject": "o", "version": "v", "watch": "4s"})",
                            R"({"subject": "o", "version": "v", "watch": "25h"})", R"({"subject": "o", "version": "v", "watch": 5})"}) {
    EXPECT_FALSE(read_announcement(wrong)) << wrong;
  }
  EXPECT_FALSE(read_announcement(fmt::format(R"({{"subject": "o", "version": "v", "reason": "{}"}})", std::string(501, 'x'))));
}

}  // namespace
}  // namespace weir::control
