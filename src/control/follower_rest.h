// When the follower rests. On a core that is full of traffic it cannot keep up, and each try takes time from traffic, decides
// little and ends with all of it let go: after it fell behind it rests, twice as long each time that it falls behind again
// before it has kept up for a while.
#pragma once

#include <algorithm>
#include <chrono>

#include "base/time.h"

namespace weir::control {

class FollowerRest {
 public:
  static constexpr Nanos kLeast = std::chrono::seconds(5);
  static constexpr Nanos kMost = std::chrono::minutes(1);
  static constexpr Nanos kKeptUp = std::chrono::seconds(30);   // for so long since the last rest: the next one is the least

  // It fell behind at `now`.
  void begin(Stamp now) {
    const bool again = length_ > Nanos(0) && now - until_ < kKeptUp;
    length_ = again ? std::min(2 * length_, kMost) : kLeast;
    until_ = now + length_;
  }
  bool lasts(Stamp now) const { return now < until_; }
  Nanos length() const { return length_; }   // of the last one

 private:
  Nanos length_{0};
  Stamp until_{};
};

}  // namespace weir::control
