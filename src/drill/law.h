// How long something takes: a law of chance, and a value of it for a drawn number.
//   20ms                      always that
//   uniform(10ms, 30ms)       each as likely
//   exponential(20ms)         by its mean
//   lognormal(20ms, 0.4)      by its median and the standard deviation of its logarithm; the mean
//                             is median * exp(0.4^2 / 2)
// The comma may be left out, for within the braces of YAML it would need quotes: lognormal(20ms
// 0.4). A value is never below zero nor above an hour. Pure: the numbers are drawn by the caller
// (chance.h).
#pragma once

#include <string>
#include <string_view>

#include "base/time.h"
#include "config/values.h"

namespace weir::drill {

struct Law {
  enum class Kind : std::uint8_t {
    constant,
    uniform,
    exponential,
    lognormal
  } kind = Kind::constant;
  Nanos first{std::chrono::milliseconds(10)};  // the value, least value, mean or median
  Nanos second{0};                             // uniform: the greatest
  double sigma = 0;                            // lognormal
  friend bool operator==(const Law&, const Law&) = default;

  // `u`, `v`: two independent numbers in (0, 1); only lognormal needs both.
  Nanos value(double u, double v) const;
  Nanos mean() const;
};

config::Read<Law> read_law(std::string_view text);
std::string print_law(const Law& law);

// A number above zero by which something is multiplied: 4, 0.5, 1.25.
struct Factor {
  double value = 1;
  friend bool operator==(Factor, Factor) = default;
};
config::Read<Factor> read_factor(std::string_view text);
std::string print_factor(Factor factor);

}  // namespace weir::drill
