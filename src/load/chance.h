// Chance in load: a number is a keyed hash of what it is for and of which call, never taken from a
// stream. So the same seed makes the same calls, and asking for one thing more shifts no other.
#pragma once

#include <array>
#include <cmath>
#include <cstdint>

#include "base/hash.h"

namespace weir::load {

enum class Chance : std::uint8_t { gap, route, caller, goes_on, pause, segment, under_way };

// Uniform in [0, 1).
inline double chance(HashKey seed, Chance what, std::uint64_t index) {
  const std::array<std::uint64_t, 2> words{static_cast<std::uint64_t>(what), index};
  return static_cast<double>(keyed_hash(seed, words) >> 11) * 0x1p-53;
}

// Exponential with mean 1.
inline double exponential(double uniform) { return -std::log1p(-uniform); }

// Pareto with mean 1: P(X > x) = (least / x)^tail from `least` = (tail - 1) / tail on. tail > 1; up
// to 2 its variance is infinite.
inline double pareto(double uniform, double tail) {
  return (tail - 1) / tail * std::pow(1 - uniform, -1 / tail);
}

}  // namespace weir::load
