// Whose successes stop: a failure that leaves no bad exchange, because who is sent away does not come back.
//
// A unit is usual once it has had 40 successes over two minutes; its rate is theirs over the time since the first. It has gone
// silent when no success came for the time in which twenty were usual, at least a minute (by bursts of four as in the testbed,
// e^-5 by chance); it is silent until the next one. At risk is whoever is usual, not silent, and had an exchange since the
// arms were drawn: who has not met the candidate did not leave because of it. Traffic that sinks at night sinks in both arms;
// without a second arm this is not asked.
// Bounds: 65,536 units; further ones are not looked at.
#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <cstddef>
#include <cstdint>

#include "base/time.h"
#include "rollout/event.h"
#include "rollout/evidence.h"

namespace weir::rollout {

class Presence {
 public:
  static constexpr std::size_t kMost = 1u << 16;
  static constexpr std::uint32_t kUsual = 40, kMissed = 20;
  static constexpr Nanos kShortest = std::chrono::minutes(1);

  // The arm goes with any exchange: whoever gets nothing good from the candidate is the candidate's.
  void on_exchange(std::uint64_t unit, Arm arm, Stamp at, bool success) {
    const auto found = units_.find(unit);
    if (found == units_.end()) {
      if (success && units_.size() < kMost) units_.emplace(unit, Unit{.first = at, .newest = at, .successes = 1, .arm = arm, .met = true});
      return;
    }
    Unit& of = found->second;
    of.arm = arm;
    of.met = true;
    if (!success) return;
    of.newest = of.newest < at ? at : of.newest;
    of.silent = false;
    ++of.successes;
  }

  void arms_are_drawn() {
    for (auto& [key, unit] : units_) unit.met = false;
  }

  struct Round {
    Arms at_risk, gone_silent;
  };
  Round close(Stamp now) {
    Round round;
    for (auto& [key, unit] : units_) {
      if (unit.silent || !unit.met || unit.successes < kUsual || now - unit.first < 2 * kShortest) continue;
      const bool gone = now - unit.newest > kShortest && (now - unit.newest) / kMissed > (unit.newest - unit.first) / unit.successes;
      (unit.arm == Arm::candidate ? round.at_risk.candidate : round.at_risk.control) += 1;
      if (gone) (unit.arm == Arm::candidate ? round.gone_silent.candidate : round.gone_silent.control) += 1;
      unit.silent = gone;
    }
    return round;
  }

 private:
  struct Unit {
    Stamp first, newest;
    std::uint32_t successes = 0;
    Arm arm = Arm::control;
    bool silent = false;
    bool met = false;   // had an exchange since the arms were drawn
  };
  boost::unordered_flat_map<std::uint64_t, Unit> units_;
};

}  // namespace weir::rollout
