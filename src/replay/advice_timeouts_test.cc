// Timeouts that are worth a finding, each at both sides of its threshold; the other findings are in advice_test.cc.
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "replay/fortnight_for_tests.h"

namespace weir::replay {
namespace {

TEST(Advice, ATimeoutIsShortWhereMoreThanOneInAThousandReachIt) {
  Fortnight c;  // 10,000 of 50 ms
  c.took(10, milliseconds(1500));
  EXPECT_EQ(c.only().check, Check::count_);  // 10 of 10,010
  c.took(1, milliseconds(1500));
  const Finding found = c.only();
  EXPECT_EQ(found.check, Check::timeout_short);
  EXPECT_EQ(number(found, "reached"), 11);
  // p99.9 is 1.5 s within its bucket's 5 %: twice that is written as 3 or 4 s.
  ASSERT_FALSE(found.candidates.empty());
  EXPECT_GE(found.candidates[0][0].time, milliseconds(3000));
  EXPECT_LE(found.candidates[0][0].time, milliseconds(4000));
  // Beyond the total it would never fire.
  c.policy.settings[0].timeouts.total = ConfiguredTime{.value = milliseconds(2500)};
  EXPECT_TRUE(c.only().candidates.empty());
  EXPECT_FALSE(c.only().nothing.empty());
}

// Of 20 whose answers are known 18 came, after 2 s, the rest never: with 2 s in the place of 1 s nine in ten would have passed.
TEST(Advice, LateAnswersSayHowShortATimeoutIs) {
  Fortnight c;
  c.took(20, milliseconds(1500));
  Review::RouteUse& use = c.counts.routes[0];
  use.late = std::make_unique<Histogram>();
  for (int i = 0; i < 18; ++i) use.late->add(milliseconds(1995));
  use.late_known = 9;
  EXPECT_EQ(c.only().measure("late_known"), nullptr);   // too few
  use.late_known = 20;
  const Finding found = c.only();
  EXPECT_EQ(found.check, Check::timeout_short);
  EXPECT_EQ(found.candidates[0][0].time, milliseconds(2000));
  EXPECT_EQ(number(found, "late_in_time"), 18);
  EXPECT_EQ(number(found, "late_ms"), 2000);
  EXPECT_GT(found.candidates.size(), 1u);   // the others are still tried
  use.late.reset();                         // none came at all
  EXPECT_TRUE(c.only().candidates.empty());
  EXPECT_NE(c.only().nothing.find("would not help"), std::string::npos);
}

// An upstream whose good answers take 5 ms, behind a gateway with a timeout of 1 s.
struct OwnTimeout : Fortnight {
  OwnTimeout() {
    auto& good = counts.upstreams[0].good = std::make_unique<Histogram>();
    for (int i = 0; i < 1000; ++i) good->add(milliseconds(5));
  }
  void fails(int times, double ms) {
    for (int i = 0; i < times; ++i) counts.upstreams[0].failed.push_back(static_cast<std::uint32_t>(ms * 1000));
  }
};

// 38 failures between 29 and 32 ms, three elsewhere.
TEST(Advice, AnUpstreamThatCutsItsOwnWorkIsNamed) {
  OwnTimeout c;
  for (int i = 0; i < 38; ++i) c.fails(1, 29 + 3.0 * i / 37);
  c.fails(2, 4);
  c.fails(1, 200);
  const Finding found = c.only();
  EXPECT_EQ(found.check, Check::upstream_timeout);
  EXPECT_EQ(found.subject, (Subject{.kind = Subject::Kind::upstream, .name = "app"}));
  EXPECT_EQ(number(found, "near"), 38);
  EXPECT_EQ(number(found, "failures"), 41);
  EXPECT_NEAR(number(found, "near_ms"), 30.5, 1.5);
  EXPECT_NEAR(number(found, "from_ms"), 29, 0.001);
  EXPECT_NEAR(number(found, "to_ms"), 32, 0.001);
  EXPECT_EQ(number(found, "timeout_ms"), 1000);
  EXPECT_TRUE(found.candidates.empty());
}

TEST(Advice, NearTheGatewaysOwnTimeoutItIsNotTold) {
  OwnTimeout apart, near;
  apart.fails(40, 750);
  EXPECT_EQ(apart.only().check, Check::upstream_timeout);
  near.fails(40, 850);
  EXPECT_EQ(near.only().check, Check::count_);
}

TEST(Advice, SixInTenOfTwentyFailuresAreTheLeast) {
  OwnTimeout c;
  c.fails(12, 30);
  for (int i = 0; i < 7; ++i) c.fails(1, 100 + 50 * i);
  EXPECT_EQ(c.only().check, Check::count_);   // 19
  c.fails(1, 900);
  EXPECT_EQ(c.only().check, Check::upstream_timeout);
  c.fails(1, 950);                            // 12 of 21, of which 13 are six in ten
  EXPECT_EQ(c.only().check, Check::count_);
}

TEST(Advice, FailuresThatAreSpreadFastOrAsWorkIsAreNoTimeout) {
  OwnTimeout spread;   // exponential, mean 40 ms: the quantiles of it
  for (int i = 0; i < 400; ++i) spread.fails(1, -40 * std::log1p(-(i + 0.5) / 400));
  EXPECT_EQ(spread.only().check, Check::count_);
  OwnTimeout refused;
  refused.fails(400, 0.4);
  EXPECT_EQ(refused.only().check, Check::count_);
  OwnTimeout quick;
  quick.fails(400, 9.9);
  EXPECT_EQ(quick.only().check, Check::count_);
  OwnTimeout usual;    // it fails after the time that it always takes
  for (int i = 0; i < 2000; ++i) usual.counts.upstreams[0].good->add(milliseconds(30));
  usual.fails(400, 30);
  EXPECT_EQ(usual.only().check, Check::count_);
  OwnTimeout beyond;   // one good answer in ten takes longer
  for (int i = 0; i < 112; ++i) beyond.counts.upstreams[0].good->add(milliseconds(80));
  beyond.fails(400, 30);
  EXPECT_EQ(beyond.only().check, Check::count_);
  OwnTimeout unknown;  // what is usual there is not known
  unknown.counts.upstreams[0].good.reset();
  unknown.fails(400, 30);
  EXPECT_EQ(unknown.only().check, Check::count_);
}

// One call in a hundred that runs into the timeout hurts; less than twice the 99th percentile soon will.
TEST(Advice, AnAuthTimeoutHasRoomAboveWhatItsCallsTake) {
  Fortnight c;
  const auto with = [&](Nanos timeout, std::uint64_t cut) {
    c.policy.external_auths = {{.upstream = UpstreamId{0}, .path = "/", .timeout = {.value = timeout, .source = Fortnight::line(9)},
                                .on_failure = ExternalAuth::OnFailure::refuse, .headers = {}, .take = {}, .cache = {},
                                .digest = 0, .source = Fortnight::line(8)}};
    c.policy.settings[0].auth.external = 1;
    Review::RouteUse& use = c.counts.routes[0];
    use.auth = std::make_unique<Histogram>();
    for (std::uint64_t i = 0; i < 1000 - cut; ++i) use.auth->add(milliseconds(100));
    for (std::uint64_t i = 0; i < cut; ++i) use.auth->add(timeout);
    use.auth_reached = cut;
    return c.only();
  };
  EXPECT_EQ(with(milliseconds(250), 10).check, Check::count_);   // p99 is 100 ms within its bucket's 5 %
  const Finding close = with(milliseconds(180), 0);
  EXPECT_EQ(close.check, Check::auth_timeout);
  EXPECT_EQ(close.level, Level::soon);
  EXPECT_EQ(close.source.line, 9u);
  EXPECT_NEAR(number(close, "p99_ms"), 100, 5);
  EXPECT_TRUE(close.candidates.empty());
  const Finding cut = with(milliseconds(250), 11);
  EXPECT_EQ(cut.level, Level::hurts);
  EXPECT_EQ(number(cut, "reached"), 11);
  EXPECT_EQ(number(cut, "of"), 1000);
  c.counts.routes[0].auth = std::make_unique<Histogram>();   // 99 calls have no 99th percentile
  for (int i = 0; i < 99; ++i) c.counts.routes[0].auth->add(milliseconds(250));
  c.counts.routes[0].auth_reached = 99;
  EXPECT_EQ(c.only().check, Check::count_);
}

TEST(Advice, FewerThanAThousandDurationsSayNothing) {
  Fortnight c;
  c.counts.routes[0].answered.reset();
  c.counts.routes[0].timed = 0;
  c.took(990, milliseconds(50));
  c.took(9, milliseconds(1500));
  EXPECT_EQ(c.only().check, Check::count_);
  EXPECT_TRUE(c.cannot(Topic::timeouts));
  c.took(1, milliseconds(50));
  EXPECT_EQ(c.only().check, Check::timeout_short);
  EXPECT_FALSE(c.cannot(Topic::timeouts));
}

TEST(Advice, ADeadlineOfClientsIsManyWhoLeaveAfterTheSameTime) {
  Fortnight c;
  c.gone(19, milliseconds(500));
  EXPECT_EQ(c.only().check, Check::count_);
  c.gone(1, milliseconds(500));
  EXPECT_EQ(c.only().check, Check::timeout_long);
  EXPECT_EQ(c.only().candidates[0][0].time, milliseconds(500));
  c.gone(10, milliseconds(100));  // people, who leave when they like
  EXPECT_EQ(c.only().check, Check::count_);
}

TEST(Advice, ATimeoutAboveTheTotalNeverFires) {
  Fortnight c;
  c.policy.settings[0].timeouts.total = ConfiguredTime{.value = milliseconds(800)};
  EXPECT_EQ(c.only().check, Check::timeout_long);
  EXPECT_EQ(number(c.only(), "total_ms"), 800);
  c.took(20, milliseconds(900));  // its answers take longer: nothing is proposed
  EXPECT_TRUE(c.only().candidates.empty());
}

TEST(Advice, NoDurationsIsNoJudgementOfTimeouts) {
  Fortnight c;
  c.counts.with_response = 0;
  EXPECT_TRUE(c.cannot(Topic::timeouts));
}

}  // namespace
}  // namespace weir::replay
