#include "run.h"

#include <algorithm>
#include <set>

namespace judged {
namespace {

using namespace weir;
using namespace weir::rollout;

constexpr double kLearn = 10 * kMinute, kMostHold = 15 * kMinute;

Stamp stamp(double seconds) { return stamp_from_nanos(static_cast<std::int64_t>(seconds * 1e9)); }

struct Step {
  Stage stage;
  double length;
};

std::vector<Step> steps(const Staging& staging) {
  std::vector<Step> out = {{{Stage::Kind::shadow}, 2 * kMinute}};
  if (staging.by_percentage())
    for (const auto& [share, minutes] : {std::pair(0.01, 2.0), std::pair(0.05, 5.0), std::pair(0.25, 5.0)})
      out.push_back({{Stage::Kind::canary, share}, minutes * kMinute});
  out.push_back({{Stage::Kind::watch}, 0});
  return out;
}

class Rollout {
 public:
  Rollout(const Setting& setting, const Change& change, const Options& options)
      : change_(change), options_(options), world_(setting), lot_(1000 * setting.seed) {
    result_.change = change.name;
  }

  Result go() {
    judge_.enter({Stage::Kind::before}, stamp(0));
    while (second_ < kLearn) one_second();
    result_.staging = staging_of({.requests_per_s = static_cast<double>(seen_) / kLearn, .callers = callers_.size(), .clients = callers_.size()});
    judge_.use(result_.staging.comparable(), static_cast<double>(seen_) / kLearn);
    unit_ = options_.unit.value_or(result_.staging.unit);
    const double end = kLearn + 2 * kMinute + options_.hour;
    for (const Step& step : steps(result_.staging)) {
      enter(step.stage);
      const double until = stage_.kind == Stage::Kind::watch ? end : second_ + step.length;
      if (!stage(until)) break;
    }
    result_.last = judge_.verdict(stamp(second_));
    return result_;
  }

 private:
  // False: the rollout has ended.
  bool stage(double until) {
    for (double hold = 0;;) {
      const Judgement now = one_second();
      if (result_.failure) return false;
      if (lacks_comparison(now) && !compare()) return false;
      if (second_ < until) continue;
      if (now.answer == Answer::pass || stage_.kind == Stage::Kind::watch) return true;
      if (now.out_of_reach(std::chrono::seconds(static_cast<int>(kMostHold - hold)))) return result_.unproven = true;
      if (result_.held_for.empty()) result_.held_for = now.missing;
      hold += 1;
      result_.held += 1;
      if (hold < kMostHold) continue;
      result_.ended_held = !options_.promote_watched;
      return options_.promote_watched;
    }
  }

  static bool lacks_comparison(const Judgement& now) {
    return std::ranges::any_of(now.missing, [](const Missing& missing) { return missing.kind == Missing::Kind::comparison; });
  }

  // Half of the units, drawn anew every minute, for as long as the judge says and longer while it is not clear. False: it failed.
  bool compare() {
    ++result_.comparisons;
    ++lot_;
    const Stage watch = stage_;
    enter({Stage::Kind::compare, 0.5});
    for (double lasted = 1;; lasted += 1) {
      const Judgement now = one_second();
      if (result_.failure) return false;
      const double least = std::chrono::duration<double>(judge_.comparison_time()).count();
      if (lasted >= least + kMostHold || (lasted >= least && now.answer == Answer::pass)) break;
      if (static_cast<int>(lasted) % 60 != 0) continue;
      judge_.redraw(stamp(second_));
      ++lot_;
    }
    enter(watch);
    return true;
  }

  void enter(const Stage& stage) {
    stage_ = stage;
    judge_.enter(stage, stamp(second_));
  }

  Judgement one_second() {
    for (const Request& request : world_.next_second()) one(request);
    second_ += 1;
    Judgement now = judge_.verdict(stamp(second_));
    if (now.answer == Answer::fail && !result_.failure) {
      result_.failure = now.failure;
      result_.failed_after = second_ - kLearn;
    }
    return now;
  }

  void one(const Request& request) {
    const bool both = stage_.kind != Stage::Kind::before;
    Fate fate{.control_bad = request.bad, .candidate_bad = request.bad, .control_s = request.duration, .candidate_s = request.duration};
    fate.control.endpoint = fate.candidate.endpoint = NameId{static_cast<std::uint32_t>(100 + 4 * request.route + request.endpoint)};
    fate.control.refuses = fate.candidate.refuses = request.at_limit;
    const bool all = stage_.kind == Stage::Kind::watch;
    if (both) change_.decide(request, all, fate);
    ++seen_;
    if (!both && callers_.size() < 100) callers_.insert(request.caller);
    const std::uint64_t unit = unit_ == Unit::request ? request.chance : mix(request.caller + 1);
    const bool mine = all || ((stage_.kind == Stage::Kind::canary || stage_.kind == Stage::Kind::compare) && static_cast<double>(mix(unit ^ mix(lot_)) >> 11) * 0x1p-53 < stage_.share);
    if (mine && fate.gone) return;
    Event event{.at = stamp(request.at), .unit = unit, .caller = mix(request.caller + 1), .group = request.group,
                .method = request.method + 1u, .route = NameId{request.route}, .identity = NameId{static_cast<std::uint32_t>(50 + request.identity)},
                .arm = mine ? Arm::candidate : Arm::control, .known = request.known, .touched = both && fate.touched,
                .judged_by_both = both, .control = fate.control, .candidate = fate.candidate};
    if (!both) event.touched = true;
    const bool refused = event.enforced().refuses || event.enforced().denies;
    event.bad = refused ? request.known : mine ? fate.candidate_bad : fate.control_bad;
    event.latency = std::chrono::nanoseconds(static_cast<std::int64_t>((mine ? fate.candidate_s : fate.control_s) * 1e9));
    judge_.on_exchange(event);
    count(request, fate, event, both);
  }

  void count(const Request& request, const Fate& fate, const Event& event, bool both) {
    if (!both) return;
    ++result_.requests;
    if (!request.known) return;
    const auto bad = [](const Word& word, bool otherwise) { return word.refuses || word.denies || otherwise; };
    const bool worse = bad(fate.candidate, fate.candidate_bad) && !bad(fate.control, fate.control_bad);
    ++result_.known;
    result_.could_hurt += worse ? 1 : 0;
    result_.hurt += worse && event.arm == Arm::candidate ? 1 : 0;
  }

  const Change& change_;
  Options options_;
  World world_;
  Judge judge_;
  Result result_;
  Stage stage_;
  Unit unit_ = Unit::caller;
  double second_ = 0;
  std::uint64_t lot_;   // the draw of the arms: another in every run
  std::uint64_t seen_ = 0;
  std::set<std::uint32_t> callers_;
};

}  // namespace

Result run(const Setting& setting, const Change& change, const Options& options) { return Rollout(setting, change, options).go(); }

}  // namespace judged
