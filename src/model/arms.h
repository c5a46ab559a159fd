// Arms: for whom the verdict of which policy is enforced, while two decide. Drawn by a keyed hash of the unit and the lot, so that
// nobody outside can know its arm, and a unit stays in its arm until the lot is another.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "base/hash.h"

namespace weir {

// By whom arms are drawn (rollout/staging.h says which).
enum class Unit : std::uint8_t { caller, client, request };

constexpr std::string_view to_string(Unit unit) {
  return unit == Unit::caller ? "caller" : unit == Unit::client ? "client address" : "request";
}

struct Arms {
  Unit unit = Unit::caller;
  double share = 0;         // of the units for which the other policy's verdict is enforced, in [0, 1]
  std::uint64_t lot = 0;

  // `seed`: the installation's key; `digest`: of the unit.
  bool takes_other(HashKey seed, std::uint64_t digest) const {
    if (share <= 0) return false;
    const std::array<std::uint64_t, 3> words = {digest, lot, static_cast<std::uint64_t>(Purpose::canary)};
    constexpr double kParts = 1ULL << 32;
    return static_cast<double>(keyed_hash(seed, words) >> 32) < share * kParts;
  }
};

}  // namespace weir
