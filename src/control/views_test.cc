// The views of the live policy and its counters (policy_json, status_json, top), read back as JSON
// and as the text that the commands make of it. Counts are those that the test put into the
// records.
#include <gtest/gtest.h>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>

#include "control/gateway.h"
#include "control/health_text.h"
#include "control/live_policy_for_tests.h"
#include "control/overrides_json.h"
#include "control/policy_json.h"
#include "control/status_json.h"
#include "control/status_text.h"
#include "control/text.h"
#include "control/top.h"
#include "control/top_text.h"

namespace weir::control {
namespace {

using exporting::LimitVerdict;
using exporting::MetricsShard;
using exporting::MetricsSnapshot;

constexpr const char* kConfiguration = R"(version: 1
listeners:
  - {name: public, address: 127.0.0.1:8080}
limits:
  - {name: per-caller, key: [caller, route], rate: 30/min, burst: 7}
upstreams:
  - name: shop
    endpoints: [{address: 127.0.0.1:9001, weight: 3}, 127.0.0.1:9002]
routes:
  - {name: catalog, match: {path: /catalog/*, methods: [GET]}, upstream: shop, limits: [per-caller], timeouts: {response: 500ms}}
  - {name: welcome, match: {path: /}, respond: {status: 200, body: "hi"}}
)";

class Views : public testing::Test {
 protected:
  ExchangeRecord record(Cause cause, std::uint16_t status, std::string_view endpoint = "") {
    ExchangeRecord r;
    r.route = live.policy->routes[0].name;
    r.cause = cause;
    r.status = status;
    r.total_time = std::chrono::milliseconds(10);
    if (!endpoint.empty()) {
      r.upstream = live.policy->upstreams[0].name;
      r.endpoint = live.names.intern(endpoint);
      r.attempts = 1;
      r.tries[0] = {.endpoint = r.endpoint, .micros = 8000, .status = status, .cause = cause};
      r.response_time = std::chrono::milliseconds(8);
    }
    if (cause == Cause::limit_rejected) r.rule = live.policy->limits[0].name;
    return r;
  }
  MetricsSnapshot counts() {
    const MetricsShard* shards[] = {&shard};
    return exporting::read_metrics(shards);
  }

  LivePolicy live{kConfiguration};
  MetricsShard shard;
};

TEST_F(Views, RoutesTellWhatIsConfiguredAndWhatTheyCarried) {
  for (int i = 0; i < 5; ++i) shard.on_exchange(record(Cause::none, 200, "127.0.0.1:9001"));
  const auto json = boost::json::parse(routes_json(*live.policy, live.names, counts()));
  EXPECT_EQ(json.at("revision").as_string(), "r7");
  const auto& catalog = json.at("routes").at(0);
  EXPECT_EQ(catalog.at("match").at("path").as_string(), "/catalog/*");
  EXPECT_EQ(catalog.at("action").at("upstreams").at(0).at("name").as_string(), "shop");
  EXPECT_EQ(catalog.at("limits").at(0).as_string(), "per-caller");
  EXPECT_EQ(catalog.at("timeouts").at("response_ms").to_number<double>(), 500);
  EXPECT_TRUE(catalog.at("timeouts").at("total_ms").is_null());
  EXPECT_EQ(catalog.at("requests").to_number<int>(), 5);
  EXPECT_NEAR(catalog.at("p99_ms").to_number<double>(), 10, 0.5);
  EXPECT_EQ(catalog.at("at").as_string(), "conf/gateway.yaml:10");
  EXPECT_EQ(json.at("routes").at(1).at("action").at("kind").as_string(), "direct_response");
  EXPECT_TRUE(json.at("routes").at(1).at("p99_ms").is_null());
}

TEST_F(Views, UpstreamsTellSharesAgainstWeights) {
  for (int i = 0; i < 3; ++i) shard.on_exchange(record(Cause::none, 200, "127.0.0.1:9001"));
  shard.on_exchange(record(Cause::none, 200, "127.0.0.1:9002"));
  const auto hold = live.in_flight.enter(live.policy->endpoints[1].identity);
  const auto json = boost::json::parse(
      upstreams_json(*live.policy, live.names, counts(),
                     {.conditions = live.conditions,
                      .health = {decide::EndpointState::healthy, decide::EndpointState::ejected},
                      .in_flight = live.in_flight,
                      .amplification = {1.25}}));
  EXPECT_EQ(json.at("upstreams").at(0).at("retry_amplification").to_number<double>(), 1.25);
  const auto& endpoints = json.at("upstreams").at(0).at("endpoints");
  EXPECT_EQ(endpoints.at(0).at("picks").to_number<int>(), 3);
  EXPECT_EQ(endpoints.at(0).at("share").to_number<double>(), 0.75);
  EXPECT_EQ(endpoints.at(0).at("share_wanted").to_number<double>(), 0.75);
  EXPECT_EQ(endpoints.at(1).at("in_flight").to_number<int>(), 1);
  EXPECT_EQ(endpoints.at(0).at("health").as_string(), "healthy");
  EXPECT_EQ(endpoints.at(1).at("health").as_string(), "ejected");
  EXPECT_EQ(endpoints.at(1).at("addresses").at(0).as_string(), "127.0.0.1:9002");
}

TEST_F(Views, LimitsTellWhatTheySaid) {
  const NameId name = live.policy->limits[0].name;
  for (int i = 0; i < 4; ++i) shard.on_limit(name, LimitVerdict::passed, LimitMode::enforce);
  shard.on_limit(name, LimitVerdict::refused, LimitMode::enforce);
  shard.on_limit(name, LimitVerdict::refused, LimitMode::observe);
  const auto limit =
      boost::json::parse(limits_json(*live.policy, live.names, counts())).at("limits").at(0);
  EXPECT_EQ(limit.at("key").as_string(), "caller + route");
  EXPECT_EQ(limit.at("rate").as_string(), "30/min");
  EXPECT_EQ(limit.at("rate_per_s").to_number<double>(), 0.5);
  EXPECT_EQ(limit.at("burst").to_number<int>(), 7);
  EXPECT_EQ(limit.at("passed").to_number<int>(), 4);
  EXPECT_EQ(limit.at("refused").to_number<int>(), 1);
  EXPECT_EQ(limit.at("would_have_refused").to_number<int>(), 1);
}

TEST_F(Views, StatusSaysTheSameInJsonAndInWords) {
  for (int i = 0; i < 1200; ++i) shard.on_exchange(record(Cause::none, 200, "127.0.0.1:9001"));
  for (int i = 0; i < 34; ++i) shard.on_exchange(record(Cause::limit_rejected, 429));
  const Applied last{
      .at = wall_from_nanos(1'800'000'000'000'000'000), .reason = "CHG-7\x1b[2J", .errors = 2};
  const auto facts = [&] {
    return StatusFacts{.policy = *live.policy,
                       .names = live.names,
                       .last_change = last,
                       .changes_applied = 3,
                       .changes_refused = 1,
                       .configuration = "gateway.yaml",
                       .data_dir = "/var/lib/weir",
                       .workers = 2,
                       .pid = 4711,
                       .started = wall_from_nanos(1'000'000'000),
                       .now = wall_from_nanos(725'000'000'000),
                       .counts = counts()};
  };
  const auto json = boost::json::parse(status_json(facts()));
  EXPECT_EQ(json.at("revision").as_string(), "r7");
  EXPECT_EQ(json.at("requests").at("total").to_number<int>(), 1234);
  EXPECT_EQ(json.at("requests").at("by_class").at("4xx").to_number<int>(), 34);
  EXPECT_EQ(json.at("requests").at("by_cause").at(0).at("cause").as_string(), "limit_rejected");
  EXPECT_EQ(json.at("up_s").to_number<double>(), 724);
  const std::string text = status_text(json);
  for (const char* part : {"weir 0.1.0 serves r7 of gateway.yaml", "up 12 m 4 s", "pid 4711",
                           "1,234", "2xx 1,200", "limit_rejected", "127.0.0.1:8080",
                           "REFUSED, 2 errors", "/var/lib/weir/admin.sock", "next:"}) {
    EXPECT_NE(text.find(part), std::string::npos) << part << "\n" << text;
  }
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
}

TEST_F(Views, StatusTellsOfBuffersThatCouldNotBeWritten) {
  const Applied last;
  StatusFacts facts{.policy = *live.policy, .names = live.names, .last_change = last};
  EXPECT_EQ(status_text(boost::json::parse(status_json(facts))).find("LOST"), std::string::npos);
  facts.scribe.record_buffers_dropped = 1;
  facts.scribe.log_buffers_dropped = 2;
  const auto json = boost::json::parse(status_json(facts));
  EXPECT_EQ(json.at("recording").at("buffers_dropped").to_number<int>(), 1);
  EXPECT_EQ(json.at("access_log").at("buffers_dropped").to_number<int>(), 2);
  const std::string text = status_text(json);
  EXPECT_NE(text.find("LOST 1 buffer of records, 2 of log lines"), std::string::npos) << text;
}

TEST_F(Views, APanicCountsThoseThatTakeRequests) {
  LivePolicy drained(R"(version: 1
listeners: [{name: public, address: 127.0.0.1:8080}]
upstreams:
  - {name: shop, endpoints: [127.0.0.1:9001, 127.0.0.1:9002, {address: 127.0.0.1:9003, weight: 0}]}
routes:
  - {name: all, match: {path: /*}, upstream: shop}
)");
  const auto line = [&](decide::PoolEvent::Kind kind, std::uint32_t healthy) {
    return health_line(*drained.policy, drained.names, UpstreamId{0},
                       {.kind = kind, .offset = healthy});
  };
  EXPECT_TRUE(line(decide::PoolEvent::Kind::panic_begins, 0)
                  .starts_with("upstream shop: only 0 of 2 endpoints are healthy"));
  EXPECT_TRUE(line(decide::PoolEvent::Kind::panic_ends, 2)
                  .starts_with("upstream shop: 2 of 2 endpoints are healthy"));
}

TEST(OverridesJson, SaysWhenOneEndsAndAsManyThatEndedAsAreAskedFor) {
  const Stamp now = stamp_from_nanos(100'000'000'000);
  Overridden answer{.done = true};
  answer.override_ =
      OverrideInForce{.given = {.number = 3, .what = {}, .lasts = std::chrono::hours(1)},
                      .until = now + std::chrono::seconds(90),
                      .idle = {}};
  EXPECT_EQ(boost::json::parse(overridden_json(answer, now))
                .at("override")
                .at("left_s")
                .to_number<double>(),
            90);
  std::vector<store::OverrideRow> rows(4);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    rows[i].number = static_cast<std::uint32_t>(9 - i);
    if (i > 0) rows[i].ended_at = wall_from_nanos(1'000'000'000);  // the newest is in force
  }
  const auto json = boost::json::parse(overrides_json(7, {}, rows, 2, now));
  ASSERT_EQ(json.at("ended").as_array().size(), 2u);
  EXPECT_EQ(json.at("ended").at(0).at("override").as_string(), "o8");
  EXPECT_EQ(json.at("ended").at(1).at("override").as_string(), "o7");
}

exporting::KeptExchange kept(ExchangeRecord record, std::string caller) {
  record.client = Address::v4(192, 0, 2, 7);
  return {.record = record, .caller = std::move(caller)};
}

TEST_F(Views, TopTellsRatesOfWhatHappenedInBetween) {
  for (int i = 0; i < 100; ++i) shard.on_exchange(record(Cause::none, 200, "127.0.0.1:9001"));
  const TopLook before{.at = wall_from_nanos(1'000'000'000), .counts = counts(), .finished = {100}};
  std::vector<exporting::KeptExchange> exchanges;
  for (int i = 0; i < 30; ++i) {
    const ExchangeRecord r = record(i % 3 == 0 ? Cause::limit_rejected : Cause::none,
                                    i % 3 == 0 ? 429 : 200, i % 3 == 0 ? "" : "127.0.0.1:9002");
    shard.on_exchange(r);
    exchanges.push_back(kept(r, i % 3 == 0 ? "acme" : ""));
  }
  shard.on_exchange(record(Cause::response_timeout, 504, "127.0.0.1:9002"));
  const TopLook after{.at = wall_from_nanos(3'000'000'000), .counts = counts(), .finished = {131}};
  const auto json = boost::json::parse(top_json({.policy = *live.policy,
                                                 .names = live.names,
                                                 .in_flight = live.in_flight,
                                                 .before = before,
                                                 .after = after,
                                                 .exchanges = exchanges}));
  EXPECT_EQ(json.at("seconds").to_number<double>(), 2);
  EXPECT_EQ(json.at("rate").to_number<double>(), 15.5);
  EXPECT_EQ(json.at("refused_rate").to_number<double>(), 5);
  EXPECT_EQ(json.at("failed_rate").to_number<double>(), 0.5);
  EXPECT_EQ(json.at("routes").at(0).at("rate").to_number<double>(), 15.5);
  // 30 of the 31 were seen: callers are estimated from those.
  EXPECT_EQ(json.at("callers").at(0).at("name").as_string(), "192.0.2.7");
  EXPECT_DOUBLE_EQ(json.at("callers").at(0).at("rate").to_number<double>(), 10.0 * 31 / 30);
  EXPECT_DOUBLE_EQ(json.at("callers").at(1).at("refused_rate").to_number<double>(), 5.0 * 31 / 30);
  EXPECT_EQ(json.at("endpoints").as_array().size(), 1u);  // the other one had no picks in between
  EXPECT_EQ(json.at("endpoints").at(0).at("rate").to_number<double>(), 10.5);
  EXPECT_EQ(json.at("causes").at(0).at("cause").as_string(), "limit_rejected");
  EXPECT_EQ(json.at("causes").at(0).at("rules").at(0).as_string(), "per-caller");
  const std::string text = top_text(json);
  for (const char* part : {"16/s", "refused 5.0/s", "catalog", "acme", "127.0.0.1:9002",
                           "limit_rejected", "estimated from 30 of 31"}) {
    EXPECT_NE(text.find(part), std::string::npos) << part << "\n" << text;
  }
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
}

TEST_F(Views, TopCallsRefusedWhatTheGatewayRefused) {
  const TopLook before{.at = wall_from_nanos(0), .counts = counts(), .finished = {0}};
  shard.on_exchange(record(Cause::limit_rejected, 429));
  for (const Cause cause : {Cause::client_gone, Cause::deadline_expired, Cause::internal_error})
    shard.on_exchange(record(cause, 0));
  const TopLook after{.at = wall_from_nanos(1'000'000'000), .counts = counts(), .finished = {4}};
  const auto json = boost::json::parse(top_json({.policy = *live.policy,
                                                 .names = live.names,
                                                 .in_flight = live.in_flight,
                                                 .before = before,
                                                 .after = after}));
  EXPECT_EQ(json.at("refused_rate").to_number<double>(), 1);
  EXPECT_EQ(json.at("failed_rate").to_number<double>(), 3);
}

TEST_F(Views, TopKnowsCallersAsEverybodyDoesAndShowsAsManyAsAreAskedFor) {
  const auto top = [&](std::vector<exporting::KeptExchange> exchanges, std::size_t rows) {
    const TopLook look{.at = wall_from_nanos(1'000'000'000), .counts = counts(), .finished = {0}};
    return boost::json::parse(top_json({.policy = *live.policy,
                                        .names = live.names,
                                        .in_flight = live.in_flight,
                                        .before = look,
                                        .after = look,
                                        .exchanges = std::move(exchanges),
                                        .rows = rows}));
  };
  const auto from = [&](std::string_view client, std::string caller = "") {
    auto one = kept(record(Cause::none, 200), std::move(caller));
    one.record.client = *Address::parse(client);
    return one;
  };
  const auto one = top({from("2001:db8:1:2::3"), from("2001:db8:1:2:ffff::4")}, 20);
  EXPECT_EQ(one.at("callers_seen").to_number<int>(), 1);
  EXPECT_EQ(one.at("callers").at(0).at("name").as_string(), "2001:db8:1:2::");
  EXPECT_EQ(top({from("192.0.2.7"), from("192.0.2.8", "192.0.2.7")}, 20)
                .at("callers_seen")
                .to_number<int>(),
            2);
  std::vector<exporting::KeptExchange> many;
  for (int i = 0; i < 30; ++i) many.push_back(from("192.0.2.1", "c" + std::to_string(i)));
  const auto shown = top(many, 25);
  EXPECT_EQ(shown.at("callers").as_array().size(), 25u);
  EXPECT_EQ(shown.at("callers_seen").to_number<int>(), 30);
}

TEST(Top, AnEndpointOfTwoUpstreamsIsInFlightOnce) {
  LivePolicy live(R"(version: 1
listeners: [{name: public, address: 127.0.0.1:8080}]
upstreams:
  - {name: a, endpoints: [127.0.0.1:9001]}
  - {name: b, endpoints: [127.0.0.1:9001]}
routes:
  - {name: one, match: {path: /a}, upstream: a}
  - {name: two, match: {path: /b}, upstream: b}
)");
  ASSERT_EQ(live.policy->endpoints[0].identity, live.policy->endpoints[1].identity);
  const auto hold = live.in_flight.enter(live.policy->endpoints[0].identity);
  const TopLook look{.at = wall_from_nanos(1'000'000'000), .counts = {}, .finished = {0}};
  const auto json = boost::json::parse(top_json({.policy = *live.policy,
                                                 .names = live.names,
                                                 .in_flight = live.in_flight,
                                                 .before = look,
                                                 .after = look}));
  EXPECT_EQ(json.at("in_flight").to_number<int>(), 1);
}

TEST_F(Views, TopOfAnIdleGatewayIsEmptyAndWhole) {
  const TopLook look{.at = wall_from_nanos(1'000'000'000), .counts = counts(), .finished = {0}};
  const auto json = boost::json::parse(top_json({.policy = *live.policy,
                                                 .names = live.names,
                                                 .in_flight = live.in_flight,
                                                 .before = look,
                                                 .after = look}));
  EXPECT_EQ(json.at("rate").to_number<double>(), 0);
  EXPECT_TRUE(json.at("p99_ms").is_null());
  EXPECT_TRUE(top_text(json).starts_with("0.0/s   refused 0.0/s   failed"));
}

}  // namespace
}  // namespace weir::control
