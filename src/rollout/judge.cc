#include "rollout/judge.h"

#include <algorithm>
#include <cmath>

#include "base/hash.h"

namespace weir::rollout {
namespace {

constexpr std::uint64_t kFewest = 30;
constexpr double kFaint = 20;   // evidence below it is none

// By how much the share of newly bad cells may be greater, at most.
std::optional<double> extra_allowed(const Stage& stage) {
  if (stage.kind == Stage::Kind::compare) return 0.02;
  if (stage.kind != Stage::Kind::canary || stage.share < 0.05) return std::nullopt;
  return stage.share < 0.25 ? 0.005 : 0.002;
}

}  // namespace

std::string_view to_string(Answer answer) {
  constexpr std::array<std::string_view, 3> kNames = {"pass", "fail", "not enough data"};
  return kNames[static_cast<std::size_t>(answer)];
}

std::string_view to_string(Failure::Kind kind) {
  constexpr std::array<std::string_view, 5> kNames = {"guard", "since", "refused", "access", "cut"};
  return kNames[static_cast<std::size_t>(kind)];
}

std::string_view to_string(Missing::Kind kind) {
  constexpr std::array<std::string_view, 7> kNames = {"requests", "units", "extra", "comparison", "coverage", "load", "limit"};
  return kNames[static_cast<std::size_t>(kind)];
}

bool Judgement::out_of_reach(Nanos within) const {
  using enum Missing::Kind;
  const auto is_beyond = [&](const Missing& each) {
    return (each.kind == units || each.kind == extra || each.kind == coverage) && each.more > within;
  };
  const auto speaks = [](const GuardReading& guard) { return guard.log_evidence >= std::log(kFaint); };
  return answer == Answer::not_enough_data && !missing.empty() && std::ranges::all_of(missing, is_beyond) && std::ranges::none_of(guards, speaks);
}

Judge::Judge(const JudgeRules& rules) : rules_(rules), refused_(rules.refused), access_(rules.access), cut_(rules.cut), watched_(rules.objective) {}

// A round ends with its stage, so that a unit has one arm in a cell.
void Judge::enter(Stage stage, Stamp now) {
  advance(now);
  close(now_);
  if (stage_.kind == Stage::Kind::compare)
    was_gone_ = since_ && now_ - stage_began_ >= comparison_time() && guards_.log_beside() < std::log(kFaint) ? std::optional(now_) : std::nullopt;
  stage_ = stage;
  stage_began_ = now_;
  if (stage.kind != Stage::Kind::before && !both_began_) both_began_ = now_;
  if (stage.kind != Stage::Kind::compare) since_ = false;
  suspected_ = false;
  requests_ = 0;
  units_.clear();
  guards_.begin_stage();
  if (stage.kind == Stage::Kind::compare) guards_.begin_comparison(round_);
  if (stage.kind == Stage::Kind::watch) guards_.begin_watch();
  load_.restart(now_);
  watched_.begin_stage();
}

Nanos Judge::comparison_time() const {
  constexpr std::array<int, kComparisons> kMinutes = {5, 8, 12, 18};
  return std::chrono::minutes(kMinutes[comparisons_ == 0 ? 0 : comparisons_ - 1]);
}

void Judge::end_round(Stamp now) {
  advance(now);
  close(now_);
}

void Judge::redraw(Stamp now) {
  end_round(now);
  guards_.redraw(round_);
}

void Judge::on_exchange(const Event& event) {
  advance(event.at);
  ++requests_;
  if (event.arm == Arm::candidate && units_.size() < rules_.units && std::ranges::find(units_, event.unit) == units_.end())
    units_.push_back(event.unit);
  guards_.add(event);
  watched_.add(event, now_);
  coverage_.add(event);
  load_.add(event);
  if (!event.judged_by_both || !event.known) return;
  refused_.add(event.caller, event.candidate.refuses, event.control.refuses);
  access_.add(mix(event.caller ^ mix(event.route.value)), event.candidate.denies, event.control.denies);
  cut_.add(event.caller, event.candidate.cuts, event.control.cuts);
}

void Judge::advance(Stamp now) {
  if (!begun_) {
    begun_ = true;
    now_ = round_began_ = now;
    load_.restart(now);
  }
  now_ = std::max(now_, now);
  if (now_ - round_began_ >= Cells::kLength) close(round_began_ + (now_ - round_began_) / Cells::kLength * Cells::kLength);
}

void Judge::close(Stamp now) {
  using Phase = Guards::Phase;
  guards_.close(round_, now, stage_.kind == Stage::Kind::watch ? Phase::watch : stage_.kind == Stage::Kind::compare ? Phase::comparison : Phase::arms);
  if (stage_.kind != Stage::Kind::before) {
    refused_.close(now);
    access_.close(now);
    cut_.close(now);
  }
  look_for_failure(now);
  load_.close(now);
  round_ += std::max(1, static_cast<std::int32_t>((now - round_began_) / Cells::kLength));
  round_began_ = now;
}

void Judge::look_for_failure(Stamp now) {
  for (std::size_t i = 0; i < kGuards; ++i)
    if (guards_.reading(static_cast<Guard>(i)).log_evidence >= std::log(kRollsBackAt)) fail(Failure::Kind::guard, static_cast<Guard>(i), now);
  look_since(now);
  look_at_budget(now);
  using Harm = PairedReading::Harm;
  if (refused_.reading().harm != Harm::none) fail(Failure::Kind::refused, {}, now);
  if (access_.reading().harm != Harm::none) fail(Failure::Kind::access, {}, now);
  if (cut_.reading().harm != Harm::none) fail(Failure::Kind::cut, {}, now);
}

void Judge::look_since(Stamp now) {
  if (stage_.kind != Stage::Kind::watch || suspected_ || guards_.since().log_evidence < std::log(kRollsBackAt)) return;
  if (was_gone_ && now - *was_gone_ <= kSoon) {
    if (guards_.since().count.candidate < kAgainCells) return;
    ++again_;
  }
  if (!rules_.comparable || again_ == kTwice || load_.crowded() >= kMostly) return fail(Failure::Kind::since, Guard::bad, now);
  suspected_ = since_ = comparisons_ < kComparisons;
  comparisons_ += suspected_ ? 1 : 0;
}

void Judge::look_at_budget(Stamp now) {
  if (stage_.kind != Stage::Kind::watch || suspected_ || !rules_.comparable || comparisons_ == kComparisons) return;
  const WatchReading watch = watched_.reading(now);
  if (watch.burns == BurnRate::Alarm::none || watch.touched < 0.5) return;
  suspected_ = true;
  ++comparisons_;
}

void Judge::fail(Failure::Kind kind, Guard guard, Stamp at) {
  if (!failure_) failure_ = Failure{.kind = kind, .guard = guard, .stage = stage_, .at = at};
}

void Judge::look_for_missing(std::vector<Missing>& out) const {
  const auto need = [&](Missing missing) {
    if (out.size() < Judgement::kMissing) out.push_back(missing);
  };
  using Kind = Missing::Kind;
  const bool shadow = stage_.kind == Stage::Kind::shadow;
  const bool canary = stage_.kind == Stage::Kind::canary || stage_.kind == Stage::Kind::compare;
  const std::uint64_t requests = shadow ? rules_.shadow_requests : stage_.kind == Stage::Kind::before ? 1 : kFewest;
  const auto has = static_cast<double>(requests_), needs = static_cast<double>(requests);
  if (requests_ < requests) need({.kind = Kind::requests, .has = has, .needs = needs, .more = until_times(needs / has, stage_began_)});
  if (canary && units_.size() < rules_.units)   // whom the lot drew has come by now, or comes seldom
    need({.kind = Kind::units, .has = static_cast<double>(units_.size()), .needs = static_cast<double>(rules_.units), .more = Nanos::max()});
  if (const auto allowed = extra_allowed(stage_))
    if (const double extra = extra_upper(guards_.at_risk(), guards_.newly_bad()); extra >= *allowed)   // it sinks by the square root
      need({.kind = Kind::extra, .has = extra, .needs = *allowed, .more = until_times(std::pow(extra / *allowed, 2), stage_began_)});
  if (suspected_) {
    const GuardReading& since = guards_.since();
    need({.kind = Kind::comparison, .has = since.count.candidate / std::max(1.0, since.of.candidate), .needs = since.count.control / std::max(1.0, since.of.control)});
  }
  if (!shadow && stage_.kind != Stage::Kind::canary) return;
  if (const double covered = coverage_.covered(); covered < rules_.coverage)
    need({.kind = Kind::coverage, .has = covered, .needs = rules_.coverage, .more = until_times(coverage_.times_until(rules_.coverage), both_began_.value_or(now_))});
  for (const Load::Endpoint& endpoint : load_.unproven())
    need({.kind = Kind::load, .subject = endpoint.name, .has = endpoint.sustained_per_s, .needs = endpoint.picks_per_s / Load::kMuch});
  for (const Fill::Reading& limit : fill_.readings())
    if (limit.nearly_full()) need({.kind = Kind::limit, .subject = limit.limit, .has = limit.candidate, .needs = Fill::kNearlyFull});
}

Nanos Judge::until_times(double times, Stamp since) const {
  const double more = (times - 1) * static_cast<double>((now_ - since).count());
  return more < static_cast<double>(Nanos::max().count()) ? Nanos(static_cast<std::int64_t>(more)) : Nanos::max();
}

Judgement Judge::verdict(Stamp now) {
  if (begun_) advance(now);
  Judgement out{.failure = failure_, .since = guards_.since(), .watch = watched_.reading(now_), .refused = refused_.reading(), .access = access_.reading(), .cut = cut_.reading()};
  for (std::size_t i = 0; i < kGuards; ++i) out.guards[i] = guards_.reading(static_cast<Guard>(i));
  look_for_missing(out.missing);
  if (failure_) {
    out.answer = Answer::fail;
  } else if (out.missing.empty() && stage_.kind != Stage::Kind::before) {
    out.answer = Answer::pass;
  }
  return out;
}

}  // namespace weir::rollout
