// How a change goes live, as the configuration says it: `rollout`. Of a change it is the rules of what is live that count
// (rollout/rollout.h says why).
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/time.h"

namespace weir {

struct RolloutRules {
  struct Step {
    double share = 0;                // of the units, in (0, 1)
    Nanos time{0};
    friend bool operator==(const Step&, const Step&) = default;
  };
  enum class OnNotEnoughData : std::uint8_t { hold, promote_watched };
  enum class Busy : std::uint8_t { refuse, queue };
  static constexpr std::size_t kMostSteps = 16;

  std::optional<Nanos> shadow = std::chrono::minutes(2);    // absent: none
  std::vector<Step> canary = {{0.01, std::chrono::minutes(2)}, {0.05, std::chrono::minutes(5)}, {0.25, std::chrono::minutes(5)}};
  std::optional<Nanos> watch = std::chrono::minutes(60);    // absent: none
  Nanos max_hold{std::chrono::minutes(15)};
  OnNotEnoughData on_not_enough_data = OnNotEnoughData::hold;
  Busy busy = Busy::refuse;                                 // of a pipeline's change that comes while another is under way

  bool judges_nothing() const { return !shadow && canary.empty() && !watch; }
  friend bool operator==(const RolloutRules&, const RolloutRules&) = default;
};

}  // namespace weir
