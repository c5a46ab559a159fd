// The judge of a change: is told of every exchange, and says at any time `pass`, `fail` or `not enough data`, with the numbers
// that it goes by. It asks for nothing; whoever drives it feeds events in the order of their stamps and calls verdict(now).
//
//   before   control decides alone: what is usual is learned (ten minutes and more are worth having)
//   shadow   both decide, control is enforced
//   canary   both decide, the candidate is enforced for a share of the units
//   watch    both decide, the candidate is enforced for all
//   compare  out of the watch, because more is bad since the change than was usual: half of the units go back to the control
//            until it is known whether that is the candidate's doing or the world's. The arms are drawn anew by lot every
//            minute (redraw), so that twenty callers suffice: each speaks once a minute. Each comparison is longer than the
//            last, so that nothing that comes and goes by a clock of its own keeps step with them
//
//   fail              a guard's evidence reached 4,000 (guards.h), or known callers are newly refused, lose access or are cut
//                     (paired.h), or more is bad since the change than was usual: at once where there are not three units to
//                     compare or most of it is bad at endpoints that the candidate crowds (load.h), else when twice it was gone in one and there again within a minute after it, in ten cells at
//                     least, as with an overload that only a full share brings. It stays: a failed change does not recover
//   not enough data   nothing speaks for harm, but something that would be seen is missing; a hold names it
//   pass              nothing speaks for harm, nothing is missing. Whether the stage has lasted long enough is the driver's
//
// What a stage must have seen, else it is missing:
//   requests   shadow: those of a minute, 1,000 to 20,000; canary, watch: 30
//   units      canary: 3 in the candidate's arm
//   extra      canary from 5 % on: 99.9 % sure that newly bad cells are not more by 0.5 points, from 25 % on by 0.2
//              (evidence.h; about 1,900 and 11,900 cells at a usual share of 0.5 %, as many as it takes at the real one);
//              comparison: by 2 points
//   comparison watch: evidence since the change reached 4,000, or the budget burns by what the policies differ about
//              (watched_hour.h). Asked for four times at most
//   coverage   kinds of requests that are 95 % of the traffic, 30 times each, decided by the candidate
//   load       shadow, canary: no endpoint picked above 1.5 times what it has sustained, no limit nearly full that was not
// How long each will take, if all goes on as it did, is told: what thin traffic does not bring is not waited for (rollout.h).
// Equal events in equal order give an equal verdict; the order within ten seconds matters to nothing but Space-Saving's list.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "rollout/coverage.h"
#include "rollout/event.h"
#include "rollout/guards.h"
#include "rollout/load.h"
#include "rollout/paired.h"
#include "rollout/watched_hour.h"

namespace weir::rollout {

enum class Answer : std::uint8_t { pass, fail, not_enough_data };
std::string_view to_string(Answer answer);

struct Stage {
  enum class Kind : std::uint8_t { before, shadow, canary, watch, compare } kind = Kind::before;
  double share = 0;   // of the units that are the candidate's; canary and compare
};

struct Failure {
  enum class Kind : std::uint8_t { guard, since, refused, access, cut } kind = Kind::guard;
  Guard guard = Guard::bad;   // kind guard
  Stage stage;
  Stamp at;
};
std::string_view to_string(Failure::Kind kind);

struct Missing {
  enum class Kind : std::uint8_t { requests, units, extra, comparison, coverage, load, limit } kind = Kind::requests;
  NameId subject;             // load: endpoint, limit: limit
  // requests, units; extra: points above, as a share; comparison: share newly bad since, and before; coverage: share;
  // load: by second; limit: fill
  double has = 0, needs = 0;
  // Until it is there, if all goes on as it has since the stage began; Nanos::max(): no waiting brings it. Of load, limit and
  // comparison none: time is not what they lack.
  Nanos more{0};
};
std::string_view to_string(Missing::Kind kind);

struct Judgement {
  Answer answer = Answer::not_enough_data;
  std::optional<Failure> failure;
  std::array<GuardReading, kGuards> guards;
  GuardReading since;   // the change, in the watch (guards.h)
  WatchReading watch;
  PairedReading refused, access, cut;
  std::vector<Missing> missing;   // at most kMissing, in the order above
  static constexpr std::size_t kMissing = 16;

  // Nothing of what is missing will be there within so long, and nothing speaks for harm: thin traffic does not bring it. Never so of
  // requests, load and limit: without them nothing at all is known, or it is known what is to be feared.
  bool out_of_reach(Nanos within) const;
};

struct JudgeRules {
  PairedRules refused, cut;
  PairedRules access{.alone_requests = 3};   // by caller and route; no bucket refills, so three are no accident
  std::uint64_t shadow_requests = 20'000;    // thin: 1,000
  std::uint64_t units = 3;
  double coverage = 0.95;
  bool comparable = true;                    // in the watch (staging.h)
  double objective = 0.999;                  // the share of exchanges that must be good
};

class Judge {
 public:
  explicit Judge(const JudgeRules& rules = {});

  // How much traffic there is: what a shadow must have seen are the requests of a minute, 1,000 to 20,000. `comparable`: of units
  // there are enough for two halves.
  void use(bool comparable, double requests_per_s) {
    rules_.comparable = comparable;
    rules_.shadow_requests = static_cast<std::uint64_t>(std::clamp(60 * requests_per_s, 1'000.0, 20'000.0));
  }
  void units_return(bool whether) { guards_.units_return(whether); }   // cells.h; they do, if nothing is said
  void enter(Stage stage, Stamp now);
  // How long the comparison that is asked for has to last, at least: 5, 8, 12, 18 minutes.
  Nanos comparison_time() const;
  void end_round(Stamp now);   // before its ten seconds are over
  void redraw(Stamp now);   // within a comparison: from now on arms are drawn anew
  void on_exchange(const Event& event);
  // How full a limit's bucket was after a request, in the table of each policy.
  void on_fill(NameId limit, double candidate, double control) { fill_.add(limit, candidate, control); }

  Judgement verdict(Stamp now);
  CoverageReading coverage() const { return coverage_.reading(); }
  const Load& load() const { return load_; }
  std::vector<Fill::Reading> fills() const { return fill_.readings(); }

 private:
  void advance(Stamp now);
  void close(Stamp now);
  void look_for_failure(Stamp now);
  void look_since(Stamp now);
  void look_at_budget(Stamp now);
  void fail(Failure::Kind kind, Guard guard, Stamp at);
  void look_for_missing(std::vector<Missing>& out) const;
  Nanos until_times(double times, Stamp since) const;   // how long until there is so many times what there is since then

  JudgeRules rules_;
  Stage stage_;
  Stamp now_{}, round_began_{}, stage_began_{};
  std::optional<Stamp> both_began_;           // the first stage in which two policies decide
  bool begun_ = false;
  std::int32_t round_ = 0;
  std::uint64_t requests_ = 0;                // in this stage
  std::vector<std::uint64_t> units_;          // of the candidate's arm in this stage, the first few
  Guards guards_;
  Paired refused_, access_, cut_;
  Coverage coverage_;
  Load load_;
  Fill fill_;
  WatchedHour watched_;
  std::uint32_t comparisons_ = 0;             // asked for
  std::uint32_t again_ = 0;                   // how often the suspicion came back with the full share
  bool suspected_ = false, since_ = false;    // since_: by the evidence since the change
  std::optional<Stamp> was_gone_;             // when a comparison ended in which nothing was left of the suspicion
  std::optional<Failure> failure_;

  static constexpr std::uint32_t kComparisons = 4;
  static constexpr std::uint32_t kTwice = 2;
  static constexpr Nanos kSoon = std::chrono::minutes(1);
  static constexpr double kAgainCells = 10;
  static constexpr double kMostly = 0.5;      // of the bad exchanges
};

}  // namespace weir::rollout
