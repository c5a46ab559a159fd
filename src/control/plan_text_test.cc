// The layout of a plan's text against a golden page; its figures are invented (SCREENS). And that
// whatever is in a report comes out printable and within the columns.
#include "control/plan_text.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>
#include <string>

#include "control/text.h"

namespace weir::control {
namespace {

PlanAnswer invented() {
  PlanAnswer answer{.report = {},
                    .subject = "gateway.yaml",
                    .base = "as recorded",
                    .input = "log",
                    .files = {"gateway.yaml"},
                    .notes = {"nginx combined: 100 of 100 lines (access.log)"}};
  replay::PlanReport& report = answer.report;
  report.verdict = replay::PlanVerdict::harm;
  report.reasons = {"known callers refused 1031, budget 0",
                    "requests harmed 31.00 %, budget 0.10 %"};
  report.long_input = true;
  report.input.rows = 25'920'000;
  report.input.skipped = 12;
  report.input.from =
      wall_from_nanos(1'790'553'600'000'000'000);  // 2026-09-28T00:00:00Z, by date(1)
  report.input.to = wall_from_nanos(1'790'640'000'000'000'000);
  report.input.clock_resolution = std::chrono::milliseconds(1);
  report.input.cannot_judge.push_back({.what = "timeouts", .hint = "no durations in this log"});
  report.requests = {.total = 25'920'000,
                     .judged = 25'920'000,
                     .newly_refused = {.value = 8'035'200, .low = 8'035'200, .high = 8'035'200}};
  report.callers = {.active = 2000,
                    .newly_refused = {.value = 1080, .low = 1080, .high = 1080},
                    .known_newly_refused = {.value = 1031, .low = 1031, .high = 1031}};
  report.limits.push_back(
      {.name = "per-caller",
       .rate = {.count = 3000},
       .burst = 6,
       .source = {.line = 14},
       .refused = {.value = 8'035'200, .low = 8'035'200, .high = 8'035'200},
       .callers_refused = 1080,
       .headroom = 0,
       .nearest_safe = replay::NearestSafe{.rate = {.count = 45'000}, .burst = 120}});
  report.routes = {{.name = "catalog",
                    .before = 100,
                    .after = 69,
                    .newly_refused = {.value = 31, .low = 31, .high = 31}},
                   {.name = "orders",
                    .before = 100,
                    .after = 62,
                    .newly_refused = {.value = 38, .low = 38, .high = 38}}};
  report.hurt = {{.caller = "acme-mobile",
                  .after_refused = 1'468'800,
                  .newly_refused = 1'468'800,
                  .of = 1'728'000,
                  .known = true,
                  .days = 412},
                 {.caller = "partner-hub",
                  .after_refused = 518'400,
                  .newly_refused = 518'400,
                  .of = 777'600,
                  .known = true,
                  .days = 96},
                 {.caller = "third", .after_refused = 1, .newly_refused = 1, .of = 2}};
  report.minutes.assign(1440, {.requests = 18'000, .newly_refused = 1});
  report.minutes[522] = {.requests = 18'000, .newly_refused = 10'440};  // 08:42, 58 %
  return answer;
}

TEST(PlanText, LooksLikeTheGoldenPage) {
  EXPECT_EQ(plan_text(invented(), {}, "try: weir plan --set limits.per-caller.rate=45/s"),
            R"(HARM   1,080 of 2,000 callers would be newly refused, 1,031 of them known
  change        as recorded → gateway.yaml
  input         25,920,000 requests of a log, 2026-09-28 00:00 – 2026-09-29 00:00 UTC, 12 skipped
  refused       8,035,200 of 25,920,000 requests (31.0 %), today 0   newly allowed 0
  over time     00:00 ▂▂▂▂▂▂▂▂█▂▂▂▂▂▂▂▂▂▂▂▂▂▂▂ 00:00          worst 08:42, 58.0 %
  limits        per-caller  3/s burst 6   refuses 8,035,200 of 1,080 callers
  routes        orders 38.0 %   catalog 31.0 %
  most hurt     acme-mobile                  0 → 1,468,800 of 1,728,000  (85.0 %)   known 412 days
                partner-hub                  0 → 518,400 of 777,600  (66.7 %)   known 96 days
                … 1 more: --callers
  can judge     limits exact (1.0 ms clock) · routes yes · timeouts NO · balance yes
  cannot judge  timeouts: no durations in this log
  nearest safe  per-caller  rate 45/s burst 120 refuses no known caller
  read          nginx combined: 100 of 100 lines (access.log)
  because       requests harmed 31.00 %, budget 0.10 %
exit 3: known callers refused 1031, budget 0      try: weir plan --set limits.per-caller.rate=45/s
)");
}

TEST(PlanText, WhateverIsInTheReportStaysPrintableAndWithinTheColumns) {
  PlanAnswer answer = invented();
  answer.subject = std::string(300, 'x') + "\x1b[31m";
  answer.report.hurt[0].caller = "\x1b]0;evil\x07 \xff|`" + std::string(300, 'y');
  answer.report.routes[0].name = "\r\n\x9b";
  for (const std::string& text :
       {plan_text(answer, {.all_callers = true}, "next: nothing"), plan_json(answer),
        plan_markdown(answer), plan_sarif(answer, "0")}) {
    EXPECT_TRUE(std::ranges::all_of(text, [](unsigned char c) {
      return c == '\n' || (c >= ' ' && c != 0x7F);
    })) << text;
  }
  std::istringstream lines(plan_text(answer, {.all_callers = true}, "next: nothing"));
  for (std::string line; std::getline(lines, line);) EXPECT_LE(width(line), kColumns) << line;
}

TEST(PlanText, ATimeoutThatIsLongerIsNoWarning) {
  PlanAnswer answer = invented();
  answer.report.timeouts = {{.route = "slow",
                             .timeout = std::chrono::seconds(2),
                             .of = 10,
                             .longer = replay::Timeouts::Passed{.cut_then = 3, .known = 2}}};
  EXPECT_EQ(plan_sarif(answer, "0").find("timeout-cuts"), std::string::npos);
  answer.report.timeouts[0].cut = 1;
  EXPECT_NE(plan_sarif(answer, "0").find("timeout-cuts"), std::string::npos);
}

TEST(PlanText, AnEndpointOfTwoUpstreamsIsToldOnce) {
  PlanAnswer answer = invented();
  for (const char* upstream : {"app", "other"}) {
    answer.report.balance.push_back({.upstream = upstream,
                                     .endpoint = "192.0.2.9:80",
                                     .picks_per_s = 20,
                                     .sustained_per_s = 10,
                                     .sustained_known = true});
  }
  const std::string text = plan_text(answer, {}, "next: nothing");
  const std::size_t told = text.find("192.0.2.9:80");
  ASSERT_NE(told, std::string::npos);
  EXPECT_EQ(text.find("192.0.2.9:80", told + 1), std::string::npos) << text;
}

TEST(PlanText, ExitCodesAreThoseOfTheDesign) {
  EXPECT_EQ(plan_exit_code(replay::PlanVerdict::harmless), 0);
  EXPECT_EQ(plan_exit_code(replay::PlanVerdict::harm), 3);
  EXPECT_EQ(plan_exit_code(replay::PlanVerdict::not_enough_data), 4);
}

}  // namespace
}  // namespace weir::control
