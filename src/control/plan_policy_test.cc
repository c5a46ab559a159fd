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

TEST(PlanSet, SaysWhereThereIsNoSuchPlace) {
  EXPECT_EQ(changed("limits: [{name: a, rate: 5/s}]\n", "limits.b.rate=1/s"), "error");
  EXPECT_EQ(changed("limits: [{name: a, rate: 5/s}]\n", "limits.a=1/s"), "error");
  EXPECT_EQ(changed("limits: [{name: a, rate: 5/s}]\n", "limits"), "error");
}

TEST(PlanLimit, IsRefusedWhereItIsNoRule) {
  EXPECT_TRUE(limits_alone({"client_ip 10/s burst=20", "all 900/s"}, {}));
  EXPECT_FALSE(limits_alone({"client_ip"}, {}));
  EXPECT_FALSE(limits_alone({"client_ip 10/s 20"}, {}));
  EXPECT_FALSE(limits_alone({"client_ip\"}] 10/s"}, {}));
}

}  // namespace
}  // namespace weir::control
