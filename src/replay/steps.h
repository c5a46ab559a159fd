// A log with a coarse clock says of several requests only that they came within one step of it,
// mostly a second. What a limit would have done to them lies between two readings: all of a step's
// requests at its beginning, and spread evenly over it in the order of the log. Steps collects the
// items of one step and gives each both times.
//
// An item with a fine clock comes out as it is, both times alike. Bound: a step of more than kMost
// items is handed out in parts, each spread over the whole step from where the part before ended:
// its times never go back.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "base/time.h"

namespace weir::replay {

template <class Item>  // has `time` and `precision`
class Steps {
 public:
  static constexpr std::size_t kMost = std::size_t{1} << 20;
  struct Timed {
    Item item;
    WallTime spread, at_once;
  };

  explicit Steps(Nanos coarse) : coarse_(coarse) {}

  // Items in order of time; pop everything after each push.
  void push(Item item) {
    if (!step_.empty() &&
        (item.time != step_.front().time || item.precision < coarse_ || step_.size() == kMost))
      close();
    const bool fine = item.precision < coarse_;
    step_.push_back(std::move(item));
    if (fine) close();
  }
  void finish() {
    if (!step_.empty()) close();
  }
  bool pop(Timed& out) {
    if (next_ == ready_.size()) return false;
    out = std::move(ready_[next_++]);
    return true;
  }

 private:
  void close() {
    if (next_ == ready_.size()) {
      ready_.clear();
      next_ = 0;
    }
    const WallTime from = step_.front().time;
    const Nanos length = step_.front().precision < coarse_ ? Nanos(0) : step_.front().precision;
    const auto count = static_cast<std::int64_t>(step_.size());
    for (std::int64_t i = 0; i < count; ++i) {
      const WallTime spread = std::max(from + Nanos(length.count() * i / count), last_);
      last_ = spread;
      ready_.push_back({.item = std::move(step_[static_cast<std::size_t>(i)]),
                        .spread = spread,
                        .at_once = from});
    }
    step_.clear();
  }

  Nanos coarse_;
  std::vector<Item> step_;
  std::vector<Timed> ready_;
  std::size_t next_ = 0;
  WallTime last_ = WallTime::min();
};

}  // namespace weir::replay
