#include "drill/scenario.h"

#include <gtest/gtest.h>

#include <chrono>
#include <fstream>
#include <set>
#include <sstream>
#include <string>

namespace weir::drill {
namespace {

using namespace std::chrono_literals;

constexpr const char* kWhole = R"(
version: 1
name: all of it
gateway: gateway.yaml
seed: 9
duration: 2m
upstreams:
  - name: orders
    endpoints: [127.0.0.1:9001]
    behaviour: {workers: 2, latency: lognormal(15ms 0.6), errors: 2.5%, timeout: 1s}
links: [{name: way, before: orders, faults: [delay 20ms, reset on 1%]}]
traffic:
  - name: external
    rate: 0.5/s
    burst: {mean: 4, gap: 30ms}
    callers: {count: 2000, zipf: 0.9, identity: partner}
    requests: [{name: home, weight: 3, path: /}, {name: order, method: POST, path: /orders, body: 2KiB}]
    retry: {times: 3, share: 50%, on: [limit_rejected, 503]}
events:
  - {at: 30s, upstream: orders, change: {slowdown: 4, errors: 0%}}
  - {at: 40s, gateway: {limits.all.rate: 3/s}}
  - {at: 50s, link: way, faults: []}
expect: [{from: 10s, request: home, good: 99..%, p99: ..300ms, outcomes: {503: 0}}]
)";

ScenarioSpec read(const std::string& text, std::string& said) {
  config::Diagnostics diagnostics;
  ScenarioSpec spec = read_scenario(text, diagnostics);
  for (const auto& each : diagnostics.list()) said += each.message + " | " + each.remedy + "\n";
  return spec;
}

TEST(Scenario, IsReadWhole) {
  std::string said;
  const ScenarioSpec spec = read(kWhole, said);
  ASSERT_EQ(said, "");
  EXPECT_EQ(spec.duration.value.value, 120s);
  const Behaviour& behaviour = spec.upstreams.value[0].value.behaviour.value;
  EXPECT_EQ(behaviour.workers.value, 2u);
  EXPECT_EQ(behaviour.latency.value.sigma, 0.6);
  EXPECT_EQ(behaviour.errors.value.thousandths, 2500u);
  EXPECT_EQ(behaviour.timeout.value, 1s);
  EXPECT_EQ(behaviour.queue.value, 64u);
  EXPECT_EQ(spec.links.value[0].value.faults.value.size(), 2u);
  const TrafficSpec& traffic = spec.traffic.value[0].value;
  EXPECT_DOUBLE_EQ(traffic.rate.value.per_second(), 0.5);
  EXPECT_EQ(traffic.callers.value.zipf.value.value, 0.9);
  EXPECT_EQ(traffic.requests.value[1].value.body.value.count, 2048u);
  EXPECT_EQ(traffic.retry.value.on.value[1].value.text, "503");
  EXPECT_EQ(spec.expect.value[0].value.p99.value, (TimeRange{0ms, 300ms}));
}

TEST(Scenario, AnEventIsSaidInWords) {
  std::string said;
  const ScenarioSpec spec = read(kWhole, said);
  EXPECT_EQ(describe(spec.events.value[0].value), "orders: {slowdown: 4, errors: 0%}");
  EXPECT_EQ(describe(spec.events.value[1].value), "gateway: limits.all.rate = 3/s");
  EXPECT_EQ(describe(spec.events.value[2].value), "way: no fault");
}

TEST(Scenario, OnlyTheKeysThatWereWrittenAreSent) {
  std::string said;
  const ScenarioSpec spec = read(kWhole, said);
  Behaviour behaviour = spec.upstreams.value[0].value.behaviour.value;
  ASSERT_TRUE(change(behaviour, print_given(spec.events.value[0].value.change.value)));
  EXPECT_EQ(behaviour.slowdown.value.value, 4);
  EXPECT_EQ(behaviour.errors.value.thousandths, 0u);
  EXPECT_EQ(behaviour.workers.value, 2u);
}

TEST(Behaviour, IsReadAsItIsPrinted) {
  Behaviour first, second;
  ASSERT_TRUE(change(
      first,
      "{latency: 'lognormal(20ms, 0.4)', error_methods: [POST, PUT], version: v42, timeout: 2s}"));
  ASSERT_TRUE(change(second, print(first)));
  EXPECT_EQ(print(first), print(second));
  ASSERT_TRUE(change(second, "{error_methods: [GET], timeout: none}"));  // a list is given anew
  EXPECT_EQ(second.error_methods.value.size(), 1u);
  EXPECT_FALSE(second.timeout.value);
  const std::string before = print(second);
  EXPECT_FALSE(change(second, "{workers: 3, latency: soon}"));
  EXPECT_EQ(print(second), before);
}

TEST(Scenario, OutcomesAreThoseThatCanCome) {
  const auto said_of = [](const std::string& from, const std::string& to) {
    std::string text = kWhole, said;
    text.replace(text.find(from), from.size(), to);
    read(text, said);
    return said;
  };
  EXPECT_EQ(said_of("503: 0", "limit_reject: 0"),
            "\"limit_reject\" is no outcome | did you mean limit_rejected?\n");
  EXPECT_EQ(said_of("503: 0", "resets: 0"), "\"resets\" is no outcome | did you mean reset?\n");
  for (const char* wrong : {"5030: 0", "5xx: 0", "none: 0", "603: 0"})
    EXPECT_NE(said_of("503: 0", wrong).find("is no outcome"), std::string::npos) << wrong;
  for (const char* right : {"gave_up: 0", "response_timeout: 0", "direct_response: 0", "200: 100%"})
    EXPECT_EQ(said_of("503: 0", right), "") << right;
  EXPECT_NE(said_of("[limit_rejected, 503]", "[limit_rejected, 50]").find("\"50\" is no outcome"),
            std::string::npos);
  EXPECT_NE(said_of("good: 99..%", "requests: 99..%").find("requests are counted"),
            std::string::npos);
}

TEST(TimeRange, HasOneOpenEndAtMost) {
  EXPECT_EQ(*read_time_range("..300ms"), (TimeRange{0ms, 300ms}));
  EXPECT_EQ(*read_time_range("100ms.."), (TimeRange{100ms, Nanos::max()}));
  EXPECT_EQ(*read_time_range("100ms..2s"), (TimeRange{100ms, 2s}));
  for (const char* text : {"", "..", "300ms", "2s..1s", "a..b", "1s..2s..3s"})
    EXPECT_FALSE(read_time_range(text)) << text;
  for (const char* text : {"..300ms", "100ms..", "100ms..2s"})
    EXPECT_EQ(print_time_range(*read_time_range(text)), text);
}

void keys_of(const config::Object& object, std::set<std::string>& keys) {
  for (const config::Field& field : object.fields) {
    keys.emplace(field.key);
    const config::Shape* shape = &field.shape();
    while (shape->element != nullptr) shape = &shape->element();
    if (shape->object != nullptr) keys_of(shape->object(), keys);
  }
}

TEST(Scenario, EveryKeyStandsInTheGuide) {
  std::ifstream file(WEIR_ROOT "/docs/guide/drill.md");
  std::stringstream text;
  text << file.rdbuf();
  const std::string guide = text.str();
  ASSERT_GT(guide.size(), 1000u);
  std::set<std::string> keys;
  keys_of(scenario_object(), keys);
  EXPECT_GT(keys.size(), 50u);
  for (const std::string& key : keys) {
    const bool there = guide.find("`" + key + "`") != std::string::npos ||
                       guide.find("`" + key + ":") != std::string::npos ||
                       guide.find("{" + key + ": ") != std::string::npos ||
                       guide.find(", " + key + ": ") != std::string::npos;
    EXPECT_TRUE(there) << key;
  }
}

}  // namespace
}  // namespace weir::drill
