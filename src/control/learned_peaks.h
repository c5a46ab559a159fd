// The peaks of callers out of the caller directory, for limits whose rate is learned: those of the days before today, by the
// digests under which this policy knows callers. Reads a file.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/hash.h"
#include "base/result.h"
#include "base/time.h"
#include "model/conditions.h"
#include "model/policy.h"

namespace weir::control {

struct PeaksQuestion {
  std::string data_dir;
  HashKey key;                                    // of the installation
  WallTime now;
  std::shared_ptr<const CallerPeaks> before = {}; // those in use: what moved little stays
};

// Null where the policy learns nothing. `before` itself where nothing changed; else others, numbered from it. No directory
// yet: nobody has a past. At most CallerPeaks::kMost, of those who asked most.
Result<std::shared_ptr<const CallerPeaks>> learned_peaks(const Policy& policy, const PeaksQuestion& question);

// What a plan takes for known: of the days before its input begins, by the first of `folders` that has a directory. Null:
// none has one that can be read, or the policy learns nothing.
std::shared_ptr<const CallerPeaks> peaks_before(const std::vector<std::string>& folders, HashKey key, const Policy& policy, WallTime first);

}  // namespace weir::control
