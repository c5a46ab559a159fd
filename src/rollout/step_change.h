// Whether a series of one value a second has stepped up or down: a two-sided CUSUM (Page 1954; k = 0.5, h = 12) over rank scores.
//
//   score   the value's rank among the last ten minutes before its minute, as the quantile of the normal distribution at
//           (rank + 1/2) / (n + 1); equal values share a rank. One wild value scores as the highest of many and no more: with
//           heavy tails and raw values a false alarm comes after 6,700 values instead of 188,000 (incident research, section 3)
//   sums    up = max(0, up + score - k), down = max(0, down - score - k); a step when one passes h
// A step of one standard deviation is seen after about 24 values, a great one after five. What has stepped is the new normal
// after an alarm: reference and sums begin again.
// Judged once there are two minutes of reference.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

namespace weir::rollout {

class StepChange {
 public:
  static constexpr std::size_t kReference = 600, kFewest = 120, kRecent = 60;
  static constexpr double kSlack = 0.5, kLimit = 12;

  struct Step {
    bool up = false;
    std::size_t ago = 0;   // values since it began: since the sum was last zero
  };
  std::optional<Step> add(double value);

 private:
  double score(double value) const;

  std::deque<double> reference_, recent_;   // oldest first
  double up_ = 0, down_ = 0;
  std::size_t up_for_ = 0, down_for_ = 0;
};

// Of the normal distribution, p in (0, 1), within 1e-9.
double normal_quantile(double p);

}  // namespace weir::rollout
