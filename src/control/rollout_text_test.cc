// Screens of a change, from worked values; the layout is that of the guide, every number stands in the JSON too.
#include "control/rollout_text.h"

#include <gtest/gtest.h>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <cmath>
#include <cstring>
#include <string>

#include "control/history.h"
#include "control/history_text.h"
#include "control/review_text.h"
#include "control/rollout_json.h"
#include "control/rollout_steps.h"
#include "control/text.h"
#include "fmt/core.h"

namespace weir::control {
namespace {

using namespace std::chrono_literals;
using boost::json::value;
using rollout::FinishedStage;
using rollout::StageName;

// r43 in the canary of 5 %, 72 s of 300 s.
struct Shown {
  NameTable names;
  RolloutView view;

  Shown() {
    view.now = Stamp(312s);
    rollout::Status& status = view.status;
    status.revision = 43;
    status.before = 42;
    status.stage = StageName::canary;
    status.share = 0.05;
    status.since = Stamp(240s);
    status.until = Stamp(540s);
    status.seen = {.requests = 1080, .units = 101};
    status.finished = {{.result = FinishedStage::Result::passed, .stage = StageName::check, .took = 100ms, .text = "0 errors, 0 warnings"},
                       {.result = FinishedStage::Result::passed, .stage = StageName::plan, .took = 71s, .text = "7 days, 181.4 M requests: 0 known callers newly refused"},
                       {.result = FinishedStage::Result::passed, .stage = StageName::shadow, .took = 120s, .seen = {.requests = 36'000, .differ = 3}},
                       {.result = FinishedStage::Result::passed, .stage = StageName::canary, .share = 0.01, .took = 120s, .seen = {.requests = 360, .units = 20}}};
    status.ahead = {{.stage = StageName::canary, .share = 0.25, .in = 228s}, {.stage = StageName::watch, .in = 528s}};
    view.author = "ops";
    view.reason = "spike hardening";
    view.changes = {{.path = "limits.per-caller.rate", .before = "60/s", .after = "45/s"}};
    view.touches.add(Touch::limit);
    rollout::Judgement judgement{.answer = rollout::Answer::not_enough_data};
    judgement.guards[0].log_evidence = std::log(1.8);
    judgement.guards[0].count = {.control = 62, .candidate = 4};
    judgement.guards[0].of = {.control = 20'520, .candidate = 1'000};
    view.judgement = judgement;
    view.fullest = rollout::Fill::Reading{.limit = names.intern("per-caller"), .candidate = 0.71, .control = 0.5};
    view.hottest = rollout::Load::Endpoint{.name = names.intern("10.0.0.1:9001"), .picks_per_s = 120, .sustained_per_s = 120};
    view.not_seen = {"POST on reports", "GET on health"};
    view.callers_not_seen = 3;
  }
  value json() const { return boost::json::parse(rollout_json(view, names)); }
  std::string text(Bars bars = Bars::no) const { return rollout_text(json(), bars); }
};

void expect_line(const std::string& text, const std::string& line) { EXPECT_NE(text.find(line + "\n"), std::string::npos) << line << "\nis not in\n" << text; }

TEST(RolloutText, ASliceIsToldByItsName) {
  Shown shown;
  const auto worst = [&](rollout::SliceName slice) {
    shown.view.judgement->guards[0].worst = slice;
    return std::string(boost::json::parse(rollout_json(shown.view, shown.names)).at("judge").at("guards").at(0).at("worst").as_string());
  };
  using Kind = rollout::SliceName::Kind;
  EXPECT_EQ(worst({}), "");
  EXPECT_EQ(worst({.kind = Kind::route, .value = shown.names.intern("orders").value}), "route orders");
  std::uint64_t post = 0;
  std::memcpy(&post, "POST", 4);
  EXPECT_EQ(worst({.kind = Kind::method, .value = post}), "method POST");
  EXPECT_EQ(worst({.kind = Kind::group, .value = 7}), "a group");
  shown.view.groups[7] = "acme";
  EXPECT_EQ(worst({.kind = Kind::group, .value = 7}), "group acme");
}

TEST(RolloutText, ShowsACanaryAsTheGuideDoes) {
  const Shown shown;
  const std::string text = shown.text();
  EXPECT_TRUE(text.starts_with("r43 ← r42 by ops   1 change, class limit: limits.per-caller.rate 60/s → 45/s\n")) << text;
  const auto stage = [](std::string_view label, std::string_view words, std::string_view time) {
    return fmt::format(" ✓ {}  {}{:>8}", fitted(label, 13), fitted(words, 73), time);
  };
  expect_line(text, stage("check", "0 errors, 0 warnings", "0.1 s"));
  expect_line(text, stage("plan", "7 days, 181.4 M requests: 0 known callers newly refused", "1m11s"));
  expect_line(text, stage("shadow", "36,000 requests: 3 differ", "2m00s"));
  expect_line(text, stage("canary    1 %", "360 requests, 20 callers: nothing worse", "2m00s"));
  expect_line(text, fmt::format(" ▸ canary    5 %  {}1m12s of 5m00s", fitted("1,080 requests, 101 callers", 68)));
  expect_line(text, "     bad share       0.4 %    control 0.3 %    evidence 1.8, rolls back at 4,000");
  expect_line(text, "     known refused   0.0 %    control 0.0 %    evidence 1.0");
  expect_line(text, "     at 100 %        per-caller fill p99.9 71.0 %, hottest endpoint 10.0.0.1:9001 1.0× of seen");
  expect_line(text, "     not seen yet    POST on reports · GET on health · 3 of the top 100 callers (watched singly)");
  EXPECT_NE(text.find("next: 25 % in 3m48s, live in 8m48s"), std::string::npos);
  EXPECT_TRUE(text.ends_with("now: weir promote | weir rollback\n"));
}

TEST(RolloutText, BarsAreForATerminalAndNothingIsWiderThanIt) {
  const Shown shown;
  EXPECT_EQ(shown.text(Bars::no).find("█"), std::string::npos);
  const std::string text = shown.text(Bars::yes);
  // 72 of 300 s is 4.8 of 20 cells; log 1.8 / log 4,000 is 0.7 of 10.
  expect_line(text, fmt::format(" ▸ canary    5 %  {}1m12s of 5m00s", fitted(fitted("1,080 requests, 101 callers", 36) + "█████░░░░░░░░░░░░░░░", 68)));
  EXPECT_NE(text.find("█░░░░░░░░░  evidence 1.8"), std::string::npos) << text;
  for (std::size_t begin = 0; begin < text.size(); begin = text.find('\n', begin) + 1)
    EXPECT_LE(width(std::string_view(text).substr(begin, text.find('\n', begin) - begin)), kColumns);
}

TEST(RolloutText, EachNumberStandsInTheJson) {
  const value json = Shown().json();
  EXPECT_EQ(json.at("share").as_double(), 0.05);
  EXPECT_EQ(json.at("stage_s").to_number<double>(), 72);
  EXPECT_EQ(json.at("stage_of_s").to_number<double>(), 300);
  EXPECT_EQ(json.at("stage_left_s").to_number<double>(), 228);
  EXPECT_EQ(json.at("requests").to_number<int>(), 1080);
  EXPECT_EQ(json.at("units").to_number<int>(), 101);
  EXPECT_EQ(json.at("finished").at(2).at("requests").to_number<int>(), 36'000);
  EXPECT_EQ(json.at("finished").at(2).at("differ").to_number<int>(), 3);
  EXPECT_EQ(json.at("finished").at(1).at("took_s").to_number<double>(), 71);
  EXPECT_EQ(json.at("ahead").at(1).at("in_s").to_number<double>(), 528);
  const value& bad = json.at("judge").at("guards").at(0);
  EXPECT_DOUBLE_EQ(bad.at("share").to_number<double>(), 0.004);
  EXPECT_DOUBLE_EQ(bad.at("control_share").to_number<double>(), 62.0 / 20'520);
  EXPECT_NEAR(bad.at("evidence").to_number<double>(), 1.8, 1e-9);
  EXPECT_EQ(json.at("judge").at("rolls_back_at").to_number<double>(), 4'000);
  EXPECT_DOUBLE_EQ(json.at("fill").at("candidate").to_number<double>(), 0.71);
  EXPECT_EQ(json.at("hottest").at("ratio").to_number<double>(), 1);
  EXPECT_EQ(json.at("callers_not_seen").to_number<int>(), 3);
  EXPECT_EQ(json.at("changes_total").to_number<int>(), 1);
  EXPECT_TRUE(json.at("exit_code").is_null());
}

TEST(RolloutText, AHoldNamesWhatIsMissingAndWhatDecides) {
  Shown shown;
  shown.view.now = Stamp(720s);
  shown.view.status.held_since = Stamp(540s);
  shown.view.status.held_until = Stamp(1440s);
  shown.view.status.missing = {{.kind = rollout::Missing::Kind::units, .has = 2, .needs = 3},
                               {.kind = rollout::Missing::Kind::load, .subject = shown.names.intern("10.0.0.1:9001"), .has = 150, .needs = 200}};
  const std::string text = shown.text();
  expect_line(text, "     held            3m00s, for want of callers with the change: 2 of 3");
  expect_line(text, "                     and of proof that 10.0.0.1:9001 bears the load: 150/s seen, 200/s needed");
  EXPECT_NE(text.find("next: on once that is there, within 12m00s"), std::string::npos) << text;
  EXPECT_TRUE(text.ends_with("now: weir promote | weir rollback\n"));
}

TEST(RolloutText, TheVerdictComesFirstAndTheExitLast) {
  Shown shown;
  shown.view.status.outcome = rollout::Outcome::stopped;
  shown.view.status.mechanism = rollout::Mechanism::predictive;
  shown.view.status.stage = StageName::shadow;
  shown.view.status.by = "weir";
  shown.view.status.why = "31 known callers newly refused: 120 of 36000 requests";
  shown.view.status.exit_code = 3;
  std::string text = shown.text();
  EXPECT_TRUE(text.starts_with("r43 STOPPED in shadow by weir (predictive): 31 known callers newly refused: 120 of 36000 requests\n")) << text;
  EXPECT_TRUE(text.ends_with("exit 3   next: weir show r43 | weir apply FILE --retry --reason WHY\n")) << text;
  EXPECT_EQ(text.find("▸"), std::string::npos);

  shown.view.status.outcome = rollout::Outcome::rolled_back;
  shown.view.status.stage = StageName::watch;
  shown.view.status.frozen_until = shown.view.now + 30min;
  text = shown.text();
  EXPECT_TRUE(text.starts_with("r43 ROLLED BACK in watch")) << text;
  EXPECT_NE(text.find("pipelines frozen for 30m00s"), std::string::npos);

  shown.view.status = {.revision = 43, .before = 42, .outcome = rollout::Outcome::settled, .exit_code = 0};
  text = shown.text();
  EXPECT_TRUE(text.starts_with("r43 SETTLED\n")) << text;
  EXPECT_TRUE(text.ends_with("next: weir show r43 | weir history\n")) << text;
}

TEST(RolloutText, AWatchSaysWhenItSettlesAndAskForConfirmation) {
  Shown shown;
  rollout::Status& status = shown.view.status;
  status.stage = StageName::watch;
  status.live = true;
  status.share = 1;
  status.until = status.since + 1h;
  status.ahead.clear();
  status.confirm_by = shown.view.now + 8min;
  const std::string text = shown.text();
  EXPECT_NE(text.find("next: settled in 58m48s"), std::string::npos) << text;   // 3,600 - 72 s
  EXPECT_TRUE(text.ends_with("now: weir confirm (within 8m00s) | weir rollback r42\n")) << text;
}

TEST(RolloutText, AnAlarmStandsInTheFirstLine) {
  Shown shown;
  shown.view.status.alarm = "HARM: 5 known callers newly refused: 80 of 900 requests. Not rolled back: r43 is protected, only a person rolls it back";
  EXPECT_TRUE(shown.text().starts_with("HARM: 5 known callers newly refused"));
}

TEST(RolloutText, WhatIsMissingInWords) {
  const auto words = [](std::string_view json) { return missing_text(boost::json::parse(json), "client address"); };
  EXPECT_EQ(words(R"({"kind":"requests","subject":"","has":8120,"needs":20000})"), "requests: 8,120 of 20,000");
  EXPECT_EQ(words(R"({"kind":"units","subject":"","has":2,"needs":3})"), "client addresses with the change: 2 of 3");
  EXPECT_EQ(words(R"({"kind":"extra","subject":"","has":0.008,"needs":0.005})"), "certainty: 0.80 points more may be bad, 0.50 are allowed");
  EXPECT_EQ(words(R"({"kind":"coverage","subject":"","has":0.91,"needs":0.95})"),
            "coverage: kinds of requests seen are 91.0 % of the traffic, 95.0 % needed");
  EXPECT_EQ(words(R"({"kind":"comparison","subject":"","has":0.008,"needs":0.003})"),
            "a comparison: 0.80 % newly bad since the change, 0.30 % before");
  EXPECT_EQ(words(R"({"kind":"requests","subject":"","has":500,"needs":1000,"more_s":150})"), "requests: 500 of 1,000 (about 2m30s more)");
  EXPECT_EQ(words(R"({"kind":"limit","subject":"spike","has":0.97,"needs":0.95})"), "room in the limit spike: 97.0 % full at 100 %, 95.0 % is too near");
}

TEST(RolloutText, TimesAndShares) {
  EXPECT_EQ(clock_text(0.1), "0.1 s");
  EXPECT_EQ(clock_text(48), "48 s");
  EXPECT_EQ(clock_text(59.7), "1m00s");
  EXPECT_EQ(clock_text(228), "3m48s");
  EXPECT_EQ(clock_text(3720), "1h02m");
  EXPECT_EQ(share_text(0.05), "5 %");
  EXPECT_EQ(share_text(0.005), "0.5 %");
  EXPECT_EQ(share_text(0.00001), "0.001 %");
}

TEST(ReviewText, TellsWhatChangedWhatWasSaidSeenAndStayedUnproven) {
  Shown shown;
  rollout::Status& status = shown.view.status;
  status.outcome = rollout::Outcome::rolled_back;
  status.mechanism = rollout::Mechanism::predictive;
  status.stage = StageName::watch;
  status.by = "weir";
  status.why = "5 known callers newly refused: 80 of 900 requests";
  status.finished[2].result = FinishedStage::Result::unproven;
  shown.view.judgement->refused = {.harm = rollout::PairedReading::Harm::spread, .requests = 900, .net = 80, .callers = 5};
  const std::string plain = review_text(shown.json(), Form::plain);
  EXPECT_TRUE(plain.starts_with("r43 by ops: rolled back in watch by weir (predictive): 5 known callers newly refused: 80 of 900\n  requests\n")) << plain;
  expect_line(plain, "  limits.per-caller.rate: 60/s → 45/s");
  expect_line(plain, "  because: spike hardening");
  expect_line(plain, "  7 days, 181.4 M requests: 0 known callers newly refused");
  expect_line(plain, "  canary 1 %: 360 requests, 20 callers: nothing worse (2m00s)");
  expect_line(plain, "  bad: 0.4 %, control 0.3 %, evidence 1.8 of 4,000");
  expect_line(plain, "  5 known callers newly refused: 80 of 900 requests");
  expect_line(plain, "  shadow: 36,000 requests: 3 differ, unproven");
  expect_line(plain, "  not seen: POST on reports");
  const std::string markdown = review_text(shown.json(), Form::markdown);
  EXPECT_TRUE(markdown.starts_with("# r43 by ops: rolled back"));
  for (const std::string_view title : {"What changed", "What plan said", "What was seen", "Who was hurt", "What stayed unproven"})
    EXPECT_NE(markdown.find(fmt::format("\n## {}\n\n- ", title)), std::string::npos) << markdown;
  expect_line(markdown, "- `limits.per-caller.rate`: `60/s` → `45/s`");
}

TEST(ReviewText, HoldsWhatPlanPredictedAgainstWhatWasSeen) {
  Shown shown;
  shown.view.status.predicted = rollout::Prediction{.refused = {.low = 100, .high = 120, .of = 10'000}, .allowed = {.of = 10'000}, .cut = {}, .callers = 3};
  shown.view.observed = {.requests = 5'000, .refused = 55, .allowed = 9, .cut = 4, .callers = 3};
  const std::string text = review_text(shown.json(), Form::plain);
  EXPECT_NE(text.find("requests newly refused: 100 to 120 of 10,000; of 5,000 seen 17 to 1"), std::string::npos) << text;   // rollout/prediction_test
  EXPECT_NE(text.find("55 were\n"), std::string::npos) << text;
  EXPECT_NE(text.find("requests newly allowed: 0 of 10,000; of 5,000 seen 0 to 10 were expected, 9 were\n"), std::string::npos) << text;   // 3.46 and 3.09 times 1.86
  EXPECT_EQ(text.find("cut by a timeout:"), std::string::npos) << "it was not predicted";
  expect_line(text, "  known callers newly refused: 3 at most, 3 seen");
  EXPECT_EQ(text.find("not as predicted"), std::string::npos);
  shown.view.observed.callers = 4;
  expect_line(review_text(shown.json(), Form::plain), "  known callers newly refused: 3 at most, 4 seen: not as predicted");
  shown.view.observed = {};
  EXPECT_EQ(review_text(shown.json(), Form::plain).find("at most"), std::string::npos) << "nothing was decided by both";
}

TEST(ReviewText, OfWhatNobodyJudgedSaysSo) {
  Shown shown;
  shown.view.judgement.reset();
  shown.view.status.forced = true;
  shown.view.status.finished.resize(1);
  const std::string text = review_text(shown.json(), Form::plain);
  expect_line(text, "  nothing: it was forced");
  expect_line(text, "  not known: nothing was judged");
}

TEST(RolloutSteps, ARowIsOfTheStageThatEndedLast) {
  const Shown shown;
  const store::Step step = step_of(shown.view, shown.names, wall_from_nanos(7));
  EXPECT_EQ(step.stage, "canary 1 %");
  EXPECT_EQ(step.verdict, "passed");
  EXPECT_EQ(step.text, "360 requests, 20 callers: nothing worse");
  EXPECT_EQ(step.at, wall_from_nanos(7));
  EXPECT_EQ(boost::json::parse(step.json).at("revision").as_string(), "r43");
}

TEST(RolloutSteps, OfHarmThatTheJudgeSaw) {
  const auto steps = [](std::string_view last) { return std::vector<store::Step>{{.json = R"({"mechanism":"none"})"}, {.json = std::string(last)}, {.json = "{}"}, {.json = "no JSON"}}; };
  EXPECT_TRUE(end_with_harm(steps(R"({"mechanism":"guard"})")));
  EXPECT_TRUE(end_with_harm(steps(R"({"mechanism":"predictive"})")));
  EXPECT_FALSE(end_with_harm(steps(R"({"mechanism":"unconfirmed"})")));
  EXPECT_FALSE(end_with_harm(steps("{}")));
  EXPECT_FALSE(end_with_harm({}));
}

TEST(HistoryText, ShowsStatesStagesAndTheReview) {
  const Shown shown;
  store::Revision refused{.number = 43, .hash = "abc", .state = store::Revision::State::refused, .before = 42, .at = wall_from_nanos(1'000'000'000), .author = "ci",
                          .forced = true, .presented = 360, .presented_at = wall_from_nanos(3'600'000'000'000), .ended_at = wall_from_nanos(2'000'000'000),
                          .ended_by = "weir", .ended_reason = "harm"};
  const store::Revision live{.number = 42, .state = store::Revision::State::live, .at = wall_from_nanos(0), .author = "ops", .settled_at = wall_from_nanos(5)};
  const std::string text = history_text(boost::json::parse(history_json({refused, live}, 42)));
  EXPECT_NE(text.find("apply, forced"), std::string::npos) << text;
  EXPECT_NE(text.find("refused 1970-01-01T00:00:02.000Z by\n         weir: harm; presented again 360 times, last 1970-01-01T01:00:00.000Z\n"), std::string::npos) << text;
  EXPECT_NE(text.find("live\n"), std::string::npos) << text;

  const std::vector<store::Step> steps = {{.at = wall_from_nanos(1'500'000'000), .stage = "shadow", .verdict = "failed", .text = "harm", .json = ""},
                                          review_of(shown.view, shown.names, wall_from_nanos(2'000'000'000))};
  const value revision = boost::json::parse(revision_json(refused, {.files = {{.name = "gateway.yaml", .text = "version: 1\n"}}}, steps));
  EXPECT_EQ(revision.at("steps").as_array().size(), 2u);
  EXPECT_EQ(revision.at("steps").at(1).at("facts").at("requests").to_number<int>(), 1080);
  const std::string show = revision_text(revision);
  EXPECT_NE(show.find("# 1970-01-01T00:00:01.500Z  shadow      failed    harm\n"), std::string::npos) << show;
  EXPECT_NE(show.find("# What was seen\n"), std::string::npos) << show;
  EXPECT_TRUE(show.ends_with("version: 1\n"));
  EXPECT_NE(revision_markdown(revision).find("| 1970-01-01T00:00:01.500Z | shadow | failed | `harm` |"), std::string::npos);
}

}  // namespace
}  // namespace weir::control
