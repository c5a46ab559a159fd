// What a rollout shows of itself, and its words.
#include <algorithm>
#include <array>

#include "rollout/rollout.h"

namespace weir::rollout {
namespace {

template <std::size_t n, class E>
std::string_view word(const std::array<std::string_view, n>& words, E value) {
  return words[static_cast<std::size_t>(value)];
}

}  // namespace

std::string_view to_string(Way way) { return way == Way::person ? "person" : "pipeline"; }
std::string_view to_string(StageName stage) {
  return word(std::to_array<std::string_view>({"check", "plan", "shadow", "canary", "watch"}), stage);
}
std::string_view to_string(Mechanism mechanism) {
  return word(std::to_array<std::string_view>({"none", "plan", "predictive", "guard", "person", "hold", "unconfirmed", "superseded", "failed"}), mechanism);
}
std::string_view to_string(Outcome outcome) {
  return word(std::to_array<std::string_view>({"under way", "settled", "stopped", "rolled back", "superseded"}), outcome);
}
std::string_view to_string(FinishedStage::Result result) {
  return word(std::to_array<std::string_view>({"passed", "unproven", "promoted", "failed", "ended"}), result);
}
std::string_view to_string(Order::Kind kind) {
  return word(std::to_array<std::string_view>({"none", "plan", "shadow", "enforce", "make live", "compare", "redraw", "end comparison", "settle", "stop", "roll back"}), kind);
}

bool Order::enters_stage() const {
  return kind == Kind::shadow || kind == Kind::enforce || kind == Kind::make_live || kind == Kind::compare || kind == Kind::end_compare;
}

Stage Order::stage() const {
  switch (kind) {
    case Kind::shadow: return {.kind = Stage::Kind::shadow};
    case Kind::enforce: return {.kind = Stage::Kind::canary, .share = share};
    case Kind::compare: case Kind::redraw: return {.kind = Stage::Kind::compare, .share = share};
    case Kind::make_live: case Kind::end_compare: return {.kind = Stage::Kind::watch, .share = 1};
    default: return {};
  }
}

std::optional<int> Rollout::exit_code() const {
  if (outcome_ == Outcome::settled) return 0;
  if (outcome_ == Outcome::under_way) return alarm_.empty() ? std::nullopt : std::optional(3);
  switch (mechanism_) {
    case Mechanism::hold: case Mechanism::unconfirmed: return 4;
    case Mechanism::superseded: return 5;
    case Mechanism::failed: return 1;
    default: return 3;
  }
}

std::vector<Ahead> Rollout::ahead(Stamp now) const {
  std::vector<Ahead> all;
  if (ended() || live_ || mechanism_ != Mechanism::none) return all;
  Nanos in{0};
  for (std::size_t i = at_; i < stages_.size(); ++i) {
    const Planned& stage = stages_[i];
    if (i > at_ || !begun_) all.push_back({.stage = stage.stage, .share = stage.share, .in = in});
    const Nanos time = stage.time.value_or(Nanos(0));
    in += i == at_ && begun_ ? std::max(Nanos(0), since_ + time - now) : time;
  }
  return all;
}

Status Rollout::status(Stamp now) const {
  Status out{.revision = change_.revision, .before = change_.before, .stage = present().stage, .live = live_, .comparing = comparing_,
             .forced = change_.request.now, .protect = change_.request.protect, .began = began_, .since = since_, .held_since = held_since_,
             .confirm_by = ended() ? std::nullopt : confirm_by(), .seen = seen_, .finished = finished_, .ahead = ahead(now), .predicted = predicted_, .notes = notes_, .alarm = alarm_,
             .outcome = outcome_, .mechanism = mechanism_, .by = by_, .why = why_, .unproven = unproven_, .exit_code = exit_code()};
  if (comparing_) out.share = 0.5;
  else if (live_ && outcome_ != Outcome::rolled_back) out.share = 1;
  else if (!ended() && begun_ && mechanism_ == Mechanism::none) out.share = present().share;
  if (out.outcome == Outcome::rolled_back && (mechanism_ == Mechanism::guard || mechanism_ == Mechanism::predictive)) out.frozen_until = ended_at_ + kFreeze;
  if (mechanism_ == Mechanism::hold) out.missing = lacked_;
  if (ended()) return out;
  out.until = until();
  if (held_since_ && !live_) out.held_until = *held_since_ + change_.rules.max_hold;
  if (held_since_ && judgement_) out.missing = judgement_->missing;
  if (held_since_ && live_ && few_ && seen_.since_live < Ground::kSeenEnough && !lacks(Missing::Kind::requests))
    out.missing.push_back({.has = static_cast<double>(seen_.since_live), .needs = static_cast<double>(Ground::kSeenEnough)});
  return out;
}

}  // namespace weir::rollout
