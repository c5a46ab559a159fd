// A rate over time: stretches one after another, in each of which the rate goes in a straight line
// from one value to another. Constant rates, ramps, steps and on-off are all made of them.
//
// How calls are placed: let C(t) be the calls that the rate asks for until t. A gap is drawn as if
// the rate were 1, and the call is put where C has grown by it. With gaps of exactly 1 the k-th
// call stands where C(t) = k; with exponential ones it is the Poisson process of this rate (Cinlar,
// Introduction to Stochastic Processes, 1975, 4.7).
//
// Bounds: kMostStretches; lengths above zero, rates from 0 to kMostRate.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/time.h"

namespace weir::load {

inline constexpr double kMostRate = 10'000'000;  // calls a second

struct Stretch {
  Nanos length{0};
  double from = 0, to = 0;  // calls a second
};

class Profile {
 public:
  static constexpr std::size_t kMostStretches = 100'000;

  // Errors: too many stretches, a length or a rate out of bounds.
  static Result<Profile> of(std::vector<Stretch> stretches);
  static Result<Profile> constant(double rate, Nanos length) {
    return of({{.length = length, .from = rate, .to = rate}});
  }
  // From rate to rate in equal stretches of one rate each.
  static Result<Profile> steps(const std::vector<double>& rates, Nanos length);
  // The mean rate over all, sent only in the `on` parts; begins with one.
  static Result<Profile> on_off(double rate, Nanos on, Nanos off, Nanos length);

  Nanos length() const { return length_; }
  double calls() const { return calls_; }  // C(length)
  // What it was before it began, had it always been there: the first rate, of on-off the mean.
  double rate_before() const { return rate_before_; }
  // The same with all rates multiplied.
  Profile scaled(double by) const;
  // Where C(t) = count; none where the profile ends before. Counts never go back from one question
  // to the next.
  std::optional<Nanos> when(double count);

 private:
  std::vector<Stretch> stretches_;
  Nanos length_{0};
  double calls_ = 0, rate_before_ = 0;
  std::size_t at_ = 0;  // the stretch that was looked at last
  double before_ = 0;   // calls before it
  Nanos began_{0};
};

}  // namespace weir::load
