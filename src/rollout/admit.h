// Whether a change may begin, now that there may be another one, or pipelines are frozen after a rollback.
//
//   begin       nothing is in its way
//   supersede   the present one is ended first (Rollout::supersede): by a person at any time, by a pipeline once it is no longer busy
//   queue       a pipeline's, by `rollout.busy: queue`: admitted again when the present one is no longer busy
//   error       busy: time cures it (exit 5); invalid: it takes other words (exit 1). Says which
#pragma once

#include <cstdint>
#include <optional>

#include "base/result.h"
#include "base/time.h"
#include "model/change_class.h"
#include "model/rollout_rules.h"
#include "rollout/rollout.h"

namespace weir::rollout {

struct Present {
  const Rollout* rollout = nullptr;        // null: none was
  std::optional<Stamp> frozen_until;       // Status::frozen_until of the last one
  RolloutRules::Busy busy = RolloutRules::Busy::refuse;
};

enum class Admission : std::uint8_t { begin, supersede, queue };

Result<Admission> admit(const Request& request, const ChangeClass& touches, const Present& present, Stamp now);

}  // namespace weir::rollout
