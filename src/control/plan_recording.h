// A recording read to its end by a plan (replay/plan.h), in turns of replay::kBatch requests that go through three threads: one reads
// and says what each request was to both policies, one decides, and who asks counts. Takes long: the command line or a thread of
// its own, never a loop.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>

#include "base/hash.h"
#include "control/recording_input.h"
#include "model/conditions.h"
#include "model/names.h"
#include "model/policy.h"
#include "replay/callers.h"
#include "replay/plan_report.h"

namespace weir::replay {
class Review;
}

namespace weir::control {

struct RecordingQuestion {
  const NameTable& names;  // of both policies
  const Policy& after;
  const Policy* before = nullptr;  // null: as recorded
  HashKey key;                     // of the installation that recorded
  HarmBudget budget;
  bool retries = false;
  replay::Review* review = nullptr;
  const std::atomic<bool>* given_up = nullptr;   // once true: ends after the turn at hand
  replay::KnownBefore known_before;
  std::optional<WallTime> since = {};   // what arrived before is left out; absent: nothing is
  // Peaks of callers for a policy, where the recording has none: of the days before its first arrival.
  std::function<std::shared_ptr<const CallerPeaks>(const Policy&, WallTime)> peaks = {};
  std::function<void(std::uint64_t, std::uint64_t)> progress = {};   // bytes read, and all
};

replay::PlanReport plan_recording(RecordingInput& input, RecordingQuestion question);

}  // namespace weir::control
