// How many exchanges an upstream is given at once, found from its latency: a gradient, as Netflix's concurrency-limits and
// Envoy's adaptive concurrency have it, but for one thing. Both find the unloaded latency by holding requests back for a
// while; here nobody is refused to learn it. The floor is the lowest median seen of kFloorSamples answers or more, over as many steps
// as it takes (the lowest of many medians of ten is half of what is usual, and what is usual would be slow for good); a higher one takes
// its place after kForget, from a time in which the upstream had less than half its limit to do.
//
//   each step     at least kStep long and kSamples answers, good or not; `median` of its answers, `peak` exchanges under way
//   gradient      tolerance x floor / median, at most 1, at least 1/2
//   next limit    limit x gradient + sqrt(limit); smoothed: a fifth of the way. Upwards only where half of it was used
//   failures      where more than a tenth failed, a tenth off instead
//   start         once kWell steps in a row had nearly all that they may and were not slow, twice as much each such step until one is
//                 slow or fails: a gateway that starts under load refuses for a second or two
//   coming back   the same, up to half of what the limit was when it began to sink (TCP's slow start threshold, RFC 5681 3.1)
//   taking back   a step that is slow or fails after one that doubled ends both and takes that doubling back at once: nothing is
//                 tried twice
// sqrt(limit) is the queue it leaves standing so that capacity is never idle. In the steady state under overload the limit L of
// a service with c slots of latency f solves L = L x (tolerance x f x c / (L x f)) + sqrt(L) = tolerance x c + sqrt(L).
// Until it is seen again the floor rises by kDrift, so that a service that became slower for good is believed at last.
#pragma once

#include <cstdint>
#include <limits>

#include "base/time.h"
#include "model/outcomes.h"
#include "model/policy.h"

namespace weir::decide {

class AdaptiveConcurrency {
 public:
  static constexpr Nanos kStep = std::chrono::milliseconds(200);
  static constexpr Nanos kForget = std::chrono::minutes(5);
  static constexpr std::uint64_t kSamples = 10, kFloorSamples = 50;
  static constexpr int kWell = 3;           // steps in a row before it doubles: a queue that builds up shows in the second at the latest
  static constexpr double kNearlyAll = 0.8;   // workers are told of a limit when it has changed by enough, and may stay below it
  static constexpr double kDrift = 0.001;   // of the floor, each second
  static constexpr std::uint32_t kStart = 64;   // or the nearest within the rules

  void on_outcomes(const Outcomes& outcomes);
  // `in_flight`: at the upstream now. True: the limit changed.
  bool tick(const AdaptiveLimit& rules, std::uint64_t in_flight, Stamp now);

  std::uint32_t limit() const { return static_cast<std::uint32_t>(limit_); }
  // In the last step it had nearly all that it may, and was slower for it (or failed): it is short of capacity.
  bool is_short() const { return short_; }
  // What one answer in twenty beat of those that showed the floor; zero: not known yet.
  Nanos fastest() const { return fastest_; }

 private:
  bool used() const { return static_cast<double>(peak_) >= limit_ / 2; }
  bool full() const { return static_cast<double>(peak_) >= kNearlyAll * limit_; }
  void learn_floor(Stamp now);
  void grow();
  void give_way(bool failing, double gradient);
  void take_back();

  double limit_ = kStart;
  double back_to_ = std::numeric_limits<double>::infinity();   // it may double up to here; finite once it has started
  double before_doubling_ = 0;                     // where the last step doubled it
  int well_ = 0;                                   // steps in a row, full and none of them slow
  bool short_ = false;
  Nanos floor_{0}, fastest_{0};
  Stamp floor_seen_ = Stamp::min();
  std::uint64_t ok_ = 0, failed_ = 0, peak_ = 0;   // of this step
  LatencyCounts latency_;
  LatencyCounts window_;                           // of this and the steps before it, as many as the floor needs
  std::uint64_t window_peak_ = 0;
  bool guessed_ = true;                            // the floor: its first window is not full yet
  Stamp began_ = Stamp::min();
};

}  // namespace weir::decide
