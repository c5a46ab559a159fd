// MinRate: a minimum rate for one direction of a message. The peer starts with `allowance` of time;
// every byte moved buys 1 / bytes_per_second more, never beyond now + allowance. Once `until` has
// passed the peer was too slow. (20 KB at 1 KiB/s with an allowance of 30 s: a peer that stops is
// given up after at most 30 s; one that trickles a byte a second is given up after 30.03 s, for
// each byte buys only a millisecond.)
#pragma once

#include <algorithm>
#include <cstdint>

#include "base/time.h"

namespace weir::io {

struct MinRate {
  Stamp until = Stamp::max();  // Stamp::max(): no minimum
  Nanos allowance{0};
  std::uint64_t bytes_per_second = 0;  // > 0 where `until` is set

  static MinRate start(Stamp now, Nanos allowance, std::uint64_t bytes_per_second) {
    return {.until = now + allowance, .allowance = allowance, .bytes_per_second = bytes_per_second};
  }
  void credit(Stamp now, std::uint64_t bytes) {
    if (until == Stamp::max()) return;
    // 2^33 bytes at once would overflow; no call moves more than a few hundred KiB.
    const Nanos bought(static_cast<std::int64_t>(std::min<std::uint64_t>(bytes, 1u << 30) *
                                                 1'000'000'000u / bytes_per_second));
    until = std::min(until + std::min(bought, allowance), now + allowance);
  }
};

}  // namespace weir::io
