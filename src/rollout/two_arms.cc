#include "rollout/two_arms.h"

#include <algorithm>

namespace weir::rollout {
namespace {

// Of the judge's stages the one that has two arms and asks that 0.5 points can be excluded.
constexpr Stage kStage{.kind = Stage::Kind::canary, .share = 0.05};
constexpr Nanos kAgain = std::chrono::seconds(1), kLately = std::chrono::seconds(10);

// What is missing besides is traffic.
bool is_only_undecided(const Judgement& judgement) {
  return std::ranges::all_of(judgement.missing, [](const Missing& each) { return each.kind == Missing::Kind::extra; });
}

}  // namespace

TwoArms::TwoArms(Stamp now, Nanos watch, bool units_return) : began_(now), now_(now), judged_(now), watch_(watch) {
  judge_.units_return(units_return);
  judge_.enter(kStage, now);
}

void TwoArms::add(const Exchange& exchange) {
  if (answer_ != DeployAnswer::under_way || (!exchange.bad && !exchange.took)) return;   // who left by himself says nothing
  Seen& seen = seen_[static_cast<std::size_t>(exchange.arm)];
  seen.requests += 1;
  seen.bad += exchange.bad ? 1 : 0;
  seen.last = exchange.at;
  if (exchange.took) {
    seen.timed += 1;
    seen.took.add(*exchange.took);
  }
  Event event{.at = exchange.at, .unit = exchange.unit, .caller = exchange.unit, .method = exchange.method, .route = exchange.route};
  event.latency = exchange.took.value_or(Nanos(0));
  event.arm = exchange.arm;
  event.bad = exchange.bad;
  judge_.on_exchange(event);
}

void TwoArms::turn(Stamp now) {
  now_ = std::max(now_, now);
  if (answer_ != DeployAnswer::under_way || now_ - judged_ < kAgain) return;
  judged_ = now_;
  judgement_ = judge_.verdict(now_);
  if (judgement_.answer == Answer::fail) answer_ = DeployAnswer::harmed;
  else if (now_ - began_ >= watch_) answer_ = judgement_.answer == Answer::pass ? DeployAnswer::healthy : DeployAnswer::not_enough_data;
  if (answer_ == DeployAnswer::not_enough_data) lack_ = is_only_undecided(judgement_) ? Lack::undecided : Lack::silent;
}

void TwoArms::end(Lack lack) {
  if (answer_ != DeployAnswer::under_way) return;
  answer_ = DeployAnswer::not_enough_data;
  lack_ = lack;
}

bool TwoArms::both_run(Stamp now) const {
  return std::ranges::all_of(seen_, [&](const Seen& each) { return each.last && now - *each.last <= kLately; });
}

DeployFigures TwoArms::Seen::figures(Nanos time) const {
  DeployFigures out{.seconds = std::chrono::duration<double>(time).count(), .requests = requests};
  if (requests > 0) out.bad_share = bad / requests;
  if (timed > 0) out.p90_ms = static_cast<double>(took.quantile(0.9).count()) / 1e6;
  return out;
}

ArmsReading TwoArms::reading() const {
  const Nanos time = judged_ - began_;
  ArmsReading out{.answer = answer_, .lack = lack_, .stable = of(Arm::control).figures(time), .candidate = of(Arm::candidate).figures(time),
                  .guards = judgement_.guards, .harm = std::nullopt};
  if (judgement_.failure) out.harm = judgement_.failure->guard;
  return out;
}

}  // namespace weir::rollout
