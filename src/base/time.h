// Points in time as the house uses them. Nothing here can read a clock: stamps come from io/ and are passed in.
//   Stamp     monotonic, nanoseconds since an arbitrary start; orders events and drives limits and deadlines
//   WallTime  nanoseconds since 1970-01-01T00:00:00Z; for tokens, expiry, display; may step
#pragma once

#include <chrono>
#include <cstdint>

namespace weir {

using Nanos = std::chrono::nanoseconds;

struct MonotonicClock {
  using duration = Nanos;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<MonotonicClock, duration>;
  static constexpr bool is_steady = true;
};

struct WallClock {
  using duration = Nanos;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<WallClock, duration>;
  static constexpr bool is_steady = false;
};

using Stamp = MonotonicClock::time_point;
using WallTime = WallClock::time_point;

constexpr Stamp stamp_from_nanos(std::int64_t nanos) { return Stamp(Nanos(nanos)); }
constexpr WallTime wall_from_nanos(std::int64_t nanos) { return WallTime(Nanos(nanos)); }

}  // namespace weir
