// Pace: a rate and a burst as the limit table reckons with them, in nanoseconds and exact parts of one. 60/s is one
// request in 16,666,666 2/3 ns: parts = 3, and no sum of intervals ever drifts. A rate whose interval has a denominator
// above 65,536 (7777.777/s) is reckoned in parts of 1/65,536 ns, rounded up: a limit never admits more than its rate
// says, and such a one admits less by at most one request in 65,536 x interval[ns].
// A window (burst x interval) ends at 2^62 ns, 146 years, so that no sum of a stamp and a window overflows.
#pragma once

#include <cstdint>
#include <numeric>

#include "base/time.h"
#include "base/units.h"

namespace weir {

// nanos + part / Pace::parts, with part < parts. Spans of one pace compare as they stand.
struct Span {
  std::uint64_t nanos = 0;
  std::uint32_t part = 0;
  friend constexpr auto operator<=>(const Span&, const Span&) = default;
};

constexpr std::uint32_t kMaxParts = 65536;
constexpr std::uint64_t kMaxWindow = std::uint64_t{1} << 62;

struct Pace {
  std::uint32_t parts = 0;   // 0: not computed yet
  Span interval;             // between two requests at the rate, never zero
  Span window;               // burst of them, at least one

  static constexpr Pace of(Rate rate, std::uint64_t burst) {
    using Wide = unsigned __int128;
    const Wide period = static_cast<Wide>(rate.period.count()) * 1000;
    const auto rest = static_cast<std::uint64_t>(period % rate.count);
    const std::uint64_t denominator = rate.count / std::gcd(rate.count, rest);
    Pace pace{.parts = denominator <= kMaxParts ? static_cast<std::uint32_t>(denominator) : kMaxParts};
    Wide interval = (period * pace.parts + rate.count - 1) / rate.count;   // in parts
    if (interval == 0) interval = 1;
    const Wide most = static_cast<Wide>(kMaxWindow) * pace.parts;
    if (interval > most) interval = most;
    Wide window = burst > most / interval ? most : interval * burst;
    if (window < interval) window = interval;
    pace.interval = pace.split(interval);
    pace.window = pace.split(window);
    return pace;
  }

  constexpr Span plus(Span a, Span b) const {
    Span sum{.nanos = a.nanos + b.nanos, .part = a.part + b.part};
    if (sum.part >= parts) {
      sum.part -= parts;
      ++sum.nanos;
    }
    return sum;
  }
  // a - b, zero where b is longer.
  constexpr Span minus(Span a, Span b) const {
    if (a <= b) return Span{};
    if (a.part >= b.part) return Span{.nanos = a.nanos - b.nanos, .part = a.part - b.part};
    return Span{.nanos = a.nanos - b.nanos - 1, .part = a.part + parts - b.part};
  }
  // How many whole intervals fit into `span`.
  constexpr std::uint64_t intervals(Span span) const {
    std::uint64_t all = 0, one = 0;
    // 128-bit division is several times as dear, and seldom needed: parts are few or the span short.
    if (!__builtin_mul_overflow(span.nanos + 1, parts, &all) &&
        !__builtin_mul_overflow(interval.nanos + 1, parts, &one)) {
      return (span.nanos * parts + span.part) / (interval.nanos * parts + interval.part);
    }
    return static_cast<std::uint64_t>(join(span) / join(interval));
  }

 private:
  constexpr unsigned __int128 join(Span span) const {
    return static_cast<unsigned __int128>(span.nanos) * parts + span.part;
  }
  constexpr Span split(unsigned __int128 all) const {
    return Span{.nanos = static_cast<std::uint64_t>(all / parts), .part = static_cast<std::uint32_t>(all % parts)};
  }
};

// Whole nanoseconds, rounded up: who waits this long has waited long enough.
constexpr Nanos to_nanos(Span span) {
  return Nanos(static_cast<std::int64_t>(span.nanos + (span.part != 0 ? 1 : 0)));
}

}  // namespace weir
