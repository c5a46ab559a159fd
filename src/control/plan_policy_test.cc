#include "control/plan_policy.h"

#include <gtest/gtest.h>

#include <string>

namespace weir::control {
namespace {

std::string changed(std::string text, const std::string& assignment) {
  config::Input input{.files = {{.name = "gateway.yaml", .text = std::move(text)}}};
  const auto done = set_value(input, assignment);
  return done ? input.files[0].text : "error";
}

TEST(PlanSet, ReplacesAValueAndNothingElse) {
  EXPECT_EQ(changed("limits:\n  - name: a\n    rate: 5/s   # why\n", "limits.a.rate=7/s"),
            "limits:\n  - name: a\n    rate: 7/s   # why\n");
  EXPECT_EQ(changed("limits: [{name: a, rate: 5/s}, {name: b, rate: 6/s}]\n", "limits.b.rate=7/s"),
            "limits: [{name: a, rate: 5/s}, {name: b, rate: 7/s}]\n");
  EXPECT_EQ(changed("limits:\n  - {name: a, rate: \"5/s\"}\n", "limits.a.rate=7/s"),
            "limits:\n  - {name: a, rate: 7/s}\n");
  EXPECT_EQ(changed("défaut: 1\nx: {ä: é, b: 2}\n", "x.b=3"), "défaut: 1\nx: {ä: é, b: 3}\n");
}

TEST(PlanSet, AddsAKeyWhereThereIsNone) {
  EXPECT_EQ(changed("limits: [{name: a, rate: 5/s}]\n", "limits.a.burst=9"),
            "limits: [{burst: 9, name: a, rate: 5/s}]\n");
  EXPECT_EQ(changed("limits:\n  - name: a\n    rate: 5/s\n", "limits.a.burst=9"),
            "limits:\n  - burst: 9\n    name: a\n    rate: 5/s\n");
}

TEST(PlanSet, NamesMayHoldDots) {
  EXPECT_EQ(changed("limits: [{name: a.b, rate: 5/s}]\n", "limits.a.b.rate=1/s"),
            "limits: [{name: a.b, rate: 1/s}]\n");
}

TEST(PlanSet, TheLongestNameThatLeadsToAValueIsMeant) {
  const std::string both = "limits: [{name: api, rate: 5/s}, {name: api.v2, rate: 5/s}]\n";
  EXPECT_EQ(changed(both, "limits.api.v2.rate=7/s"),
            "limits: [{name: api, rate: 5/s}, {name: api.v2, rate: 7/s}]\n");
  EXPECT_EQ(changed(both, "limits.api.rate=7/s"),
            "limits: [{name: api, rate: 7/s}, {name: api.v2, rate: 5/s}]\n");
  EXPECT_EQ(changed(both, "limits.api.v2.burst=9"),
            "limits: [{name: api, rate: 5/s}, {burst: 9, name: api.v2, rate: 5/s}]\n");
  // A key of the shorter one's, where the longer one has none of that name.
  EXPECT_EQ(changed("r: [{name: a, b: {c: 1}}, {name: a.b, d: 2}]\n", "r.a.b.c=3"),
            "r: [{name: a, b: {c: 3}}, {name: a.b, d: 2}]\n");
}

TEST(PlanSet, SaysWhereThereIsNoSuchPlace) {
  EXPECT_EQ(changed("limits: [{name: a, rate: 5/s}]\n", "limits.b.rate=1/s"), "error");
  EXPECT_EQ(changed("limits: [{name: a, rate: 5/s}]\n", "limits.a=1/s"), "error");
  EXPECT_EQ(changed("limits: [{name: a, rate: 5/s}]\n", "limits"), "error");
}

TEST(PlanSet, AddsWhatLeadsToAKeyThatIsNotThere) {
  EXPECT_EQ(changed("routes:\n  - name: a\n    upstream: b\n", "routes.a.timeouts.response=2s"),
            "routes:\n  - timeouts: {response: 2s}\n    name: a\n    upstream: b\n");
  EXPECT_EQ(changed("routes: [{name: a, timeouts: {idle: 1s}}]\n", "routes.a.timeouts.response=2s"),
            "routes: [{name: a, timeouts: {response: 2s, idle: 1s}}]\n");
}

TEST(PlanSet, EndpointsGoByTheirAddress) {
  EXPECT_EQ(
      changed("upstreams: [{name: u, endpoints: [10.0.0.1:80, 10.0.0.2:80]}]\n",
              "upstreams.u.endpoints.10.0.0.2:80.weight=3"),
      "upstreams: [{name: u, endpoints: [10.0.0.1:80, {address: 10.0.0.2:80, weight: 3}]}]\n");
  EXPECT_EQ(
      changed(
          "upstreams:\n  - name: u\n    endpoints:\n      - {address: 10.0.0.1:80, weight: 9}\n",
          "upstreams.u.endpoints.10.0.0.1:80.weight=3"),
      "upstreams:\n  - name: u\n    endpoints:\n      - {address: 10.0.0.1:80, weight: 3}\n");
}

std::string without(std::string text, const std::string& path) {
  config::Input input{.files = {{.name = "gateway.yaml", .text = std::move(text)}}};
  const auto done = unset_value(input, path);
  return done ? input.files[0].text : "error";
}

TEST(PlanUnset, TakesOneOfSeveralOut) {
  const std::string block = "routes:\n  - name: a\n    upstream: u\n  - name: b\n    upstream: u\n";
  EXPECT_EQ(without(block, "routes.a"), "routes:\n  - name: b\n    upstream: u\n");
  EXPECT_EQ(without(block, "routes.b"), "routes:\n  - name: a\n    upstream: u\n");
  const std::string flow = "routes: [{name: a, m: [x, y]}, {name: b, m: {c: [d]}}]   # why\nx: 1\n";
  EXPECT_EQ(without(flow, "routes.a"), "routes: [{name: b, m: {c: [d]}}]   # why\nx: 1\n");
  EXPECT_EQ(without(flow, "routes.b"), "routes: [{name: a, m: [x, y]}]   # why\nx: 1\n");
  EXPECT_EQ(without(flow, "routes.a.m"),
            "routes: [{name: a}, {name: b, m: {c: [d]}}]   # why\nx: 1\n");
}

TEST(PlanUnset, AnOnlyOneTakesItsListAlong) {
  EXPECT_EQ(
      without("limits: [{name: a, overrides: [{rate: 1/s}]}, {name: b}]\n", "limits.a.overrides.0"),
      "limits: [{name: a}, {name: b}]\n");
  EXPECT_EQ(without("version: 1\nlimits:\n  - {name: a}\nx: 1\n", "limits.a"),
            "version: 1\nx: 1\n");
}

TEST(PlanUnset, ALimitIsTakenOffTheListsThatNameIt) {
  EXPECT_EQ(without("limits: [{name: a}, {name: b}]\nroutes:\n  - name: a\n    limits: [b, a]\n"
                    "  - name: c\n    limits:\n      - a\n",
                    "limits.a"),
            "limits: [{name: b}]\nroutes:\n  - name: a\n    limits: [b]\n"
            "  - name: c\n    limits:\n      []\n");
}

TEST(PlanUnset, SaysWhereThereIsNoSuchPlace) {
  EXPECT_EQ(without("limits: [{name: a}]\n", "limits.b"), "error");
  EXPECT_EQ(without("limits: [{name: a}]\n", "limits.a.rate"), "error");
}

TEST(PlanLimit, IsRefusedWhereItIsNoRule) {
  EXPECT_TRUE(limits_alone({"client_ip 10/s burst=20", "all 900/s"}, {}));
  EXPECT_FALSE(limits_alone({"client_ip"}, {}));
  EXPECT_FALSE(limits_alone({"client_ip 10/s 20"}, {}));
  EXPECT_FALSE(limits_alone({"client_ip\"}] 10/s"}, {}));
}

}  // namespace
}  // namespace weir::control
