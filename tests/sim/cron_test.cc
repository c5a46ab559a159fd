// A cron that presents a bad file every ten seconds, for an hour of simulated time. Real are the proxy with two policies that decide, the judge
// and the stages (going_out.h), and of control what the gateway itself calls: the history on a real disk, admission, what a text bears whose
// mark it is, what is said of it, and what boots. Made up: that it is a HUP which brings the text, as no signal comes to a simulated process.
#include <gtest/gtest.h>
#include <stdlib.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "config/change_class.h"
#include "config/difference.h"
#include "control/boot.h"
#include "control/gateway.h"
#include "control/history.h"
#include "control/rollout_steps.h"
#include "control/said_once.h"
#include "fmt/core.h"
#include "going_out.h"
#include "rollout/admit.h"

namespace weir::simulated {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;
using store::Revision;

constexpr std::string_view kNeeded = "x-mark";

std::string file_text(const std::string& folder, std::string_view route) {
  return fmt::format("version: 1\n"
                     "data_dir: {}\n"
                     "listeners: [{{name: public, address: 10.1.0.1:80, trusted_proxies: [127.0.0.0/8]}}]\n"
                     "record: {{enabled: false}}\n"
                     "rollout: {{shadow: 2m, canary: [5%: 2m], watch: 60m, max_hold: 1m, on_not_enough_data: promote_watched}}\n"
                     "upstreams: [{{name: back, endpoints: [10.2.0.1:9001], ejection: false}}]\n"
                     "routes:\n"
                     "  - {{name: orders, match: {{path: /orders/*}}, upstream: back{}}}\n"
                     "  - {{name: others, upstream: back}}\n",
                     folder, route);
}

// What the gateway does with a text that a HUP brings, in the same order (control/gateway_changes.cc), and what it writes.
class Presented {
 public:
  enum class Answer : std::uint8_t { begun, under_way, live, taken_back, busy };

  Presented(GoingOut& going, const std::string& folder, const std::string& live) : going_(going), history_(folder + "/revisions.db"), live_(input_of(live)) {
    EXPECT_EQ(history_.boot({.input = live_, .way = Revision::Way::start, .author = "start", .reason = ""}, config::hash_of(live_), going.wall()), 1u);
    EXPECT_TRUE(history_.settle(1, {.at = going.wall(), .stage = "watch", .verdict = "passed", .text = "nothing was live before it", .json = "{}"}));
    going.on_order([this](const rollout::Order& order) { write(order); });
  }

  static config::Input input_of(const std::string& text) { return {.files = {{"gateway.yaml", text}}, .directory = "/nowhere", .lint = false}; }

  Answer present(const std::string& text) {
    const config::Input input = input_of(text);
    const std::string hash = config::hash_of(input);
    const bool under_way = going_.machine() != nullptr && !going_.machine()->ended();
    if (under_way && hash == config::hash_of(candidate_) && !going_.machine()->live()) return Answer::under_way;
    if (hash == config::hash_of(live_)) return Answer::live;
    const auto marked = history_.refuse_marked(hash, going_.wall());
    EXPECT_TRUE(marked);
    if (*marked) {
      const control::Applied applied{.taken_back = true, .revision = 1, .error = fmt::format("this text is {}", control::taken_back_text(**marked))};
      if (once_.says(hash)) log.push_back(control::describe(applied));
      return Answer::taken_back;
    }
    const config::Comparison comparison = config::compare(live_, input).value();
    const auto live = going_.gateway().compile(live_.files.front().text), next = going_.gateway().compile(text);
    const rollout::Request request{.way = rollout::Way::pipeline, .author = "HUP", .reason = "", .confirm_within = {}};
    const auto admitted = rollout::admit(request, config::change_class(comparison, *live, *next),
                                         {.rollout = going_.machine(), .frozen_until = frozen_until_, .busy = live->rollout.busy}, going_.now());
    if (!admitted) return Answer::busy;
    EXPECT_EQ(*admitted, rollout::Admission::begin);
    candidate_ = input;
    const auto number = history_.propose({.input = input, .way = Revision::Way::hup, .author = "HUP", .reason = ""}, hash, 1, going_.wall());
    EXPECT_TRUE(number);
    going_.begin(text, request);
    EXPECT_EQ(*number, going_.revision());
    return Answer::begun;
  }

  control::History& history() { return history_; }
  std::vector<std::string> log;

 private:
  // As control/gateway_rollout.cc: a row for each stage that has ended, the last one with the end.
  void write(const rollout::Order& order) {
    using Kind = rollout::Order::Kind;
    const rollout::Status status = going_.status();
    const bool ends = order.kind == Kind::roll_back || order.kind == Kind::stop;
    for (; told_ < status.finished.size() - (ends ? 1 : 0); ++told_) EXPECT_TRUE(history_.add_step(status.revision, step(status, told_)));
    if (order.kind == Kind::make_live) {
      EXPECT_TRUE(history_.make_live(status.revision, {.at = going_.wall(), .stage = "live", .verdict = "", .text = "", .json = "{}"}));
      std::swap(live_, candidate_);
    }
    if (order.kind == Kind::roll_back) {
      EXPECT_TRUE(history_.take_back(status.before, going_.wall(), status.by, status.why, step(status, told_++)));
      std::swap(live_, candidate_);
    }
    if (order.kind == Kind::stop) EXPECT_TRUE(history_.stop(status.revision, store::Revisions::Mark::yes, step(status, told_++), status.by, status.why));
    if (!ends) return;
    frozen_until_ = status.frozen_until;
    log.push_back(control::rollout_line(status));
  }

  store::Step step(rollout::Status status, std::size_t n) {
    status.finished.resize(n + 1);
    const control::RolloutView view{.status = std::move(status), .now = going_.now(), .author = "HUP", .reason = "", .changes = {}, .touches = {}, .judgement = going_.judgement(), .fullest = {}, .hottest = {}, .not_seen = {}};
    return control::step_of(view, going_.gateway().names(), going_.wall());
  }

  GoingOut& going_;
  control::History history_;
  control::SaidOnce once_;
  config::Input live_, candidate_;
  std::optional<Stamp> frozen_until_;
  std::size_t told_ = 0;
};

class Cron : public testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/weir-cron-XXXXXX";
    ASSERT_NE(::mkdtemp(name), nullptr);
    folder_ = name;
    good_ = file_text(folder_, "");
    bad_ = file_text(folder_, fmt::format(", request_headers: {{remove: [{}]}}", kNeeded));
    going_ = std::make_unique<GoingOut>(GoingOutOptions{.setting = {.seed = 5, .callers = 200, .requests_per_s = 20}, .live = good_, .services = {{.workers = 10'000, .queue = 0, .needs = {}}}});
    presented_ = std::make_unique<Presented>(*going_, folder_, good_);
    going_->run(minutes(10));   // nobody is known before
  }
  void TearDown() override {
    EXPECT_EQ(going_->end(), std::vector<std::string>{});
    std::filesystem::remove_all(folder_);
  }
  // The service needs the header from some time on after everybody lost it: nothing that could have been foreseen.
  void ten_seconds() {
    ++answers_[presented_->present(bad_)];
    going_->run(seconds(10));
    const rollout::Status status = going_->status();
    if (status.live && going_->now() - status.since > minutes(2)) going_->service(0).options.needs = kNeeded;
  }
  // Of a process that is killed now: nothing is closed, another one looks at what is on the disk.
  control::Booting boots() { return control::what_boots(Presented::input_of(bad_), "gateway.yaml", folder_, names_); }

  std::string folder_, good_, bad_;
  std::unique_ptr<GoingOut> going_;
  std::unique_ptr<Presented> presented_;
  std::map<Presented::Answer, int> answers_;
  NameTable names_;
};

TEST_F(Cron, AnHourOfABadFileIsOneCanaryOneRollbackAndOneRow) {
  using Answer = Presented::Answer;
  for (int i = 0; i < 360; ++i) ten_seconds();
  const rollout::Status status = going_->status();
  EXPECT_EQ(status.outcome, rollout::Outcome::rolled_back);
  EXPECT_EQ(status.mechanism, rollout::Mechanism::guard);
  EXPECT_EQ(answers_[Answer::begun], 1);
  EXPECT_EQ(answers_[Answer::busy], 0);   // it is marked, that comes before the freeze
  EXPECT_EQ(answers_[Answer::begun] + answers_[Answer::under_way] + answers_[Answer::live] + answers_[Answer::taken_back], 360);
  EXPECT_GT(answers_[Answer::taken_back], 180);   // for longer than the half hour in which pipelines are frozen

  const auto rows = presented_->history().list(0, 10).value();
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[0].state, Revision::State::taken_back);
  EXPECT_EQ(rows[0].presented, static_cast<std::uint64_t>(answers_[Answer::taken_back]));
  EXPECT_EQ(rows[1].state, Revision::State::live);
  std::map<std::string, int> steps;
  for (const store::Step& step : presented_->history().steps(2).value()) ++steps[step.stage];
  EXPECT_EQ(steps, (std::map<std::string, int>{{"check", 1}, {"plan", 1}, {"shadow", 1}, {"canary 5 %", 1}, {"live", 1}, {"watch", 1}}));
  ASSERT_EQ(presented_->log.size(), 2u);
  EXPECT_TRUE(presented_->log[0].starts_with("r2 is rolled back by weir")) << presented_->log[0];
  EXPECT_TRUE(presented_->log[1].starts_with("not applied, r1 stays live: this text is r2, taken back")) << presented_->log[1];

  const control::Booting booting = boots();
  ASSERT_NE(booting.loaded.outcome.policy, nullptr);
  EXPECT_EQ(config::hash_of(booting.loaded.input), config::hash_of(Presented::input_of(good_)));
  EXPECT_NE(booting.why.find("gateway.yaml is r2, taken back"), std::string::npos) << booting.why;
  EXPECT_NE(booting.why.find("r1, which was live last, runs"), std::string::npos) << booting.why;
}

// Half of the callers are the control's again while it is compared; what was live when the process was killed is live on the disk.
TEST_F(Cron, KilledWhileTwoPoliciesAreComparedWhatIsLiveBoots) {
  bool compared = false;
  for (int i = 0; i < 360 && !compared; ++i) {
    ten_seconds();
    compared = going_->status().comparing;
  }
  ASSERT_TRUE(compared);
  const control::Booting booting = boots();
  ASSERT_NE(booting.loaded.outcome.policy, nullptr);
  EXPECT_EQ(config::hash_of(booting.loaded.input), config::hash_of(Presented::input_of(bad_)));
  EXPECT_EQ(booting.why, "");   // the file is what was live
  control::History next(folder_ + "/revisions.db");
  EXPECT_EQ(next.boot({.input = booting.loaded.input, .way = Revision::Way::start, .author = "start", .reason = ""}, config::hash_of(booting.loaded.input), going_->wall()), 2u);
  const Revision row = next.find(2).value().value();
  EXPECT_EQ(row.state, Revision::State::live);
  EXPECT_EQ(row.settled_at, WallTime());              // so it is watched anew,
  EXPECT_EQ(next.find(0, 2).value().value().number, 1u);   // beside what it would give way to
}

}  // namespace
}  // namespace weir::simulated
