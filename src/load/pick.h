// Picks one of n by weight. Zipf's weights are 1/k^s for the k-th (Zipf 1949): s = 0 gives all the
// same, s = 1.1 what is seen of callers of APIs: of 2,000 the first sends a sixth of all. Cost: a
// table of n numbers, log2(n) steps a pick. Bound: kMost.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace weir::load {

class Pick {
 public:
  static constexpr std::size_t kMost = 1'000'000;

  // At least one weight; none below zero, not all zero.
  explicit Pick(const std::vector<double>& weights) {
    upto_.reserve(weights.size());
    double sum = 0;
    for (const double weight : weights) upto_.push_back(sum += weight);
  }
  static Pick zipf(std::size_t count, double s) {
    std::vector<double> weights(count);
    for (std::size_t k = 0; k < count; ++k) weights[k] = std::pow(static_cast<double>(k + 1), -s);
    return Pick(weights);
  }

  std::size_t size() const { return upto_.size(); }
  double share(std::size_t i) const {
    return (upto_[i] - (i == 0 ? 0 : upto_[i - 1])) / upto_.back();
  }
  // `uniform` in [0, 1).
  std::uint32_t operator()(double uniform) const {
    const auto found = std::ranges::upper_bound(upto_, uniform * upto_.back());
    return static_cast<std::uint32_t>(
        std::min<std::ptrdiff_t>(found - upto_.begin(), std::ssize(upto_) - 1));
  }

 private:
  std::vector<double> upto_;
};

}  // namespace weir::load
