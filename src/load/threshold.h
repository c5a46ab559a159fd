// What a run must not come to (--fail-if 'p99 > 200ms'), or has to keep (--find-capacity 'p99 <
// 100ms'): a figure, a comparison, a value. Several are separated by commas.
//   p50 p99 p99.9 … mean max       latency, from when calls were due; a time: 250us 1.5ms 2s
//   service.p99 …                  from when they were sent
//   errors                         share of calls; 0.1% or 0
//   rate                           calls sent a second; 950 or 950/s
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "load/outcome.h"

namespace weir::load {

struct Threshold {
  enum class Figure : std::uint8_t { quantile, mean, longest, errors, rate };
  enum class Than : std::uint8_t { less, at_most, more, at_least };
  static constexpr std::size_t kMost = 32;

  Figure figure = Figure::quantile;
  bool of_service = false;
  double quantile = 0;
  Than than = Than::more;
  double value = 0;  // nanoseconds, share or calls a second
  std::string text;  // as it was written

  bool holds(double found) const;
};

Result<std::vector<Threshold>> read_thresholds(std::string_view text);

// What a run has where the threshold looks, in the unit of its value; and as people read it.
double found(const Threshold& threshold, const Outcome& outcome);
std::string found_text(const Threshold& threshold, const Outcome& outcome);

}  // namespace weir::load
