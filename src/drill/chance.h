// Chance as the drill draws it: keyed, never a stream. What is drawn for, and which one it is,
// gives the number, so that a run is the same again from its seed and one change shifts no other
// draw.
#pragma once

#include <array>
#include <cstdint>

#include "base/hash.h"

namespace weir::drill {

enum class Draw : std::uint64_t {
  service,  // how long a job takes
  error,    // whether its answer is an error
  drop,     // whether its connection is reset instead
  fault,    // whether a fault hits a turn of a connection
  jitter,   // how much a delay is off
  corrupt,  // which byte is changed, and how
  arrival,  // when the next session comes
  caller,   // whose it is
  session,  // how many requests it has
  request,  // what is asked
  noise,    // how a second's rate is off
  spoil,    // whether a caller's requests go wrong for a while
  again,    // whether a refused caller tries again
};

class Chance {
 public:
  explicit Chance(std::uint64_t seed) : key_{.k0 = seed, .k1 = 0x64726c6c} {}

  std::uint64_t word(Draw what, std::uint64_t a, std::uint64_t b = 0, std::uint64_t c = 0) const {
    const std::array<std::uint64_t, 4> words = {static_cast<std::uint64_t>(what), a, b, c};
    return keyed_hash(key_, words);
  }
  // Uniform in (0, 1): never 0 and never 1, so that its logarithm is finite.
  double unit(Draw what, std::uint64_t a, std::uint64_t b = 0, std::uint64_t c = 0) const {
    return (static_cast<double>(word(what, a, b, c) >> 11) + 0.5) * 0x1p-53;
  }

 private:
  HashKey key_;
};

}  // namespace weir::drill
