// When calls are due, one after another, from the beginning of the run on: a rate over time
// (load/profile.h) and how calls are spread around it. It knows nothing of answers: a slow server
// is not asked less.
//   constant  evenly
//   poisson   independent callers: exponential gaps
//   pareto    heavy-tailed gaps: bursts and long silences; `tail` says how heavy (load/chance.h)
#pragma once

#include <cstdint>
#include <optional>

#include "load/chance.h"
#include "load/profile.h"

namespace weir::load {

enum class Arrivals : std::uint8_t { constant, poisson, pareto };

class Schedule {
 public:
  struct Options {
    Arrivals arrivals = Arrivals::constant;
    double tail = 1.5;  // of pareto, above 1
    HashKey seed;
  };
  Schedule(Profile profile, const Options& options)
      : profile_(std::move(profile)), options_(options) {}

  // Never before the one before it; none: the run is over.
  std::optional<Nanos> next() {
    const std::uint64_t index = count_++;
    if (options_.arrivals == Arrivals::constant) return profile_.when(static_cast<double>(index));
    const double drawn = chance(options_.seed, Chance::gap, index);
    position_ +=
        options_.arrivals == Arrivals::poisson ? exponential(drawn) : pareto(drawn, options_.tail);
    return profile_.when(position_);
  }

 private:
  Profile profile_;
  Options options_;
  std::uint64_t count_ = 0;
  double position_ = 0;
};

}  // namespace weir::load
