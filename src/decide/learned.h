// Learned rates: what a limit with `learned` allows to a caller whose peak is known, so many times that peak and never below
// the floor, with two seconds of it at once. Example: 3 times a peak of 12/s is 36/s, burst 72. An override scales it to the
// thousandth.
//
// Peaks come from the caller directory, of days gone by (record/caller_pace.h), and change with the day. A bucket belongs to a
// rate: one whose rate changed is full once. So a peak that moved by a tenth or less stays what it was.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "model/conditions.h"
#include "model/policy.h"

namespace weir::decide {

bool learns(const Policy& policy);   // some limit of it does

Rate learned_rate(const LearnedCap& cap, std::uint32_t peak);

// By limit and caller; null where nothing is learned, or no peaks are there to learn from.
std::shared_ptr<const LearnedRates> learned_rates(const Policy& policy, const CallerPeaks* peaks);

// Both sorted by caller: `fresh`, but where it differs little from `before`, the peak of `before`.
std::vector<CallerPeak> steadied(std::span<const CallerPeak> before, std::vector<CallerPeak> fresh);

}  // namespace weir::decide
