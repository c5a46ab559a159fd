// What is kept instead of worked out again must be what would have been worked out: routes by the
// text of a log, buckets as a decision left them, and weights that stand for several exchanges.
#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "decide/policy_for_tests.h"
#include "replay/log_facts.h"
#include "replay/timeouts.h"

namespace weir::replay {
namespace {

using decide::exact;
using decide::prefix;

constexpr HashKey kKey{.k0 = 3, .k1 = 9};

// Routes that hosts, methods, a header and a query tell apart.
struct ManyWays : decide::PolicyBuilder {
  ManyWays() {
    policy.listeners.emplace_back().name = names.intern("main");
    policy.watched_headers = {"x-canary", "x-tenant"};
    policy.watched_queries = {"v"};
    upstream("app", {1, 1});
    route("any", prefix("/a"));
    route("posts", prefix("/a", {}, {"POST"}));
    route("shop", prefix("/a", {"shop.example.com"}));
    route("wild", prefix("/b", {"*.example.com"}));
    route("canary", prefix("/a")).match.headers.push_back({.watched = 0, .value = "1"});
    route("newer", exact("/b/x")).match.queries.push_back({.watched = 0, .value = "2"});
    prepared();
  }
};

TEST(LogFacts, TheRouteThatIsKeptIsTheOneThatMatches) {
  const ManyWays built;
  const LogAssumptions told{.fields = {*foreign::parse_field_map("header:X-Canary=canary"),
                                       *foreign::parse_field_map("header:X-Tenant=tenant")},
                            .host = {},
                            .groups = {}};
  LogFacts facts(built.policy, built.names, told, kKey);
  std::mt19937 random(4);
  const auto one_of = [&](std::vector<std::string> list) { return list[random() % list.size()]; };
  std::vector<std::size_t> by_route(built.policy.routes.size() + 1);
  std::size_t odd = 0, unjudged = 0;
  for (int i = 0; i < 20'000; ++i) {
    const std::string method = one_of({"GET", "POST"});
    const std::string host =
        one_of({"", "shop.example.com", "SHOP.example.com:80", "x.example.com", "y.test"});
    const std::string target =
        one_of({"/a", "/a/1", "/a//../a", "/b/x", "/b/%78", "/b/y", "/c", "*x"}) +
        one_of({"", "?v=1", "?v=2", "?w=2&v=2"});
    const std::string canary = one_of({"1", "2"}), tenant = std::to_string(random() % 1000);
    const foreign::MappedFact mapped[] = {{.map = 0, .given = random() % 3 != 0, .value = canary},
                                          {.map = 1, .given = true, .value = tenant}};
    const foreign::LogEntry entry{.form = one_of({"o", "o", "o", "n"}) == "o"
                                              ? foreign::RequestForm::origin
                                              : foreign::RequestForm::none,
                                  .client = "192.0.2.1",
                                  .address = Address::v4(192, 0, 2, 1),
                                  .method = method,
                                  .target = target,
                                  .host = host,
                                  .mapped = std::span(mapped).first(random() % 4 == 0 ? 0 : 2)};
    const Rebuilt rebuilt = facts.rebuild(entry);
    const decide::Matched wanted = decide::match_route(built.policy, rebuilt.facts, kKey);
    ASSERT_TRUE(rebuilt.routed);
    ASSERT_EQ(rebuilt.routed->route, wanted.route) << method << " " << host << " " << target;
    ASSERT_EQ(rebuilt.routed->cause, wanted.cause);
    // What the table has of others does not change what this entry comes to.
    if (i % 500 == 0) {
      LogFacts fresh(built.policy, built.names, told, kKey);
      const Rebuilt alone = fresh.rebuild(entry);
      ASSERT_EQ(alone.why, rebuilt.why);
      ASSERT_EQ(alone.facts.method, rebuilt.facts.method);
      ASSERT_EQ(alone.facts.host, rebuilt.facts.host);
      ASSERT_EQ(alone.facts.path, rebuilt.facts.path);
      ASSERT_EQ(alone.facts.query, rebuilt.facts.query);
      ASSERT_EQ(alone.is_odd, rebuilt.is_odd);
    }
    odd += rebuilt.is_odd ? 1 : 0;
    unjudged += rebuilt.why != Unjudged::none ? 1 : 0;
    ++by_route[wanted.route.valid() ? wanted.route.index() : built.policy.routes.size()];
  }
  for (const std::size_t count : by_route) EXPECT_GT(count, 50u);  // every route, and none
  EXPECT_GT(odd, 1000u);
  EXPECT_GT(unjudged, 1000u);
}

TEST(Decider, TellsTheLimitsThatItAskedAsTheirBucketsStand) {
  decide::PolicyBuilder built;
  built.upstream("app", {1});
  built.limit("first", {KeyKind::client_ip}, 5, 5).before_auth = true;
  built.limit("watched", {KeyKind::all}, 2, 2).mode = LimitMode::observe;
  built.limit("tight", {KeyKind::client_net}, 3, 2);
  built.route("all", prefix("/")).limits = {LimitId{0}, LimitId{1}, LimitId{2}};
  built.prepared();
  Decider decider(built.policy, {.seed = kKey, .limit_cells = 4096});
  const Conditions conditions = all_usable(built.policy);
  std::mt19937 random(1);
  std::int64_t now = 0;
  std::size_t told = 0, refused = 0;
  for (std::uint64_t i = 0; i < 2000; ++i) {
    now += static_cast<std::int64_t>(random() % 200'000'000);
    Rebuilt rebuilt;
    rebuilt.facts = decide::request("GET", "h", "/");
    rebuilt.facts.client = Address::v4(10, 0, 0, static_cast<std::uint8_t>(random() % 3));
    const Event event{.stamp = stamp_from_nanos(now),
                      .exchange = {.worker = WorkerId{0}, .sequence = i}};
    refused += decider.decide(event, rebuilt, conditions).verdict.action == Action::refuse ? 1 : 0;
    for (const decide::AskedLimit& asked : decider.asked()) {
      EXPECT_EQ(asked.fill.debt, decider.table().look(asked.key, asked.pace, event.stamp).debt);
      ++told;
    }
  }
  EXPECT_GT(refused, 100u);
  EXPECT_GT(told, 4000u);
}

// Ten cut ones of weight 1 and 90 others of weight 4: 10 of 370, worth 370^2 / 1450 = 94.4 draws;
// Wilson's interval of that share of so many.
TEST(Timeouts, AWeightStandsForSoManyAndTheIntervalKnows) {
  decide::PolicyBuilder built;
  built.upstream("app", {1});
  built.route("all", prefix("/"));
  built.policy.settings[0].timeouts.response =
      ConfiguredTime{.value = std::chrono::milliseconds(500), .source = {}};
  built.prepared();
  Timeouts timeouts(built.policy);
  for (int i = 0; i < 10; ++i)
    timeouts.add(RouteId{0}, std::chrono::milliseconds(600), std::nullopt);
  for (int i = 0; i < 90; ++i)
    timeouts.add(RouteId{0}, std::chrono::milliseconds(100), std::nullopt, 4);
  const Timeouts::Count& count = timeouts.counts()[0];
  EXPECT_EQ(count.of, 370u);
  EXPECT_EQ(count.cut, 10u);
  EXPECT_NEAR(count.interval().low, 0.00850, 1e-4);
  EXPECT_NEAR(count.interval().high, 0.08253, 1e-4);
}

// Sixty were cut at 100 ms. Of ten it is known what came: eight good answers after 250 ms, an
// error, nothing in 400 ms; two probes were dropped, one of them after longer than what is asked
// about.
TEST(Timeouts, WhatWasCutIsJudgedByTheAnswersThatCameLate) {
  using std::chrono::milliseconds;
  const auto with = [](Nanos timeout) {
    decide::PolicyBuilder built;
    built.upstream("app", {1});
    built.route("all", prefix("/"));
    built.policy.settings[0].timeouts.response = ConfiguredTime{.value = timeout, .source = {}};
    built.prepared();
    Timeouts timeouts(built.policy);
    const auto cut = [&](int times, LateResult late, Nanos time) {
      for (int i = 0; i < times; ++i)
        timeouts.add_cut(RouteId{0}, {.took = milliseconds(101), .late = late, .late_time = time});
    };
    cut(48, LateResult::not_asked, Nanos(0));
    cut(8, LateResult::success, milliseconds(250));
    cut(1, LateResult::failure, milliseconds(200));
    cut(1, LateResult::none, milliseconds(400));
    cut(1, LateResult::dropped, milliseconds(150));
    cut(1, LateResult::dropped, milliseconds(350));
    return timeouts.counts()[0];
  };
  const Timeouts::Count wide = with(milliseconds(300));
  EXPECT_EQ(wide.longer, 60u);
  EXPECT_EQ(wide.known, 11u);
  EXPECT_EQ(wide.in_time, 8u);
  EXPECT_NEAR(wide.passed()->allowed, 60.0 * 8 / 11, 1e-9);
  EXPECT_NEAR(wide.passed()->low, 60 * 0.4344, 0.01);  // Wilson's interval of 8 in 11
  EXPECT_NEAR(wide.passed()->high, 60 * 0.9025, 0.01);
  EXPECT_FALSE(with(milliseconds(100)).passed());
  EXPECT_EQ(with(milliseconds(200)).in_time, 0u);
  EXPECT_EQ(with(milliseconds(200)).known, 11u);
  EXPECT_EQ(with(milliseconds(1000)).known,
            10u);  // whether the second one would have come by then is not known
  EXPECT_EQ(with(milliseconds(100)).longer, 0u);  // as it was
}

}  // namespace
}  // namespace weir::replay
