// The highest rate at which something holds, found by trials: doubled until it does not hold,
// halved until it does, then halved between the two on a scale of ratios. It believes what it is
// told: a trial that failed by chance makes the answer lower, never higher. Ends when the two are
// within `precision` of each other, after kMostTrials at the latest.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <optional>

namespace weir::load {

class Search {
 public:
  static constexpr std::size_t kMostTrials = 60;
  struct Options {
    double start = 100, least = 1, most = 1'000'000;  // calls a second; least <= start <= most
    double precision = 1.05;                          // ratio of the two bounds; above 1
  };
  explicit Search(Options options) : options_(options), rate_(options.start) {}

  // The rate to try next; none: found.
  std::optional<double> next() const {
    return done_ || trials_ == kMostTrials ? std::nullopt : std::optional(rate_);
  }
  void judge(bool held) {
    ++trials_;
    (held ? holds_ : fails_) = rate_;
    if (holds_ && fails_) {
      done_ = *fails_ / *holds_ <= options_.precision;
      rate_ = std::sqrt(*holds_ * *fails_);
      return;
    }
    const double edge = held ? options_.most : options_.least;
    done_ = rate_ == edge;
    rate_ = held ? std::min(rate_ * 2, edge) : std::max(rate_ / 2, edge);
  }

  std::optional<double> holds() const { return holds_; }  // the highest that held
  std::optional<double> fails() const { return fails_; }  // the lowest that did not, beyond it

 private:
  Options options_;
  double rate_;
  std::optional<double> holds_, fails_;
  std::size_t trials_ = 0;
  bool done_ = false;
};

}  // namespace weir::load
