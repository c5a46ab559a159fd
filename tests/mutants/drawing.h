// What the edits of configurations are drawn with.
#pragma once

#include <algorithm>
#include <cmath>
#include <iterator>
#include <random>
#include <string>

#include "model.h"
#include "mutate.h"

namespace mutants {

inline double uniform(Random& random) {
  return std::uniform_real_distribution<double>(0, 1)(random);
}

template <class List>
auto& one_of(List& list, Random& random) {
  return *(std::begin(list) + static_cast<std::ptrdiff_t>(random() % std::size(list)));
}

// From `low` to `high`, evenly by magnitude.
inline double magnitude(double low, double high, Random& random) {
  return low * std::pow(high / low, uniform(random));
}

// As people write it: thousandths at most, slow ones by the minute or hour.
inline Rate written(double per_second) {
  if (per_second >= 10) return {.count = std::round(per_second), .unit = "s"};
  if (per_second >= .1) return {.count = std::round(per_second * 100) / 100, .unit = "s"};
  if (per_second >= .002) return {.count = std::round(per_second * 60 * 100) / 100, .unit = "min"};
  return {.count = std::max(.001, std::round(per_second * 3600 * 100) / 100), .unit = "h"};
}

inline std::string paced(const Pace& pace) {
  return pace.rate.text() + (pace.burst ? " burst " + std::to_string(*pace.burst) : "");
}

}  // namespace mutants
