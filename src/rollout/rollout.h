// One change from the request to the day it is forgotten: which stage it is in, when the next one begins, and why it ended. Pure:
// told what happened and what time it is, it answers with one order at a time, which whoever drives carries out.
//
//   check → plan → shadow → canary, a share at a time → live, watched → settled
//
//   before live   harm, a person or a hold that lasted too long stops it: nobody has it any more
//   after live    harm or a person rolls it back; after harm pipelines are frozen for half an hour
//
// Which stages. As the rules of the live revision say, never the candidate's: else a candidate could switch off its own judging
// in the very push that needs it, and no judge would be left to see that. Whoever wants no stages says so with `now`, is recorded
// as having forced it, and is watched all the same.
//   judges_nothing  shadow none, canary empty, watch none: live and settled at once; no plan either
//   now             no plan, no stages; watched
//   fast            30 s of shadow and a minute of 5 %, where the rules have shadow and canary at all. What is missing at their end
//                   holds nothing but unproven load: less data is what was asked for. Such stages are unproven
//   no risk         no shadow, no canary (model/change_class.h)
//   early only      shadow, no canary: what acts before a caller is known cannot be drawn by caller
//   thin            no canary: nobody could tell arms apart (staging.h); what is suspected in the watch is compared all the same
//   few             fewer than 1,000 requests in the last hour: no shadow, no canary; watched until 10,000 were seen, too
//
// The end of a stage. Its time is over, and the judge passes: the next one. It lacks data: a hold, which names what is missing and
// the commands that decide, and which ends by itself as soon as the judge passes. It lacks what thin traffic does not bring within
// max_hold, and nothing speaks for harm (Judgement::out_of_reach): the next one too, unproven. After `max_hold` the change is stopped (exit 4):
// a gateway that nobody looks at must not stand between two configurations for days, and nothing is promoted by silence. Only
// with on_not_enough_data: promote_watched it goes live, unproven and watched. A watch lacks data: it goes on, since the change is live either
// way, and takes no pipeline's turn any more; `promote` settles it.
//
// Harm in the watch rolls back, with two exceptions, both said in `Status::alarm`: a protected revision, and one that a person applied
// while a detector already fired, as long as the share of bad exchanges is not a quarter worse than it was then. A rollback that cannot
// be carried out is an alarm, too: it is tried again every second, and until it succeeds a person's next change may take its place.
// A revision that must be confirmed and is not within its time, counted from going live, is rolled back.
//
// Bounds: at most kMostSteps canary steps and as many rows in `finished`, and four comparisons (judge.h). Every hold ends.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "model/change_class.h"
#include "model/rollout_rules.h"
#include "rollout/judge.h"
#include "rollout/prediction.h"
#include "rollout/staging.h"

namespace weir::rollout {

// Freeze, queue and class rules bind pipelines, never a person.
enum class Way : std::uint8_t { person, pipeline };
std::string_view to_string(Way way);

struct Request {
  Way way = Way::pipeline;
  std::string author, reason;
  bool now = false;                        // forced
  bool fast = false;
  std::optional<Nanos> confirm_within;
  bool protect = false;                    // only a person rolls it back
  bool retry = false;                      // although the text is marked; told, not used
};

// What is known of the traffic when it begins.
struct Ground {
  Staging::Thin thin = Staging::Thin::no;
  std::uint64_t last_hour = 0;             // requests carried
  bool firing = false;                     // burn rate or step change (watched_hour.h)
  double bad_share = 0;                    // of the last minute's exchanges
  static constexpr std::uint64_t kFew = 1'000, kSeenEnough = 10'000;
};

enum class StageName : std::uint8_t { check, plan, shadow, canary, watch };
std::string_view to_string(StageName stage);

// What stopped it, or rolled it back.
enum class Mechanism : std::uint8_t {
  none,
  plan,           // known callers would be hurt
  predictive,     // both policies decided, and the candidate hurts: refused, access, cut
  guard,          // measured: a guard, or more bad than usual since the change
  person,         // or whoever asked for it
  hold,           // lacked data for max_hold
  unconfirmed,
  superseded,     // another change took its place
  failed,         // the gateway could not carry it out
};
std::string_view to_string(Mechanism mechanism);

enum class Outcome : std::uint8_t { under_way, settled, stopped, rolled_back, superseded };
std::string_view to_string(Outcome outcome);

struct PlanOutcome {
  enum class Answer : std::uint8_t { harmless, harm, not_enough_data, unavailable } answer = Answer::unavailable;
  std::string text;                        // one line
  std::optional<Prediction> predicted;
};

// What the driver has counted, told about once a second.
struct Seen {
  std::uint64_t requests = 0;              // in this stage: decided by both in shadow, of the candidate's arm after
  std::uint64_t units = 0;                 // that they came from
  std::uint64_t differ = 0;                // about which the policies differ
  std::uint64_t since_live = 0;            // requests since it went live
  double bad_share = 0;                    // of the last minute's exchanges
};

struct Order {
  enum class Kind : std::uint8_t {
    none,
    plan,           // answered by planned()
    shadow,         // the candidate decides beside
    enforce,        // for `share` of the units
    make_live,      // for all; what was live decides beside
    compare,        // half of the units go back: judge.enter, a new lot
    redraw,         // a new lot: judge.redraw
    end_compare,    // all of them are the candidate's again
    settle,         // what was live before decides no longer
    stop,           // what is live stays and decides alone
    roll_back,      // what was live before is live again; never waits for a disk
  } kind = Kind::none;
  double share = 0;
  // What the judge enters when it is done: shadow, canary, watch, compare.
  Stage stage() const;
  bool enters_stage() const;
};
std::string_view to_string(Order::Kind kind);

struct FinishedStage {
  enum class Result : std::uint8_t { passed, unproven, promoted, failed, ended } result = Result::passed;
  StageName stage = StageName::check;
  double share = 0;                        // canary
  Nanos took{0};
  Seen seen;                               // when it ended; of plan and check none
  std::string text;                        // plan's line; what was missing; by whom it was promoted
};
std::string_view to_string(FinishedStage::Result result);

struct Ahead {                             // a stage that is still to come, and when it begins if nothing holds it
  StageName stage = StageName::watch;
  double share = 0;
  Nanos in{0};
};

struct Status {
  std::uint32_t revision = 0, before = 0;
  StageName stage = StageName::check;      // the present one; the last one, once it has ended
  double share = 0;                        // of the units that have the candidate
  bool live = false, comparing = false, forced = false, protect = false;
  Stamp began, since;                      // the change; this stage
  std::optional<Stamp> until;              // this stage, if nothing holds it
  std::optional<Stamp> held_since, held_until;   // held_until: absent in a watch, which may go on
  std::vector<Missing> missing;            // what a hold lacks; or lacked, where that ended the change
  std::optional<Stamp> confirm_by;         // still to be confirmed
  std::optional<Stamp> frozen_until;       // for pipelines
  Seen seen;
  std::vector<FinishedStage> finished;
  std::vector<Ahead> ahead;
  std::optional<Prediction> predicted;     // by the plan
  std::string notes;                       // why stages are skipped: "fewer than 10 requests a second: no canary"
  std::string alarm;                       // harm that is not rolled back, and why
  Outcome outcome = Outcome::under_way;
  Mechanism mechanism = Mechanism::none;
  std::string by, why;                     // of the end
  bool unproven = false;                   // some stage lacked data
  // 0 settled, 3 harm or taken back by somebody, 4 not enough data or not confirmed, 5 superseded, 1 could not be carried out.
  // Absent: under way. A change with an alarm has 3 at once: nobody is to wait for its end.
  std::optional<int> exit_code;
};

class Rollout {
 public:
  static constexpr Nanos kFreeze = std::chrono::minutes(30);

  struct Change {
    std::uint32_t revision = 0, before = 0;
    Request request;
    ChangeClass touches;
    RolloutRules rules;                    // of what is live
    Ground ground;
    std::string checked;                   // one line about the check, which it has passed
    Nanos check_took{0};
  };
  Rollout(Change change, Stamp now);

  // What is to be done now; none while an order is under way, and when nothing is due. Never the same twice without done() or failed().
  Order next(Stamp now);
  void done(Stamp now);                            // the order was carried out
  void failed(std::string_view why, Stamp now);    // it was not; before live the change is stopped, else it is tried again

  void planned(const PlanOutcome& outcome, Stamp now);   // answers Order::plan
  // The time of the present stage is over, and the judge has not spoken since: it is to end its round (Judge::end_round) and say it.
  // Else a stage shorter than a round would be judged by nothing.
  bool wants_last_word(Stamp now) const;
  // About once a second in a stage; of an earlier stage's end nothing may be told after done(). comparison: Judge::comparison_time().
  void judged(const Judgement& judgement, const Seen& seen, Nanos comparison, Stamp now);

  // Errors say why not, and what there is to do. Each works in any stage, also while an order is under way.
  Result<> promote(Way way, std::string_view by, Stamp now);   // skips the rest of this stage; in a watch, settles
  Result<> roll_back(Way way, std::string_view by, std::string_view why, Stamp now);
  Result<> confirm(Stamp now);                                 // by anybody: that it is reachable is what it shows
  Result<> supersede(std::string_view by, Stamp now);          // by the next change (admit.h); live: ends at once, nothing is ordered

  Status status(Stamp now) const;
  bool ended() const { return outcome_ != Outcome::under_way; }
  bool live() const { return live_; }
  // A pipeline's change has to wait for it: before live, and while something is wrong with it. One that is watched and well gives way:
  // a pipeline that pushes four times an hour is no emergency, and each change is judged beside the one before.
  bool busy() const;

 private:
  struct Planned {                         // a stage as the rules have it
    StageName stage = StageName::plan;
    double share = 0;
    std::optional<Nanos> time;             // absent: until the plan is made; of a watch: none
  };
  void lay_out();
  void skip(std::string_view why);
  const Planned& present() const { return stages_[at_]; }   // the last is a watch, which is not left
  Order give(Order::Kind kind, double share = 0);
  Order begin_present(Stamp now);
  Order look_before_live(Stamp now);
  Order hold(Stamp now);
  Nanos left_to_hold(Stamp now) const;
  Order go_on(FinishedStage::Result result, std::string text, Stamp now);
  Order look_at_watch(Stamp now);
  Order look_at_comparison(Stamp now);
  bool may_settle() const;
  void end(Mechanism mechanism, std::string_view by, std::string why, Stamp now);
  Order end_by(Mechanism mechanism, std::string_view by, std::string why, Stamp now);
  Order ending();
  void finish_stage(FinishedStage::Result result, std::string text, Stamp now);
  void settled(Stamp now);
  void finish(Outcome outcome, Stamp now);
  std::string why_spared() const;          // "": it is not
  Result<> under_way(std::string_view what) const;
  std::string lacking(std::string_view what) const;
  bool lacks(Missing::Kind kind) const;
  bool fails() const { return judgement_ && judgement_->answer == Answer::fail; }
  bool passes() const { return judgement_ && judgement_->answer == Answer::pass; }
  std::optional<Stamp> until() const;      // the end of the present stage's time
  std::optional<Stamp> confirm_by() const;
  std::optional<int> exit_code() const;
  std::vector<Ahead> ahead(Stamp now) const;

  Change change_;
  std::vector<Planned> stages_;
  std::size_t at_ = 0;
  bool begun_ = false;                     // the present stage was ordered
  bool few_ = false, live_ = false, confirmed_ = false, comparing_ = false, unproven_ = false, stuck_ = false;
  std::string promoted_by_;                // "": the present stage is not promoted
  std::optional<Order> pending_;
  Stamp began_, since_, live_at_, compared_since_, redrawn_, ended_at_, judged_at_ = Stamp::min(), retry_at_ = Stamp::min();
  std::optional<Stamp> held_since_;
  std::optional<Judgement> judgement_;     // of the present stage
  Nanos comparison_{0};
  Seen seen_;
  std::vector<FinishedStage> finished_;
  std::vector<Missing> lacked_;            // when max_hold was over
  std::optional<Prediction> predicted_;
  std::string notes_, alarm_;
  Outcome outcome_ = Outcome::under_way;
  Mechanism mechanism_ = Mechanism::none;  // set: it is being ended
  std::string by_, why_;
};

}  // namespace weir::rollout
