// Units in types: sizes and rates that cannot be mistaken for plain numbers.
#pragma once

#include <compare>
#include <cstdint>

#include "base/time.h"

namespace weir {

struct Bytes {
  std::uint64_t count = 0;
  friend constexpr auto operator<=>(Bytes, Bytes) = default;
};

constexpr Bytes operator""_B(unsigned long long n) { return Bytes{n}; }
constexpr Bytes operator""_KiB(unsigned long long n) { return Bytes{n * 1024}; }
constexpr Bytes operator""_MiB(unsigned long long n) { return Bytes{n * 1024 * 1024}; }

// Events per time, kept exactly as written: 30/min is {30, 60 s}, never 0.5/s in binary. Both parts are > 0.
struct Rate {
  std::uint64_t count = 1;   // in thousandths of an event, so that 0.6/s is exact: {600, 1 s}
  Nanos period{std::chrono::seconds(1)};
  constexpr double per_second() const {
    return static_cast<double>(count) * 1e6 / static_cast<double>(period.count());
  }
  friend constexpr bool operator==(Rate, Rate) = default;
};

}  // namespace weir
