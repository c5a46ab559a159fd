// Puts entries in the order of their time. Logs are written when a request ends, by several
// workers: lines stand up to some seconds off. Entries are held until the newest is `span` ahead of
// them, and come out sorted; those of the same time keep the order in which they came.
//
//   span    how far back an entry may lie and still find its place (60 s)
//   held    how many entries are held at most; beyond it the oldest goes early (`squeezed`)
//   probe   nothing leaves before so many came: they tell what kind of order the input has
//
// An entry older than one that has already left is late: it is counted and still comes, at the
// window's edge, with the edge as its time, so that times never go back. Where more than a tenth of
// the probe would be late, the input is not a log as it was written: newest first (reversed), or
// several logs one after another (shuffled). Then `span` no longer counts and everything is held
// and sorted as far as `held` allows; order() says so, and it belongs in the report.
//
// In-order input costs an append and a pop; only stragglers go through a heap, so hostile order
// costs O(log held).
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <string_view>
#include <utility>
#include <vector>

#include "base/time.h"

namespace weir::foreign {

enum class LogOrder : std::uint8_t { unknown, sorted, nearly, reversed, shuffled };
constexpr std::string_view to_string(LogOrder order) {
  switch (order) {
    case LogOrder::unknown:
      return "unknown";
    case LogOrder::sorted:
      return "in order";
    case LogOrder::nearly:
      return "nearly in order";
    case LogOrder::reversed:
      return "newest first";
    case LogOrder::shuffled:
      return "out of order";
  }
  return "";
}

struct ReorderOptions {
  Nanos span{std::chrono::seconds(60)};
  std::size_t held = std::size_t{1} << 20;
  std::size_t probe = 1000;
};

template <class Value>
class ReorderWindow {
 public:
  struct Item {
    WallTime time;  // never below that of the item before
    bool late = false;
    Value value;
  };

  explicit ReorderWindow(ReorderOptions options = {}) : options_(options) {}

  void push(WallTime time, Value value) {
    judge(time);
    ++size_;
    const std::uint64_t sequence = pushed_++;
    if (run_.empty() || time >= run_.back().time) {
      run_.emplace_back(time, sequence, std::move(value));
    } else {
      stragglers_.emplace_back(time, sequence, std::move(value));
      std::push_heap(stragglers_.begin(), stragglers_.end(), later);
    }
  }

  // No more will be pushed: everything comes out.
  void finish() {
    decide_order();
    finished_ = true;
  }
  bool finished() const { return finished_; }

  // False: nothing is ready yet.
  bool pop(Item& out) {
    if (size_ == 0) return false;
    const bool from_run =
        stragglers_.empty() || (!run_.empty() && later(stragglers_.front(), run_.front()));
    const WallTime time = from_run ? run_.front().time : stragglers_.front().time;
    const bool full = size_ > options_.held;
    if (!finished_ && !full &&
        (pushed_ < options_.probe || sorts_all() || newest_ - time < options_.span))
      return false;
    if (!finished_ && full && (sorts_all() || newest_ - time < options_.span)) ++squeezed_;
    --size_;
    out.late = any_left_ && time < edge_;
    if (out.late) ++late_;
    if (!out.late) edge_ = time;
    any_left_ = true;
    out.time = edge_;
    if (from_run) {
      out.value = std::move(run_.front().value);
      run_.pop_front();
    } else {
      std::pop_heap(stragglers_.begin(), stragglers_.end(), later);
      out.value = std::move(stragglers_.back().value);
      stragglers_.pop_back();
    }
    return true;
  }

  std::size_t size() const { return size_; }
  std::uint64_t late() const { return late_; }
  std::uint64_t squeezed() const { return squeezed_; }
  std::uint64_t steps_back() const { return steps_back_; }
  LogOrder order() const { return order_; }  // unknown until `probe` entries came, or finish()

 private:
  struct Held {
    WallTime time;
    std::uint64_t sequence;
    Value value;
  };
  static bool later(const Held& a, const Held& b) {
    return a.time != b.time ? a.time > b.time : a.sequence > b.sequence;
  }
  bool sorts_all() const { return order_ == LogOrder::reversed || order_ == LogOrder::shuffled; }

  void judge(WallTime time) {
    if (pushed_ == 0) {
      newest_ = previous_ = time;
      return;
    }
    if (time < previous_) ++steps_back_;
    if (time > previous_) ++steps_on_;
    if (newest_ - time > options_.span) ++beyond_;
    newest_ = std::max(newest_, time);
    previous_ = time;
    if (pushed_ + 1 == options_.probe) decide_order();
  }

  void decide_order() {
    if (order_ != LogOrder::unknown || pushed_ == 0) return;
    if (steps_back_ == 0) {
      order_ = LogOrder::sorted;
    } else if (steps_back_ > 9 * steps_on_) {
      order_ = LogOrder::reversed;
    } else {
      order_ = beyond_ * 10 > pushed_ ? LogOrder::shuffled : LogOrder::nearly;
    }
  }

  ReorderOptions options_;
  std::deque<Held> run_;          // in order of time
  std::vector<Held> stragglers_;  // a heap, the oldest first
  std::size_t size_ = 0;          // of both
  WallTime newest_, previous_, edge_;
  bool any_left_ = false, finished_ = false;
  LogOrder order_ = LogOrder::unknown;
  std::uint64_t pushed_ = 0, late_ = 0, squeezed_ = 0, steps_back_ = 0, steps_on_ = 0, beyond_ = 0;
};

}  // namespace weir::foreign
