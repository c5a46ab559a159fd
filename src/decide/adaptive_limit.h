// How many exchanges an upstream is given at once, found from its latency: a gradient, as Netflix's concurrency-limits and
// Envoy's adaptive concurrency have it, but for one thing. Both find the unloaded latency by holding requests back for a
// while; here nobody is refused to learn it. The floor is the lowest median seen; a higher one takes its place after kForget,
// from a step in which the upstream had less than half its limit to do.
//
//   each step     at least kStep long and kSamples good answers; `median` of its answers, `peak` exchanges under way
//   gradient      tolerance x floor / median, at most 1, at least 1/2
//   next limit    limit x gradient + sqrt(limit); smoothed: a fifth of the way. Upwards only where half of it was used
//   failures      where more than a tenth failed, a tenth off instead
//   start         twice as much each step until one is slow or fails: a gateway that starts under load refuses for a second or two
// sqrt(limit) is the queue it leaves standing so that capacity is never idle. In the steady state under overload the limit L of
// a service with c slots of latency f solves L = L x (tolerance x f x c / (L x f)) + sqrt(L) = tolerance x c + sqrt(L).
// Until it is seen again the floor rises by kDrift, so that a service that became slower for good is believed at last.
#pragma once

#include <cstdint>

#include "base/time.h"
#include "model/outcomes.h"
#include "model/policy.h"

namespace weir::decide {

class AdaptiveConcurrency {
 public:
  static constexpr Nanos kStep = std::chrono::milliseconds(200);
  static constexpr Nanos kForget = std::chrono::minutes(5);
  static constexpr std::uint64_t kSamples = 10;
  static constexpr double kDrift = 0.001;   // of the floor, each second
  static constexpr std::uint32_t kStart = 64;   // or the nearest within the rules

  void on_outcomes(const Outcomes& outcomes);
  // `in_flight`: at the upstream now. True: the limit changed.
  bool tick(const AdaptiveLimit& rules, std::uint64_t in_flight, Stamp now);

  std::uint32_t limit() const { return static_cast<std::uint32_t>(limit_); }
  // In the last step it had nearly all that it may, and was slower for it (or failed): it is short of capacity.
  bool is_short() const { return short_; }
  // What one answer in twenty beat in the step that showed the floor; zero: not known yet.
  Nanos fastest() const { return fastest_; }

 private:
  void learn_floor(Nanos median, Stamp now);

  double limit_ = kStart;
  bool starting_ = true;
  bool short_ = false;
  Nanos floor_{0}, fastest_{0};
  Stamp floor_seen_ = Stamp::min();
  std::uint64_t ok_ = 0, failed_ = 0, peak_ = 0;   // of this step
  LatencyCounts latency_;
  Stamp began_ = Stamp::min();
};

}  // namespace weir::decide
