// How long one endpoint takes, as peak_ewma sees it (Finagle's peak EWMA): an average that goes up to a worse time at once
// and comes down to better ones by the time that passes, with kFade as its constant. What is not asked any more is
// forgotten at the same pace, so an endpoint that was slow is tried again.
//
// A failure is never fast: it counts as twice the average, at least as its own time, and kUnknownFailure where nothing is
// known yet, so failures in a row add up; kMostPenalty bounds it. What nobody waited for to its end says only that it would
// have taken longer.
#pragma once

#include <algorithm>
#include <chrono>
#include <cmath>

#include "base/time.h"
#include "model/outcomes.h"

namespace weir::decide {

class PeakLatency {
 public:
  static constexpr Nanos kFade = std::chrono::seconds(10);
  static constexpr Nanos kUnknownFailure = std::chrono::seconds(1);
  static constexpr Nanos kMostPenalty = std::chrono::seconds(10);

  // Seconds at `now`, which is not before the last sample; 0: nothing is known, or not any more.
  double at(Stamp now) const { return seconds_ * faded(now); }

  void add(AttemptResult result, Nanos took, Stamp now) {
    const double kept = faded(now), average = seconds_ * kept;
    double sample = seconds(took);
    if (result == AttemptResult::silent && sample <= average) return;
    if (result == AttemptResult::failed) {
      const double penalty = average > 0 ? std::min(2 * average, seconds(kMostPenalty)) : seconds(kUnknownFailure);
      sample = std::max(sample, penalty);
    }
    // Between samples an average fades to 0, and to the sample where there is one.
    seconds_ = sample >= average ? sample : seconds_ * kept + sample * (1 - kept);
    last_ = now;
  }

 private:
  static double seconds(Nanos time) { return std::chrono::duration<double>(time).count(); }
  double faded(Stamp now) const { return std::exp(-seconds(std::max(now - last_, Nanos(0))) / seconds(kFade)); }

  double seconds_ = 0;
  Stamp last_{};
};

}  // namespace weir::decide
