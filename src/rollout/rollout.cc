#include "rollout/rollout.h"

#include <algorithm>
#include <utility>

#include "fmt/core.h"

namespace weir::rollout {
namespace {

using Kind = Order::Kind;
using Ended = FinishedStage::Result;

constexpr Nanos kFastShadow = std::chrono::seconds(30), kFastCanary = std::chrono::minutes(1);
constexpr double kFastShare = 0.05, kHalf = 0.5;
constexpr double kWorse = 1.25;   // up to so many times what it was, the share of bad exchanges is not worse
constexpr Nanos kRedraw = std::chrono::minutes(1), kAgain = std::chrono::seconds(1);

std::string failure_text(const Judgement& judgement) {
  if (!judgement.failure) return "harm";
  const auto hurt = [](const PairedReading& reading, std::string_view how) {
    return fmt::format("{} known {} {}: {} of {} requests", reading.callers, reading.callers == 1 ? "caller" : "callers", how, reading.net, reading.requests);
  };
  switch (judgement.failure->kind) {
    case Failure::Kind::refused: return hurt(judgement.refused, "newly refused");
    case Failure::Kind::access: return hurt(judgement.access, "without access");
    case Failure::Kind::cut: return hurt(judgement.cut, "cut by a timeout");
    case Failure::Kind::since: return "more is bad since the change than was usual";
    case Failure::Kind::guard: break;
  }
  return fmt::format("evidence for harm, by the guard \"{}\"", to_string(judgement.failure->guard));
}

// Of what Judgement::out_of_reach allows.
std::string too_thin(const Judgement& judgement) {
  std::string out = "too little traffic to tell";
  for (const Missing& each : judgement.missing) {
    out += &each == &judgement.missing.front() ? ": " : ", ";
    if (each.kind == Missing::Kind::units) out += fmt::format("{} of {} units", each.has, each.needs);
    if (each.kind == Missing::Kind::extra) out += fmt::format("{:.2f} points more may be bad, {:.2f} allowed", 100 * each.has, 100 * each.needs);
    if (each.kind == Missing::Kind::coverage) out += fmt::format("{:.1f} % covered of {:.0f}", 100 * each.has, 100 * each.needs);
  }
  return out;
}

Mechanism mechanism_of(const Judgement& judgement) {
  using enum Failure::Kind;
  if (!judgement.failure) return Mechanism::guard;
  const Failure::Kind kind = judgement.failure->kind;
  return kind == refused || kind == access || kind == cut ? Mechanism::predictive : Mechanism::guard;
}

}  // namespace

Rollout::Rollout(Change change, Stamp now) : change_(std::move(change)), began_(now), since_(now) {
  finished_.push_back({.result = Ended::passed, .stage = StageName::check, .share = 0, .took = change_.check_took, .seen = {}, .text = change_.checked});
  lay_out();
}

void Rollout::lay_out() {
  const RolloutRules& rules = change_.rules;
  const Request& request = change_.request;
  few_ = rules.watch && change_.ground.last_hour < Ground::kFew;
  const bool staged = !request.now && !rules.judges_nothing();
  if (request.now) skip("forced: no plan and no stages");
  if (staged) {
    stages_.push_back({.stage = StageName::plan});
    const bool risk = change_.touches.risk(), few = change_.ground.last_hour < Ground::kFew;
    if (!risk) skip("touches nothing that could hurt: no shadow, no canary");
    if (risk && few) skip("fewer than 1,000 requests in the last hour: no shadow, no canary, watched until 10,000 were seen");
    if (risk && !few && rules.shadow) stages_.push_back({.stage = StageName::shadow, .time = request.fast ? std::min(*rules.shadow, kFastShadow) : *rules.shadow});
    if (risk && !few && !rules.canary.empty()) {
      if (change_.touches.only_early) skip("acts before a caller is known: no canary");
      else if (change_.ground.thin == Staging::Thin::few_requests) skip("fewer than 10 requests a second: no canary");
      else if (change_.ground.thin == Staging::Thin::few_units) skip("fewer than 3 requests in ten minutes: no canary");
      else if (request.fast) stages_.push_back({.stage = StageName::canary, .share = kFastShare, .time = kFastCanary});
      else for (const RolloutRules::Step& step : rules.canary) stages_.push_back({.stage = StageName::canary, .share = step.share, .time = step.time});
    }
  }
  stages_.push_back({.stage = StageName::watch, .time = rules.watch});
}

void Rollout::skip(std::string_view why) {
  if (!notes_.empty()) notes_ += "; ";
  notes_ += why;
}

Order Rollout::next(Stamp now) {
  if (ended() || pending_ || now < retry_at_) return {};
  if (mechanism_ != Mechanism::none) return ending();
  if (const auto by = confirm_by(); by && now >= *by) return end_by(Mechanism::unconfirmed, "weir", "not confirmed in time", now);
  if (!begun_) return begin_present(now);
  return live_ ? look_at_watch(now) : look_before_live(now);
}

Order Rollout::give(Kind kind, double share) {
  pending_ = Order{.kind = kind, .share = share};
  return *pending_;
}

Order Rollout::begin_present(Stamp now) {
  begun_ = true;
  since_ = now;
  switch (present().stage) {
    case StageName::plan: return give(Kind::plan);
    case StageName::shadow: return give(Kind::shadow);
    case StageName::canary: return give(Kind::enforce, present().share);
    default: return give(Kind::make_live, 1);
  }
}

Order Rollout::go_on(Ended result, std::string text, Stamp now) {
  finish_stage(result, std::move(text), now);
  ++at_;
  return begin_present(now);
}

Order Rollout::look_before_live(Stamp now) {
  if (fails()) return end_by(mechanism_of(*judgement_), "weir", failure_text(*judgement_), now);
  if (!promoted_by_.empty()) return go_on(Ended::promoted, "promoted by " + promoted_by_, now);
  if (now < *until() || judged_at_ < *until()) return {};
  if (passes()) return go_on(Ended::passed, held_since_ ? "after a hold" : "", now);
  if (change_.request.fast && judgement_ && !lacks(Missing::Kind::load) && !lacks(Missing::Kind::limit)) return go_on(Ended::unproven, lacking("not enough data"), now);
  if (judgement_ && judgement_->out_of_reach(left_to_hold(now))) return go_on(Ended::unproven, too_thin(*judgement_), now);
  return hold(now);
}

Nanos Rollout::left_to_hold(Stamp now) const { return change_.rules.max_hold - (held_since_ ? now - *held_since_ : Nanos(0)); }

Order Rollout::hold(Stamp now) {
  if (!held_since_) held_since_ = now;
  if (left_to_hold(now) > Nanos(0)) return {};
  if (judgement_) lacked_ = judgement_->missing;
  if (change_.rules.on_not_enough_data == RolloutRules::OnNotEnoughData::hold)
    return end_by(Mechanism::hold, "weir", lacking("not enough data within max_hold"), now);
  finish_stage(Ended::unproven, lacking("promote_watched: not enough data within max_hold"), now);
  at_ = stages_.size() - 1;
  return begin_present(now);
}

Order Rollout::look_at_watch(Stamp now) {
  if (fails()) {
    const std::string spared = why_spared();
    if (spared.empty()) return end_by(mechanism_of(*judgement_), "weir", failure_text(*judgement_), now);
    alarm_ = fmt::format("HARM: {}. Not rolled back: {}", failure_text(*judgement_), spared);
  }
  if (!promoted_by_.empty()) return give(Kind::settle, 1);
  if (comparing_) return look_at_comparison(now);
  if (lacks(Missing::Kind::comparison)) return give(Kind::compare, kHalf);
  const auto end = until();
  if (end && (now < *end || judged_at_ < *end)) return {};
  if (may_settle()) return give(Kind::settle, 1);
  if (end && !held_since_) held_since_ = now;
  return {};
}

Order Rollout::look_at_comparison(Stamp now) {
  const Nanos lasted = now - compared_since_;
  if (lasted >= comparison_ && (passes() || lasted >= comparison_ + change_.rules.max_hold)) return give(Kind::end_compare, 1);
  if (now - redrawn_ >= kRedraw) return give(Kind::redraw, kHalf);
  return {};
}

// Without a watch nothing is judged.
bool Rollout::may_settle() const {
  if (confirm_by()) return false;
  if (!present().time) return true;
  return passes() && (!few_ || seen_.since_live >= Ground::kSeenEnough);
}

std::string Rollout::why_spared() const {
  const Request& request = change_.request;
  if (request.protect) return fmt::format("r{} is protected, only a person rolls it back", change_.revision);
  if (request.way == Way::person && change_.ground.firing && seen_.bad_share <= kWorse * change_.ground.bad_share)
    return fmt::format("a detector fired already when {} applied it, and {:.1f} % are bad, {:.1f} % then", request.author, 100 * seen_.bad_share,
                       100 * change_.ground.bad_share);
  return "";
}

void Rollout::end(Mechanism mechanism, std::string_view by, std::string why, Stamp now) {
  mechanism_ = mechanism;
  by_ = by;
  why_ = std::move(why);
  if (!begun_) begun_ = true, since_ = now;   // between two stages: every end has its row
  using enum Mechanism;
  const bool harm = mechanism == plan || mechanism == predictive || mechanism == guard || mechanism == Mechanism::failed;
  finish_stage(harm ? Ended::failed : Ended::ended, why_, now);
}

Order Rollout::end_by(Mechanism mechanism, std::string_view by, std::string why, Stamp now) {
  end(mechanism, by, std::move(why), now);
  return ending();
}

Order Rollout::ending() { return live_ ? give(Kind::roll_back) : give(Kind::stop); }

void Rollout::finish_stage(Ended result, std::string text, Stamp now) {
  const Planned& stage = present();
  if (result == Ended::unproven || (result == Ended::promoted && !passes())) unproven_ = true;
  if (begun_) finished_.push_back({.result = result, .stage = stage.stage, .share = stage.share, .took = now - since_, .seen = seen_, .text = std::move(text)});
  held_since_.reset();
  promoted_by_.clear();
  judgement_.reset();
  if (!live_) seen_ = {};
}

void Rollout::finish(Outcome outcome, Stamp now) {
  outcome_ = outcome;
  ended_at_ = now;
  comparing_ = false;
}

void Rollout::settled(Stamp now) {
  if (mechanism_ != Mechanism::none) return;   // a rollback was asked for meanwhile
  if (promoted_by_.empty()) finish_stage(Ended::passed, held_since_ ? "after a hold" : "", now);
  else finish_stage(Ended::promoted, "promoted by " + promoted_by_, now);
  finish(Outcome::settled, now);
}

void Rollout::done(Stamp now) {
  if (!pending_) return;
  const Kind kind = pending_->kind;
  pending_.reset();
  if (kind == Kind::plan) return planned({}, now);
  if (kind != Kind::redraw) judgement_.reset();   // what the judge said before it entered this is of another stage
  if (kind == Kind::shadow || kind == Kind::enforce || kind == Kind::make_live) since_ = now, seen_ = {};
  if (kind == Kind::make_live) live_ = true, live_at_ = now;
  if (live_ && mechanism_ == Mechanism::superseded) return finish(Outcome::superseded, now);
  if (kind == Kind::compare) comparing_ = true, compared_since_ = now;
  if (kind == Kind::compare || kind == Kind::redraw) redrawn_ = now;
  if (kind == Kind::end_compare) comparing_ = false;
  if (kind == Kind::settle) settled(now);
  if (kind == Kind::stop) finish(mechanism_ == Mechanism::superseded ? Outcome::superseded : Outcome::stopped, now);
  if (kind == Kind::roll_back) finish(Outcome::rolled_back, now);
}

void Rollout::failed(std::string_view why, Stamp now) {
  if (!pending_) return;
  const Kind kind = pending_->kind;
  if (kind == Kind::plan) return planned({.answer = PlanOutcome::Answer::unavailable, .text = std::string(why)}, now);
  pending_.reset();
  const bool begins = kind == Kind::shadow || kind == Kind::enforce || kind == Kind::make_live;
  if (kind == Kind::roll_back) {
    stuck_ = true;
    alarm_ = fmt::format("{}. Not rolled back: {}", why_, why);
  }
  if (!begins) retry_at_ = now + kAgain;
  else if (mechanism_ == Mechanism::none) end(Mechanism::failed, "weir", std::string(why), now);
}

void Rollout::planned(const PlanOutcome& outcome, Stamp now) {
  if (ended() || !begun_ || present().stage != StageName::plan || mechanism_ != Mechanism::none) return;
  pending_.reset();
  predicted_ = outcome.predicted;
  using enum PlanOutcome::Answer;
  if (outcome.answer == harm) return end(Mechanism::plan, "weir", outcome.text, now);
  finish_stage(outcome.answer == harmless ? Ended::passed : Ended::unproven, outcome.text, now);
  ++at_;
  begun_ = false;
}

bool Rollout::wants_last_word(Stamp now) const {
  const auto end = until();
  return !ended() && !pending_ && end && now >= *end && judged_at_ < *end;
}

void Rollout::judged(const Judgement& judgement, const Seen& seen, Nanos comparison, Stamp now) {
  if (ended() || !begun_ || mechanism_ != Mechanism::none) return;
  seen_ = seen;
  comparison_ = comparison;
  if (pending_) return;
  judgement_ = judgement;
  judged_at_ = now;
}

Result<> Rollout::under_way(std::string_view what) const {
  if (ended()) return fail(ErrorKind::invalid, fmt::format("r{} is {}: there is nothing to {}", change_.revision, to_string(outcome_), what), Origin::client);
  if (mechanism_ != Mechanism::none)
    return fail(ErrorKind::busy, fmt::format("r{} is being taken back ({}): too late to {}", change_.revision, why_, what), Origin::client);
  return {};
}

Result<> Rollout::promote(Way way, std::string_view by, Stamp now) {
  if (auto ready = under_way("promote"); !ready) return ready;
  if (way == Way::pipeline)
    return fail(ErrorKind::permission, "promote is a person's: at a terminal, or with --person; a pipeline forces with --now --reason", Origin::client);
  if (present().stage != StageName::plan) return promoted_by_ = by, Result<>();
  pending_.reset();   // the plan is not waited for
  finish_stage(FinishedStage::Result::promoted, fmt::format("promoted by {}", by), now);
  ++at_;
  begun_ = false;
  return {};
}

Result<> Rollout::roll_back(Way way, std::string_view by, std::string_view why, Stamp now) {
  if (!ended() && mechanism_ != Mechanism::none) {   // it is on its way; where that does not get on, a person's word is another
    if (way == Way::person) mechanism_ = Mechanism::person, by_ = by;
    return {};
  }
  if (auto ready = under_way("roll back"); !ready) return ready;
  if (way == Way::pipeline && change_.request.protect)
    return fail(ErrorKind::permission, fmt::format("r{} is protected: only a person rolls it back, at a terminal or with --person", change_.revision), Origin::client);
  if (pending_ && pending_->kind == Kind::plan) pending_.reset();
  end(Mechanism::person, by, std::string(why), now);
  return {};
}

Result<> Rollout::confirm(Stamp now) {
  if (auto ready = under_way("confirm"); !ready) return ready;
  if (!change_.request.confirm_within) return fail(ErrorKind::invalid, fmt::format("r{} asks for no confirmation", change_.revision), Origin::client);
  if (!live_) return fail(ErrorKind::invalid, fmt::format("r{} is not live yet: confirm what was seen to work", change_.revision), Origin::client);
  if (const auto by = confirm_by(); by && now >= *by) return fail(ErrorKind::busy, "its time to be confirmed is over", Origin::client);
  confirmed_ = true;
  return {};
}

Result<> Rollout::supersede(std::string_view by, Stamp now) {
  if (ended()) return {};
  if (stuck_) {
    pending_.reset();
    mechanism_ = Mechanism::superseded;
    by_ = by;
    finish(Outcome::superseded, now);
    return {};
  }
  if (auto ready = under_way("supersede"); !ready) return ready;
  if (pending_ && pending_->kind != Kind::make_live) pending_.reset();
  end(Mechanism::superseded, by, "another change took its place", now);
  if (live_) pending_.reset(), finish(Outcome::superseded, now);
  return {};
}

// "…: requests, coverage"
std::string Rollout::lacking(std::string_view what) const {
  std::string out(what), list;
  if (judgement_)
    for (const Missing& missing : judgement_->missing)
      if (list.find(to_string(missing.kind)) == std::string::npos) list += fmt::format("{}{}", list.empty() ? ": " : ", ", to_string(missing.kind));
  return out + list;
}

bool Rollout::lacks(Missing::Kind kind) const {
  return judgement_ && std::ranges::any_of(judgement_->missing, [&](const Missing& missing) { return missing.kind == kind; });
}

std::optional<Stamp> Rollout::until() const {
  return begun_ && present().time ? std::optional(since_ + *present().time) : std::nullopt;
}

std::optional<Stamp> Rollout::confirm_by() const {
  if (!live_ || confirmed_ || !change_.request.confirm_within) return std::nullopt;
  return live_at_ + *change_.request.confirm_within;
}

bool Rollout::busy() const {
  if (ended()) return false;
  return !live_ || confirm_by() || comparing_ || !alarm_.empty();
}

}  // namespace weir::rollout
