// A change on its way through the stages: rollout/rollout.h is told what the judge says, and what it orders is carried out
// (gateway_orders.cc).
#include <algorithm>
#include <string>
#include <utility>

#include "auth/group_named.h"
#include "config/change_class.h"
#include "config/diagnostic.h"
#include "config/difference.h"
#include "control/differs.h"
#include "control/gateway.h"
#include "control/rollout_steps.h"
#include "control/text.h"
#include "fmt/core.h"

namespace weir::control {
namespace {

constexpr Nanos kStep = std::chrono::milliseconds(100), kJudge = std::chrono::seconds(1), kTurn = std::chrono::milliseconds(2);

}  // namespace

rollout::Present Gateway::present() const {
  return {.rollout = rollout_ == nullptr ? nullptr : &rollout_->machine, .frozen_until = frozen_until_, .busy = policy().rollout.busy};
}

io::Task<Applied> Gateway::begin_rollout(Change asked, Made made) {
  const Stamp began = loop_.refresh();
  const std::uint32_t live = policy().revision;
  struct Seen {
    config::Comparison comparison;
    ChangeClass touches;
  };
  auto seen = co_await study_.run(loop_, [&]() -> Result<Seen> {
    const bool kept = live_tree_ != nullptr && made.tree != nullptr;
    auto comparison = kept ? config::compare(*live_tree_, *made.tree) : config::compare(live_input_, made.input);
    if (!comparison) return std::unexpected(comparison.error());
    ChangeClass touches = config::change_class(*comparison, policy(), *made.policy);
    return Seen{.comparison = std::move(*comparison), .touches = std::move(touches)};
  });
  Applied applied = std::move(made.applied);
  const auto refuse = [&](const Error& error) {
    applied.busy = error.kind == ErrorKind::busy;
    applied.error = to_string(error);
    return std::move(applied);
  };
  if (!seen) co_return refuse(seen.error());
  const rollout::Request request{.way = asked.person ? rollout::Way::person : rollout::Way::pipeline, .author = asked.author, .reason = asked.reason,
                                 .now = asked.forced, .fast = asked.fast, .confirm_within = asked.confirm_within, .protect = asked.protect, .retry = asked.retry};
  const auto admitted = rollout::admit(request, seen->touches, present(), loop_.now());
  if (!admitted) co_return refuse(admitted.error());
  if (*admitted == rollout::Admission::queue) {
    applied.queued = true;
    co_return refuse(fail(ErrorKind::busy, fmt::format("r{} is under way, and this waits for it; send it again", rollout_->number), Origin::client).error());
  }
  if (rollout_ != nullptr) {
    if (const auto ended = rollout_->machine.supersede(asked.author, loop_.now()); !ended) co_return refuse(ended.error());
    co_await step_rollout();
  }
  const std::string hash = made.policy->hash;
  const WallTime wall = loop_.wall();
  const auto number = co_await study_.run(loop_, [&] { return history_.propose(asked, hash, live, wall); });
  if (!number) co_return refuse(number.error());

  JudgeFeed& judge = traffic_feed_->judge();
  const ChangeClass touches = std::move(seen->touches);
  Differs differs = differs_of(seen->comparison, policy(), *made.policy, *names_);
  rollout_ = std::make_unique<UnderWay>(UnderWay{
      .machine = rollout::Rollout({.revision = *number, .before = live, .request = request, .touches = touches, .rules = policy().rollout,
                                   .ground = judge.ground(loop_.now()),
                                   .checked = fmt::format("{}, {}", counted(applied.errors, "error"), counted(applied.warnings, "warning")),
                                   .check_took = loop_.refresh() - began},
                                  loop_.now()),
      .view = {.author = asked.author, .reason = asked.reason, .person = asked.person, .changes = std::move(seen->comparison.differences), .touches = touches},
      .number = *number,
      .before = live,
      .made = {},
      .differs = std::move(differs),
      .input = made.input,
      .tree = made.tree,
      .tree_before = live_tree_,
      .returns = policy().rollout.watch.has_value() || asked.confirm_within.has_value(),
      .confirm_within = asked.confirm_within});
  rollout_->made = std::move(made);
  co_await step_rollout();
  if (rollout_ != nullptr) rollout_->answered = true;
  applied.live = policy().revision == *number;
  if (rollout_ != nullptr) applied.under_way = *number;
  else if (!applied.live) applied.error = "it was stopped: weir show says why";
  co_return applied;
}

// What booted and is not settled is a change that nobody could judge before: it is watched, beside what it would give way to.
io::Task<> Gateway::watch_what_booted() {
  const std::uint32_t live = policy().revision;
  const WallTime wall = loop_.wall();
  const bool watches = policy().rollout.watch.has_value();
  struct Before {
    std::optional<Nanos> confirm_within;
    store::Revision row, target;
    config::Input input;
    config::Comparison comparison;
  };
  auto found = co_await study_.run(loop_, [&]() -> Result<std::optional<Before>> {
    const auto row = history_.find(live);
    if (!row) return std::unexpected(row.error());
    if (!*row || (*row)->settled_at != WallTime()) return std::optional<Before>();
    const auto target = history_.find(0, live);
    if (!target) return std::unexpected(target.error());
    const auto steps = history_.steps(live);
    if (!steps) return std::unexpected(steps.error());
    const std::optional<Nanos> confirm_within = still_to_confirm(*steps);
    if (!*target || (!watches && !confirm_within)) {
      const std::string why = watches ? "nothing was live before it" : "rollout.watch is none";
      if (auto settled = history_.settle(live, {.at = wall, .stage = "watch", .verdict = "passed", .text = why, .json = "{}"}); !settled) return std::unexpected(settled.error());
      return std::optional<Before>();
    }
    auto input = history_.input_of(**target);
    if (!input) return std::unexpected(input.error());
    auto comparison = config::compare(*input, live_input_);
    if (!comparison) return std::unexpected(comparison.error());
    return Before{.confirm_within = confirm_within, .row = **row, .target = **target, .input = std::move(*input), .comparison = std::move(*comparison)};
  });
  if (!found) options_.say(fmt::format("r{} is not watched: {}", live, to_string(found.error())));
  if (!found || !*found) co_return;
  Before& before = **found;
  Made made = co_await make(before.input);
  if (made.policy == nullptr) {
    options_.say(fmt::format("r{} is not watched, r{} could not be returned to: {}", live, before.target.number, describe(made.applied)));
    co_return;
  }
  const ChangeClass touches = config::change_class(before.comparison, *made.policy, policy());
  Differs differs = differs_of(before.comparison, *made.policy, policy(), *names_);
  const rollout::Request request{.author = before.row.author, .reason = before.row.reason, .now = true, .confirm_within = before.confirm_within, .protect = before.row.protect};
  rollout_ = std::make_unique<UnderWay>(UnderWay{
      .machine = rollout::Rollout({.revision = live, .before = before.target.number, .request = request, .touches = touches, .rules = policy().rollout,
                                   .ground = traffic_feed_->judge().ground(loop_.now()), .checked = "it booted"}, loop_.now()),
      .view = {.author = request.author, .reason = request.reason, .changes = std::move(before.comparison.differences), .touches = touches},
      .number = live,
      .before = before.target.number,
      .made = {},
      .differs = std::move(differs),
      .input = live_input_,
      .tree = live_tree_});
  rollout_->made = std::move(made);
  co_await step_rollout();
}

// A rollback for harm freezes pipelines over a restart, too: its row says since when. A clock that was set back does not make it longer.
io::Task<> Gateway::freeze_again() {
  const auto harmed_at = co_await study_.run(loop_, [&]() -> Result<std::optional<WallTime>> {
    const auto row = history_.taken_back();
    if (!row) return std::unexpected(row.error());
    if (!*row) return std::optional<WallTime>();
    const auto steps = history_.steps((*row)->number);
    if (!steps) return std::unexpected(steps.error());
    return end_with_harm(*steps) ? std::optional((*row)->ended_at) : std::nullopt;
  });
  if (!harmed_at) options_.say(fmt::format("whether pipelines were frozen is not known: {}", to_string(harmed_at.error())));
  if (!harmed_at || !*harmed_at) co_return;
  const Nanos left = std::min<Nanos>(**harmed_at + rollout::Rollout::kFreeze - loop_.wall(), rollout::Rollout::kFreeze);
  if (left > Nanos(0)) frozen_until_ = loop_.refresh() + left;
}

io::Task<> Gateway::keep_rollout() {
  looks_back_ = changing_ = true;
  co_await freeze_again();
  co_await watch_what_booted();
  looks_back_ = changing_ = false;
  while (co_await loop_.sleep_to_beat(kStep)) {
    if (draining_) co_return;   // whoever was handed the sockets goes on with it
    if (rollout_ == nullptr || changing_) continue;
    changing_ = true;
    co_await step_rollout();
    changing_ = false;
  }
}

// Everything that is due. Only by who has the turn of changes.
io::Task<> Gateway::step_rollout() {
  if (rollout_ == nullptr) co_return;
  stepping_ = true;
  JudgeFeed& judge = traffic_feed_->judge();
  for (;;) {
    const Stamp now = loop_.refresh();
    rollout::Rollout& machine = rollout_->machine;
    const bool last_word = machine.wants_last_word(now);
    if (snapshot_->other != nullptr && (last_word || now - judged_at_ >= kJudge)) {
      judged_at_ = now;
      traffic_feed_->turn(now);
      if (last_word) judge.judge().end_round(now);
      judgement_ = judge.judge().verdict(now);
      machine.judged(judgement_, judge.seen(now), judge.judge().comparison_time(), now);
    }
    const rollout::Order order = machine.next(now);
    if (order.kind == rollout::Order::Kind::none) break;
    if (order.kind == rollout::Order::Kind::plan) {
      begin_plan();
      break;
    }
    const auto done = co_await carry_out(order);
    if (done) machine.done(loop_.refresh());
    else machine.failed(to_string(done.error()), loop_.refresh());
    if (done && order.enters_stage()) {
      judge.enter(order.stage(), loop_.now());
      judged_at_ = loop_.now();
    }
    if (done && order.kind == rollout::Order::Kind::make_live && rollout_->answered) {
      options_.say(fmt::format("r{} is live ({})", rollout_->number, policy().hash));
      conclude_rollout("");
    }
    co_await tell_history();
  }
  if (rollout_->machine.ended()) {
    co_await tell_history();   // the last stage of what another one took the place of
    const rollout::Status status = rollout_->machine.status(loop_.now());
    const std::string line = rollout_line(status);
    if (!status.live && rollout_->answered) conclude_rollout(line.empty() ? fmt::format("r{} is superseded: {}", status.revision, status.why) : line);
    if (status.frozen_until) frozen_until_ = status.frozen_until;
    last_rollout_ = rollout_json();
    if (judge.judging()) co_await write_review(status);
    judge.end();
    if (snapshot_->other != nullptr) co_await decide_alone();   // superseded: what it was judged beside is not needed any more
    rollout_.reset();
    if (!line.empty()) options_.say(line);
  }
  stepping_ = false;
}

// Live, or stopped before. Whoever asked was answered long ago.
void Gateway::conclude_rollout(std::string stopped) {
  conclude({.live = stopped.empty(), .at = loop_.wall(), .author = rollout_->view.author, .reason = rollout_->view.reason,
            .revision = policy().revision, .hash = policy().hash, .error = std::move(stopped)});
}

void Gateway::begin_plan() {
  const std::uint32_t number = rollout_->number;
  PlanQuestion::Over over{.live = live_input_, .overrides = overrides_.given()};
  rollout_->plan = std::make_unique<PlanJob>(rollout_->input, std::move(over), data_dir_.path(), [this, number](rollout::PlanOutcome outcome) {
    loop_.post([this, number, outcome = std::move(outcome)] {
      if (rollout_ == nullptr || rollout_->number != number) return;
      rollout_->machine.planned(outcome, loop_.refresh());
    });
  });
}

io::Task<Result<>> Gateway::command(std::function<Result<>(rollout::Rollout&)> said) {
  while (changing_) {
    if (!co_await loop_.sleep_for(kTurn)) break;
  }
  if (draining_) co_return fail(ErrorKind::busy, "this gateway is ending", Origin::client);
  if (rollout_ == nullptr) co_return fail(ErrorKind::invalid, "no change is under way", Origin::client);
  auto done = said(rollout_->machine);
  if (!done) co_return done;
  changing_ = true;
  co_await step_rollout();
  changing_ = false;
  co_return Result<>();
}

io::Task<Result<>> Gateway::promote(bool person, std::string author) {
  const auto way = person ? rollout::Way::person : rollout::Way::pipeline;
  co_return co_await command([&](rollout::Rollout& machine) { return machine.promote(way, author, loop_.refresh()); });
}

io::Task<Result<>> Gateway::confirm() {
  auto done = co_await command([&](rollout::Rollout& machine) { return machine.confirm(loop_.refresh()); });
  if (!done) co_return done;
  const std::uint32_t live = policy().revision;
  const WallTime wall = loop_.wall();
  co_return co_await study_.run(loop_, [&] {
    return history_.add_step(live, confirmed_step(wall));
  });
}

std::string Gateway::rollout_json() { return rollout_ == nullptr ? last_rollout_ : control::rollout_json(rollout_view(), *names_); }

// Once: all keys are read for it.
void Gateway::name_group(const rollout::SliceName& slice) {
  if (slice.kind != rollout::SliceName::Kind::group || rollout_->view.groups.contains(slice.value)) return;
  rollout_->view.groups[slice.value] = auth::group_named(*snapshot_->keys, data_dir_.key(), slice.value);
}

RolloutView Gateway::rollout_view() {
  JudgeFeed& feed = traffic_feed_->judge();
  RolloutView view = rollout_->view;
  view.now = loop_.refresh();
  view.status = rollout_->machine.status(view.now);
  view.unit = feed.unit();
  if (feed.judging()) {
    view.judgement = judgement_;
    view.observed = feed.observed();
    for (const rollout::GuardReading& reading : judgement_.guards) name_group(reading.worst);
    name_group(judgement_.since.worst);
    view.groups = rollout_->view.groups;
    if (const auto fills = feed.judge().fills(); !fills.empty()) view.fullest = fills.front();
    if (const auto* hottest = feed.judge().load().hottest()) view.hottest = *hottest;
    const rollout::CoverageReading coverage = feed.judge().coverage();
    view.not_seen = not_seen(coverage, *names_, method_text);
    view.callers_not_seen = coverage.callers.size();
  }
  return view;
}

// Kept with the revision, as the last of its steps.
io::Task<> Gateway::write_review(const rollout::Status& status) {
  const store::Step review = review_of(rollout_view(), *names_, loop_.wall());
  const auto written = co_await study_.run(loop_, [&] { return history_.add_step(status.revision, review); });
  if (!written) options_.say(fmt::format("the history does not take the review of r{}: {}", status.revision, to_string(written.error())));
}

std::string rollout_line(const rollout::Status& status) {
  const std::string name = fmt::format("r{}", status.revision);
  switch (status.outcome) {
    case rollout::Outcome::settled: return name + " is settled";
    case rollout::Outcome::stopped: return fmt::format("{} is stopped in {} by {}: {}; r{} stays live", name, to_string(status.stage), config::printable(status.by), config::printable(status.why), status.before);
    case rollout::Outcome::rolled_back: return fmt::format("{} is rolled back by {}: {}; r{} is live again", name, config::printable(status.by), config::printable(status.why), status.before);
    default: return "";
  }
}

}  // namespace weir::control
