// Two versions of a service that run at one time, judged against each other: the judge of changes (judge.h) with the new version as
// its candidate, in a canary that lasts as long as the watch. No policy differs, so there are no two words about an exchange; what
// speaks is measured: its guards bad and slow. Whatever befalls both alike (a caller that sends what must fail, a database) speaks
// for neither, and no past is needed.
//
//   unit   by what the arms are drawn: the exchange, where a split or a balancer draws each by itself; the caller, where it stays with
//          one endpoint. Counted by anything else one caller that fails would be a hundred (cells.h)
//
// Answers: harmed, as soon as a guard rolls back (4,000); healthy, at the end, where the judge lacks nothing: each arm has 30 of each kind
// of request that is 95 % of the traffic, and newly bad ones of the candidate are not 0.5 points more at 99.9 %; else not enough data.
// Bounds: those of the judge, about 20 MB at thousands of requests a second.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "base/time.h"
#include "model/outcomes.h"
#include "rollout/deploy.h"
#include "rollout/event.h"
#include "rollout/judge.h"

namespace weir::rollout {

struct ArmsReading {
  DeployAnswer answer = DeployAnswer::under_way;
  Lack lack = Lack::none;
  DeployFigures stable, candidate;
  std::array<GuardReading, kGuards> guards;
  std::optional<Guard> harm;
};

class TwoArms {
 public:
  // units_return: false where the unit is the exchange (cells.h).
  TwoArms(Stamp now, Nanos watch, bool units_return);

  struct Exchange {
    Stamp at;
    std::uint64_t unit = 0, method = 0;
    NameId route;
    Arm arm = Arm::control;
    bool bad = false;
    std::optional<Nanos> took;   // until the head of the answer; none: there was none
  };
  void add(const Exchange& exchange);
  void turn(Stamp now);          // judges what was seen until then, once a second
  void end(Lack lack);           // what is watched is there no more
  DeployAnswer answer() const { return answer_; }
  ArmsReading reading() const;

  // Both were seen within the last ten seconds.
  bool both_run(Stamp now) const;

 private:
  struct Seen {
    double requests = 0, bad = 0, timed = 0;
    LatencyCounts took;
    std::optional<Stamp> last;
    DeployFigures figures(Nanos time) const;
  };
  const Seen& of(Arm arm) const { return seen_[static_cast<std::size_t>(arm)]; }

  Judge judge_;
  Stamp began_, now_, judged_;
  Nanos watch_;
  std::array<Seen, 2> seen_;     // by Arm
  Judgement judgement_;
  DeployAnswer answer_ = DeployAnswer::under_way;
  Lack lack_ = Lack::none;
};

}  // namespace weir::rollout
