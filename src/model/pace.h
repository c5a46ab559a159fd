// Pace: a rate and a burst as the limit table uses them, in ticks of 2^-16 ns. The interval between two requests is
// rounded up to a whole tick, so a limit never admits more than its rate says, and admits less by at most one request
// in 2^16 x interval[ns]: at 1/s one in 6.5e13, at 1,000,000/s one in 6.5e7. 3/s, 30/min and 0.6/s do not drift.
// The window (burst x interval) ends at 2^62 ns, 146 years, so that no sum of a stamp and a window overflows 80 bits.
#pragma once

#include <cstdint>

#include "base/time.h"
#include "base/units.h"

namespace weir {

using Ticks = unsigned __int128;

constexpr unsigned kTickBits = 16;
constexpr Ticks kMaxWindow = static_cast<Ticks>(1) << (62 + kTickBits);

struct Pace {
  Ticks interval = 0;   // 0: not computed yet
  Ticks window = 0;

  static constexpr Pace of(Rate rate, std::uint64_t burst) {
    const Ticks period = (static_cast<Ticks>(rate.period.count()) * 1000) << kTickBits;
    Ticks interval = (period + rate.count - 1) / rate.count;
    if (interval == 0) interval = 1;
    if (interval > kMaxWindow) interval = kMaxWindow;
    const Ticks window = burst > kMaxWindow / interval ? kMaxWindow : interval * burst;
    return Pace{.interval = interval, .window = window < interval ? interval : window};
  }
};

constexpr Ticks to_ticks(Stamp stamp) {
  const std::int64_t nanos = stamp.time_since_epoch().count();
  return static_cast<Ticks>(nanos > 0 ? nanos : 0) << kTickBits;
}

// Whole nanoseconds, rounded up: who waits this long has waited long enough.
constexpr Nanos to_nanos(Ticks ticks) {
  return Nanos(static_cast<std::int64_t>((ticks + ((1u << kTickBits) - 1)) >> kTickBits));
}

}  // namespace weir
