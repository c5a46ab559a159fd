// How often something happens now, beside how often is usual: counts of each of the newest seconds,
// and a sum of all before in which a second weighs less the older it is. Rates follow from it and
// from when counting began, which all windows of a tally share: what was not there then has a usual
// rate of less, not a short past.
//
//   now      over the last kNow whole seconds and the running one
//   usual    mean of all seconds before the newest kFresh, weighing e^(-age / kMemory): what has
//            just begun is not in it, what has gone on for ten minutes is usual
//
// Pure: seconds and stamps are passed in, and do not go back.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/time.h"

namespace weir::exporting {

struct SecondCounts {
  double requests = 0, refused = 0, bad = 0;
};

class RateWindow {
 public:
  static constexpr std::int64_t kNow = 3, kFresh = 5;  // s
  static constexpr double kMemory = 600;               // s

  static std::int64_t second_of(Stamp at) {
    return std::chrono::floor<std::chrono::seconds>(at.time_since_epoch()).count();
  }
  // What is left of a second's weight when it is so much older.
  static double decay(double seconds) { return std::exp(-seconds / kMemory); }

  // Seconds that the counts of `now()` are of, at least one.
  static double seconds_now(Stamp began, Stamp at) {
    const double running = part_of_second(at) + static_cast<double>(kNow);
    return std::max(1.0, std::min(running, seconds_between(began, at)));
  }
  // Seconds that `past()` is a sum of, as they weigh; none while less than one has passed.
  static std::optional<double> seconds_past(Stamp began, Stamp at) {
    const double all =
        seconds_between(began, at) - part_of_second(at) - static_cast<double>(kFresh);
    if (all < 1) return std::nullopt;
    return (1 - decay(all)) / (1 - kOneSecond);
  }

  explicit RateWindow(std::int64_t second) : newest_(second) {}

  void advance(std::int64_t second) {
    for (std::size_t i = 0; i < seconds_.size() && newest_ < second; ++i) {
      SecondCounts& oldest = seconds_[place(++newest_)];
      past_ = past_ * kOneSecond + oldest.requests;
      oldest = {};
    }
    if (newest_ >= second) return;
    past_ *= decay(static_cast<double>(second - newest_));
    newest_ = second;
  }
  SecondCounts& newest() { return seconds_[place(newest_)]; }

  SecondCounts now() const { return sum(kNow); }
  double past() const { return past_; }
  // What it would lose by being forgotten, as a logarithm that does not change as it ages: of two windows the same is the lesser at
  // any second from then on (but for the newest seconds, which weigh as one).
  double worth() const { return std::log(past_ + sum(kFresh).requests) + static_cast<double>(newest_) / kMemory; }

 private:
  // decay(1), by its series: it is asked for at each second of each window.
  static constexpr double kOneSecond = [] {
    double sum = 1, term = 1;
    for (int i = 1; i < 10; ++i) sum += term *= -1 / kMemory / i;
    return sum;
  }();
  static double seconds_between(Stamp from, Stamp to) {
    return std::chrono::duration<double>(to - from).count();
  }
  static double part_of_second(Stamp at) {
    return seconds_between(Stamp(std::chrono::seconds(second_of(at))), at);
  }
  std::size_t place(std::int64_t second) const {
    const auto size = static_cast<std::int64_t>(seconds_.size());
    return static_cast<std::size_t>((second % size + size) % size);
  }
  SecondCounts sum(std::int64_t before) const {
    SecondCounts all;
    for (std::int64_t second = newest_ - before; second <= newest_; ++second) {
      const SecondCounts& each = seconds_[place(second)];
      all.requests += each.requests;
      all.refused += each.refused;
      all.bad += each.bad;
    }
    return all;
  }

  std::int64_t newest_;
  std::array<SecondCounts, kFresh + 1> seconds_;  // by second, the newest and those before
  double past_ = 0;
};

}  // namespace weir::exporting
