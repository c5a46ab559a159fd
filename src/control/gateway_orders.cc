// What a rollout orders, carried out: two policies decide, arms are drawn, a candidate is made live, stopped or rolled back, and
// the history is told.
#include <algorithm>
#include <string>
#include <utility>

#include "control/gateway.h"
#include "control/rollout_steps.h"
#include "fmt/core.h"

namespace weir::control {
namespace {

// By health, not by what is used: where nobody is left all are (decide/pool.h).
bool answers(const Policy& policy, const decide::Health& health, const Upstream& upstream) {
  for (std::uint32_t i = upstream.first_endpoint; i < upstream.first_endpoint + upstream.endpoint_count; ++i) {
    if (policy.endpoints[i].weight > 0 && health.state(EndpointId{i}) == decide::EndpointState::healthy) return true;
  }
  return false;
}

// An upstream of which no endpoint is healthy under `to`, and some are under `from`; "": there is none.
std::string unreachable_there(const Policy& to, const decide::Health& health_there, const Policy& from, const decide::Health& health_here, const NameTable& names) {
  for (const Upstream& upstream : to.upstreams) {
    const auto here = std::ranges::find(from.upstreams, upstream.name, &Upstream::name);
    if (here != from.upstreams.end() && !answers(to, health_there, upstream) && answers(from, health_here, *here)) return std::string(names.text(upstream.name));
  }
  return "";
}

}  // namespace

io::Task<Result<>> Gateway::carry_out(rollout::Order order) {
  using Kind = rollout::Order::Kind;
  JudgeFeed& judge = traffic_feed_->judge();
  // With a plan that is not waited for goes its thread; it ends within a turn of the replay, and the study waits for that.
  if (auto plan = std::exchange(rollout_->plan, nullptr)) study_.submit([plan = std::move(plan)]() mutable { plan.reset(); });
  switch (order.kind) {
    case Kind::shadow: co_return co_await seat_candidate();
    case Kind::enforce:
      if (auto seated = co_await seat_candidate(); !seated) co_return seated;
      draw({.unit = judge.unit(), .share = order.share, .lot = rollout_->number});
      break;
    case Kind::make_live: co_return co_await make_candidate_live();
    case Kind::compare:
    case Kind::redraw:
      draw({.unit = judge.unit(), .share = order.share, .lot = mix(rollout_->number) + ++rollout_->lot});
      if (order.kind == Kind::redraw) judge.redraw(loop_.now());
      break;
    case Kind::end_compare: draw({}); break;
    case Kind::settle:
      if (snapshot_->other != nullptr) co_await decide_alone();
      break;
    case Kind::stop: co_return co_await stop_candidate();
    case Kind::roll_back: co_return co_await roll_back_candidate();
    default: break;
  }
  co_return Result<>();
}

io::Task<Result<>> Gateway::seat_candidate() {
  if (!rollout_->made) co_return Result<>();
  Made made = std::move(*std::exchange(rollout_->made, {}));
  co_await read_keys_again(made);
  co_await decide_beside(std::move(made), rollout_->number);
  traffic_feed_->judge().begin(rollout_->number, std::move(rollout_->differs), loop_.now());
  co_return Result<>();
}

// On the disk first: what boots after a kill in between is what was about to be.
io::Task<Result<>> Gateway::make_candidate_live() {
  const std::uint32_t number = rollout_->number;
  if (policy().revision == number) {   // it booted: what it is judged beside is seated
    Made control = std::move(*std::exchange(rollout_->made, {}));
    co_await decide_beside(std::move(control), rollout_->before);
    traffic_feed_->judge().begin(number, std::move(rollout_->differs), loop_.now());
    co_return Result<>();
  }
  // It sits beside where there is a way back, and where it has been judged already. What is not open yet is opened before the disk says
  // that it is live.
  std::vector<Opened> opened;
  const bool seated = rollout_->returns || !rollout_->made;
  if (seated) {
    if (auto taken = co_await seat_candidate(); !taken) co_return taken;
    io::Inheritance none;
    auto fresh = open_listeners(*snapshot_->other->policy, none);
    if (!fresh) co_return std::unexpected(fresh.error());
    opened = std::move(*fresh);
  }
  const WallTime wall = loop_.wall();
  co_await tell_history();
  const auto written = co_await study_.run(loop_, [&] {
    return history_.make_live(number, live_step(rollout_->confirm_within, wall));
  });
  if (!written) co_return std::unexpected(written.error());
  config::Input input = rollout_->input;
  std::shared_ptr<const config::CompactTree> tree = rollout_->tree;
  if (seated) {
    co_await change_places(std::move(opened));
  } else {
    Made made = std::move(*std::exchange(rollout_->made, {}));
    co_await read_keys_again(made);
    co_await enforce(std::move(made), number);
  }
  live_input_ = std::move(input);
  live_tree_ = std::move(tree);
  co_return Result<>();
}

io::Task<Result<>> Gateway::stop_candidate() {
  rollout_->made.reset();
  if (snapshot_->other != nullptr) co_await decide_alone();
  co_await tell_history();
  const rollout::Status status = rollout_->machine.status(loop_.now());
  const store::Step step = step_of(status.finished.size() - 1);
  using enum rollout::Mechanism;
  const bool mark = status.mechanism == plan || status.mechanism == predictive || status.mechanism == guard || status.mechanism == person;
  const auto written = co_await study_.run(loop_, [&] { return history_.stop(rollout_->number, mark ? store::Revisions::Mark::yes : store::Revisions::Mark::no, step, status.by, status.why); });
  if (!written) options_.say(fmt::format("r{} is stopped, and the history does not say so: {}", rollout_->number, to_string(written.error())));
  ++rollout_->told;
  co_return Result<>();
}

// What was live decides beside with all that it knew, so that this waits for nothing; the history is told after. Where the way back leads
// to endpoints that are gone meanwhile, a person decides.
io::Task<Result<>> Gateway::roll_back_candidate() {
  const rollout::Status status = rollout_->machine.status(loop_.now());
  if (snapshot_->other == nullptr) co_return fail(ErrorKind::internal, "what was live before does not decide any more", Origin::system);
  const auto gone_there = [&] {
    return unreachable_there(*snapshot_->other->policy, keepers_[snapshot_->other->seat].conditions->health(), policy(), conditions().health(), *names_);
  };
  if (const std::string gone = status.mechanism == rollout::Mechanism::person ? "" : gone_there(); !gone.empty()) {
    const std::string why = fmt::format("none of r{0}'s endpoints of upstream {1} answers, and others do now. weir rollback --person takes all of it back all the same; "
                                        "weir diff r{0} r{2} shows what changed, and weir apply FILE --now --person --reason WHY takes back a part",
                                        status.before, gone, status.revision);
    if (std::exchange(rollout_->said, why) != why) options_.say(fmt::format("r{} is not rolled back: {}", status.revision, why));
    co_return fail(ErrorKind::unreachable, why, Origin::system);
  }
  io::Inheritance none;
  auto opened = open_listeners(*snapshot_->other->policy, none);
  if (!opened) co_return std::unexpected(opened.error());
  co_await change_places(std::move(*opened));
  co_await decide_alone();
  co_await tell_history();
  const store::Step step = step_of(status.finished.size() - 1);
  const WallTime wall = loop_.wall();
  const auto written = co_await study_.run(loop_, [&]() -> Result<> {
    auto taken = history_.take_back(status.before, wall, status.by, status.why, step);
    if (!taken) return taken;
    const auto row = history_.find(status.before);
    if (!row || !*row) return {};
    auto input = history_.input_of(**row);
    if (input) live_input_ = std::move(*input);
    return {};
  });
  live_tree_ = rollout_->tree_before;
  if (!written) options_.say(fmt::format("r{} is rolled back, and the history does not say so: {}", rollout_->number, to_string(written.error())));
  ++rollout_->told;
  co_return Result<>();
}

// Of the n-th stage that has ended.
store::Step Gateway::step_of(std::size_t n) {
  RolloutView view = rollout_view();
  view.status.finished.resize(n + 1);
  return control::step_of(view, *names_, loop_.wall());
}

// Each stage that has ended is a row; a disk that fails does not stop what is under way.
io::Task<> Gateway::tell_history() {
  const rollout::Status status = rollout_->machine.status(loop_.now());
  const bool ends = status.mechanism != rollout::Mechanism::none;   // the last row is written with the end
  const std::size_t all = status.finished.size() - (ends && !rollout_->machine.ended() ? 1 : 0);
  for (; rollout_->told < all; ++rollout_->told) {
    const store::Step step = step_of(rollout_->told);
    const bool settled = status.outcome == rollout::Outcome::settled && rollout_->told + 1 == all;
    const auto written = co_await study_.run(loop_, [&] {
      return settled ? history_.settle(status.revision, step) : history_.add_step(status.revision, step);
    });
    if (!written) options_.say(fmt::format("the history does not take {} of r{}: {}", step.stage, status.revision, to_string(written.error())));
  }
}

}  // namespace weir::control
