// Deploys that are compared arm against arm, and those that a restart interrupts: whose an exchange is, what is announced by itself, and
// what the next process goes on with.
#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <string>

#include "control/deploy_feed.h"
#include "control/deploy_json.h"
#include "control/deploy_rows.h"
#include "control/deploy_text.h"

namespace weir::control {
namespace {

using rollout::DeployAnswer;
using rollout::Lack;
using rollout::Role;

constexpr HashKey kKey{1, 2};

class DeployArmsTest : public ::testing::Test {
 protected:
  DeployArmsTest() { feed_.use(policy(95, 5), names_); }

  static Stamp at(std::int64_t second) { return Stamp(std::chrono::seconds(second)); }
  static WallTime wall(std::int64_t second) { return wall_from_nanos((1'800'000'000 + second) * 1'000'000'000); }
  NameId name(std::string_view text) { return names_.intern(text); }

  // A route `checkout` that is split between v41, stable, and v42; and an upstream that names its versions.
  Policy policy(std::uint32_t stable, std::uint32_t candidate) {
    Policy policy;
    for (const char* upstream : {"v41", "v42", "orders"}) policy.upstreams.emplace_back().name = name(upstream);
    policy.upstreams[2].version_header = "X-Version";
    Route& route = policy.routes.emplace_back();
    route.name = name("checkout");
    Forward forward;
    forward.split.push_back({.upstream = UpstreamId{0}, .weight = stable, .arm = SplitArm::stable});
    forward.split.push_back({.upstream = UpstreamId{1}, .weight = candidate, .arm = SplitArm::candidate});
    route.action = forward;
    return policy;
  }
  ExchangeRecord answered(std::string_view upstream, std::uint16_t status = 200) {
    ExchangeRecord record;
    record.exchange = {.worker = WorkerId{0}, .sequence = ++exchanges_};
    record.route = name("checkout");
    record.upstream = name(upstream);
    record.status = record.upstream_status = status;
    record.response_time = std::chrono::milliseconds(10);
    record.attempts = 1;
    record.tries[0] = {.endpoint = name(std::string(upstream) + ":1"), .micros = 10'000, .status = status};
    return record;
  }
  ExchangeRecord of_version(std::string_view version, std::uint16_t status = 200) {
    ExchangeRecord record = answered("orders", status);
    record.version = keyed_hash(kKey, version);
    record.tries[0].endpoint = name(version);
    return record;
  }
  // 95 of 100 a second to the one, 5 to the other.
  void carry(DeployFeed& feed, std::int64_t from, std::int64_t until, const auto& most, const auto& few) {
    for (std::int64_t second = from; second < until; ++second) {
      for (int i = 0; i < 100; ++i) feed.add(i % 20 == 7 ? few() : most(), "web", at(second), 1);
      feed.turn(at(second + 1));
    }
  }
  void carry_split(std::int64_t from, std::int64_t until, std::uint16_t stable, std::uint16_t candidate) {
    carry(feed_, from, until, [&] { return answered("v41", stable); }, [&] { return answered("v42", candidate); });
  }
  static std::string text(const AnnouncedDeploy& deploy) { return deploy_text(boost::json::parse(deploy_json(deploy, wall(9'999)))); }

  NameTable names_;
  std::uint64_t exchanges_ = 0;
  DeployFeed feed_{kKey};
};

TEST_F(DeployArmsTest, ASplitThatNamesItsArmsIsWatchedByItselfOnce) {
  feed_.watch_splits(at(0), wall(0));
  feed_.watch_splits(at(1), wall(1));
  ASSERT_EQ(feed_.deploys().size(), 1U);
  const AnnouncedDeploy& split = feed_.deploys().back();
  EXPECT_EQ(split.announced.subject, "checkout");
  EXPECT_EQ(split.announced.version, "v42");
  EXPECT_EQ(split.announced.watch_s, 3600);
  EXPECT_EQ(split.split, "v41 95, v42 5");
  EXPECT_EQ(split.as.at(0).role, Role::split);
}

TEST_F(DeployArmsTest, ACandidateThatFailsIsHarmedAndWatchedAgainOnlyWhenItHasRequestsAgain) {
  feed_.watch_splits(at(0), wall(0));
  carry_split(0, 60, 200, 503);
  AnnouncedDeploy& split = feed_.deploys().back();
  EXPECT_EQ(split.answer(), DeployAnswer::harmed);
  EXPECT_NE(text(split).find("bad       candidate 100.0 %, stable 0 %; evidence "), std::string::npos) << text(split);
  feed_.watch_splits(at(61), wall(61));
  EXPECT_EQ(feed_.deploys().size(), 1U) << "it is about to be given back";
  split.returned = "o1";
  feed_.use(policy(100, 0), names_);
  feed_.watch_splits(at(62), wall(62));
  EXPECT_EQ(feed_.deploys().size(), 1U) << "nothing is sent to it";
  EXPECT_NE(text(split).find("next: weir override remove o1 once another version is there"), std::string::npos) << text(split);
  feed_.use(policy(95, 5), names_);
  feed_.watch_splits(at(63), wall(63));
  EXPECT_EQ(feed_.deploys().size(), 2U) << "somebody took the override away";
}

TEST_F(DeployArmsTest, WhatBothArmsMeetIsNoHarmAndTheEndIsHealthy) {
  feed_.watch_splits(at(0), wall(0));
  carry_split(0, 60, 200, 200);
  carry_split(60, 120, 503, 503);   // what is behind both
  carry_split(120, 3602, 200, 200);
  const AnnouncedDeploy& split = feed_.deploys().back();
  EXPECT_EQ(split.answer(), DeployAnswer::healthy) << text(split);
  feed_.watch_splits(at(3602), wall(3602));
  EXPECT_EQ(feed_.deploys().size(), 1U) << "once";
}

TEST_F(DeployArmsTest, WeightsThatChangeEndOneWatchAndBeginAnother) {
  feed_.watch_splits(at(0), wall(0));
  feed_.use(policy(50, 50), names_);
  feed_.watch_splits(at(1), wall(1));
  ASSERT_EQ(feed_.deploys().size(), 2U);
  EXPECT_EQ(feed_.deploys()[0].answer(), DeployAnswer::not_enough_data);
  EXPECT_NE(text(feed_.deploys()[0]).find("what was watched ended first"), std::string::npos);
  EXPECT_EQ(feed_.deploys()[1].split, "v41 50, v42 50");
  ASSERT_TRUE(feed_.announce({.subject = "checkout", .version = "v42", .author = "ci", .watch_s = 600}, at(2), wall(2)));
  EXPECT_EQ(feed_.deploys()[1].answer(), DeployAnswer::not_enough_data) << "somebody watches it by himself";
  EXPECT_EQ(feed_.deploys()[2].answer(), DeployAnswer::under_way);
  feed_.watch_splits(at(3), wall(3));
  EXPECT_EQ(feed_.deploys().size(), 3U);
}

TEST_F(DeployArmsTest, ASplitThatWasJudgedBeforeARestartIsNotAgain) {
  feed_.was_judged("checkout", "v41 95, v42 5");
  feed_.watch_splits(at(0), wall(0));
  EXPECT_TRUE(feed_.deploys().empty());
  feed_.use(policy(90, 10), names_);
  feed_.watch_splits(at(1), wall(1));
  EXPECT_EQ(feed_.deploys().size(), 1U);
}

TEST_F(DeployArmsTest, VersionsOfOneUpstreamAreHeldAgainstEachOther) {
  carry(feed_, 0, 100, [&] { return of_version("v41"); }, [&] { return of_version("v41"); });
  ASSERT_TRUE(feed_.announce({.subject = "orders", .version = "v42", .watch_s = 3600}, at(100), wall(100)));
  const AnnouncedDeploy& orders = feed_.deploys().back();
  carry(feed_, 100, 110, [&] { return of_version("v41"); }, [&] { return of_version("v41"); });
  ASSERT_NE(orders.as.at(0).compared, nullptr);
  // The world is worse for both: two of five fail, and yet no harm of this version.
  const auto worse = [&](std::string_view version) { return of_version(version, mix(exchanges_) % 5 < 2 ? 503 : 200); };
  carry(feed_, 110, 170, [&] { return worse("v41"); }, [&] { return worse("v42"); });
  EXPECT_EQ(orders.answer(), DeployAnswer::under_way) << text(orders);
  carry(feed_, 170, 230, [&] { return of_version("v41"); }, [&] { return of_version("v42", 503); });
  EXPECT_EQ(orders.answer(), DeployAnswer::harmed) << text(orders);
  EXPECT_EQ(orders.as[0].deploy.answer(), DeployAnswer::under_way) << "by its second version, not by the time";
}

// An attempt without an answer is of the version that its endpoint had.
TEST_F(DeployArmsTest, AVersionThatDoesNotAnswerIsKnownByItsEndpoint) {
  ASSERT_TRUE(feed_.announce({.subject = "orders", .version = "v42", .watch_s = 3600}, at(0), wall(0)));
  carry(feed_, 0, 20, [&] { return of_version("v41"); }, [&] { return of_version("v42"); });
  const auto silent = [&] {
    ExchangeRecord record = of_version("v42", 504);
    record.version = 0;
    record.cause = Cause::response_timeout;
    record.response_time = Nanos(0);
    record.upstream_status = 0;
    record.tries[0].status = 0;
    record.tries[0].cause = Cause::response_timeout;
    return record;
  };
  carry(feed_, 20, 80, [&] { return of_version("v41"); }, silent);
  EXPECT_EQ(feed_.deploys().back().answer(), DeployAnswer::harmed) << text(feed_.deploys().back());
}

TEST_F(DeployArmsTest, OneVersionAloneIsJudgedByWhatWasBefore) {
  carry(feed_, 0, 100, [&] { return of_version("v41"); }, [&] { return of_version("v41"); });
  ASSERT_TRUE(feed_.announce({.subject = "orders", .version = "v42", .watch_s = 3600}, at(100), wall(100)));
  carry(feed_, 100, 125, [&] { return of_version("v42", 503); }, [&] { return of_version("v42", 503); });
  EXPECT_EQ(feed_.deploys().back().answer(), DeployAnswer::harmed);
}

// A watched hour over a restart: what was seen before it still counts, and the time that nobody saw does not.
TEST_F(DeployArmsTest, ARestartLosesNeitherTheWatchNorWhatWasUsual) {
  const auto fine = [&] { return answered("orders"); };
  const auto bad = [&] { return answered("orders", 503); };
  carry(feed_, 0, 100, fine, fine);
  ASSERT_TRUE(feed_.announce({.subject = "orders", .version = "v42", .author = "ci", .reason = "CHG-7", .watch_s = 3600}, at(100), wall(100)));
  carry(feed_, 100, 160, fine, fine);
  const store::DeployRow row = row_of(feed_.deploys().back(), wall(160));
  EXPECT_TRUE(row.under_way);
  EXPECT_LT(row.json.size() + row.state.size(), std::size_t{4096});

  for (const bool fails : {true, false}) {
    DeployFeed next(kKey);
    next.use(policy(95, 5), names_);
    auto deploy = deploy_of(row);
    ASSERT_TRUE(deploy);
    next.restore(std::move(*deploy), at(7), wall(200));   // another boot of the machine, 40 s later
    const AnnouncedDeploy& orders = next.deploys().back();
    EXPECT_EQ(orders.announced.author + orders.announced.reason, "ciCHG-7");
    EXPECT_EQ(orders.as.at(0).deploy.gone(), 100);
    carry(next, 7, 7 + 30, fine, fine);
    EXPECT_EQ(orders.answer(), DeployAnswer::under_way);
    if (fails) carry(next, 37, 52, bad, bad);
    else carry(next, 37, 7 + 3501, fine, fine);
    EXPECT_EQ(orders.answer(), fails ? DeployAnswer::harmed : DeployAnswer::healthy);
    EXPECT_EQ(orders.as.at(0).deploy.reading().before.requests, 99 * 100);
    EXPECT_EQ(next.announce({.subject = "web", .version = "v1", .watch_s = 60}, at(4000), wall(4000)).value_or(0), row.id + 1);
  }
}

TEST_F(DeployArmsTest, ASplitThatARestartInterruptedIsComparedAnew) {
  feed_.watch_splits(at(0), wall(0));
  carry_split(0, 60, 200, 200);
  const store::DeployRow row = row_of(feed_.deploys().back(), wall(60));
  DeployFeed next(kKey);
  next.use(policy(95, 5), names_);
  next.restore(deploy_of(row).value(), at(1000), wall(70));
  next.watch_splits(at(1000), wall(70));
  ASSERT_EQ(next.deploys().size(), 1U);
  carry(next, 1000, 1060, [&] { return answered("v41"); }, [&] { return answered("v42", 503); });
  EXPECT_EQ(next.deploys().back().answer(), DeployAnswer::harmed);

  DeployFeed other(kKey);
  other.use(policy(50, 50), names_);
  other.restore(deploy_of(row).value(), at(1000), wall(70));
  EXPECT_EQ(other.deploys().back().answer(), DeployAnswer::not_enough_data) << "the file says something else by now";
}

TEST_F(DeployArmsTest, ANameInThreeRolesOutlivesARestart) {
  Policy all = policy(95, 5);
  all.upstreams.emplace_back().name = name("checkout");
  feed_.use(all, names_);
  for (std::int64_t second = 0; second < 100; ++second) {
    for (int i = 0; i < 30; ++i) feed_.add(answered("orders"), "checkout", at(second), 1);
    feed_.turn(at(second + 1));
  }
  ASSERT_TRUE(feed_.announce({.subject = "checkout", .version = "v42", .watch_s = 3600}, at(100), wall(100)));
  ASSERT_EQ(feed_.deploys().back().as.size(), 3U);
  const store::DeployRow row = row_of(feed_.deploys().back(), wall(101));
  EXPECT_TRUE(row.under_way);
  auto deploy = deploy_of(row);
  ASSERT_TRUE(deploy);
  ASSERT_EQ(deploy->as.size(), 3U);
  EXPECT_EQ(deploy->as[0].role, Role::upstream);
  EXPECT_EQ(deploy->as[1].role, Role::caller);
  EXPECT_EQ(deploy->as[2].role, Role::split);
  DeployFeed next(kKey);
  next.use(all, names_);
  next.restore(std::move(*deploy), at(7), wall(110));
  EXPECT_EQ(next.deploys().back().answer(), DeployAnswer::under_way);
}

TEST_F(DeployArmsTest, WhatIsThereNoMoreEndsAndADamagedRowIsSaid) {
  carry(feed_, 0, 100, [&] { return answered("orders"); }, [&] { return answered("orders"); });
  ASSERT_TRUE(feed_.announce({.subject = "orders", .version = "v42", .watch_s = 3600}, at(100), wall(100)));
  store::DeployRow row = row_of(feed_.deploys().back(), wall(101));
  DeployFeed next(kKey);
  next.use(Policy(), names_);
  next.restore(deploy_of(row).value(), at(0), wall(200));
  EXPECT_EQ(next.deploys().back().answer(), DeployAnswer::not_enough_data);
  for (const std::size_t cut : {std::size_t{0}, std::size_t{7}, std::size_t{16}, row.state.size() - 8, row.state.size() - 1}) {
    store::DeployRow broken = row;
    broken.state.resize(cut);
    EXPECT_FALSE(deploy_of(broken)) << cut;
  }
  row.state[0] = 'x';
  EXPECT_FALSE(deploy_of(row));
}

TEST_F(DeployArmsTest, TheListIsOfThisProcessAndOfThoseBefore) {
  const std::vector<store::DeployRow> rows = {{.id = 2, .json = R"({"id":2,"kept":"old"})"}, {.id = 1, .json = R"({"id":1})"}};
  feed_.number_from(1);
  ASSERT_TRUE(feed_.announce({.subject = "orders", .version = "v42", .watch_s = 60}, at(0), wall(0)));
  const auto all = boost::json::parse(deploys_json(feed_, rows, 10, wall(1))).at("changes").as_array();
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[0].at("subject"), "orders") << "as it stands, not as it was written";
  EXPECT_EQ(all[1].at("id"), 1);
  EXPECT_EQ(boost::json::parse(deploys_json(feed_, rows, 1, wall(1))).at("changes").as_array().size(), 1U);
}

}  // namespace
}  // namespace weir::control
