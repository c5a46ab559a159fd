// Chance: the simulator's only source of randomness, a splitmix64 stream. The same seed gives the
// same draws everywhere.
#pragma once

#include <cstdint>

#include "base/hash.h"

namespace weir::io::sim {

class Chance {
 public:
  explicit Chance(std::uint64_t seed) : state_(seed) {}
  std::uint64_t next() { return mix(state_++); }
  // In [0, bound); 0 for bound 0.
  std::uint64_t below(std::uint64_t bound) { return bound == 0 ? 0 : scale(next(), bound); }
  // In [least, most].
  std::uint64_t between(std::uint64_t least, std::uint64_t most) {
    return least + below(most - least + 1);
  }
  bool per_mille(unsigned chance) { return chance != 0 && below(1000) < chance; }

 private:
  std::uint64_t state_;
};

}  // namespace weir::io::sim
