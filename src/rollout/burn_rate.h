// How fast the budget of an objective burns: alarms when the share of bad exchanges is too high over a long window and, so that it
// is over when it is over, over a twelfth of it (SRE Workbook, ch. 5). The Workbook's windows take 104 s to see that half of all
// fails; these, in minutes instead of hours, 22.
//
//   fast   200 times the budget over 60 s and 5 s      of 99.9 %: 20 %
//   slow   36 times the budget over 300 s and 25 s     of 99.9 %: 3.6 %
// Fewer than ten bad exchanges in the long window are no alarm: shares of few say nothing.
// A bucket each second; a second that was passed over is empty, an earlier one than the newest counts with the newest.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

namespace weir::rollout {

class BurnRate {
 public:
  enum class Alarm : std::uint8_t { none, slow, fast };

  // objective: the share of exchanges that must be good, in [0, 1).
  explicit BurnRate(double objective = 0.999) : budget_(1 - objective) {}

  void add(std::int64_t second, std::uint64_t exchanges, std::uint64_t bad) {
    advance(second);
    Bucket& bucket = buckets_[index(newest_)];
    bucket.exchanges += exchanges;
    bucket.bad += bad;
  }
  // At the end of that second, or within it.
  Alarm alarm(std::int64_t second) {
    advance(second);
    if (burns(60, 200) && burns(5, 200) && bad(60) >= kFewest) return Alarm::fast;
    if (burns(300, 36) && burns(25, 36) && bad(300) >= kFewest) return Alarm::slow;
    return Alarm::none;
  }
  double share(std::int64_t seconds) const {
    const Bucket sum = last(seconds);
    return sum.exchanges == 0 ? 0 : static_cast<double>(sum.bad) / static_cast<double>(sum.exchanges);
  }
  std::uint64_t bad(std::int64_t seconds) const { return last(seconds).bad; }   // up to the newest second; at most 300

 private:
  static constexpr std::int64_t kLongest = 300;
  static constexpr std::uint64_t kFewest = 10;
  struct Bucket {
    std::uint64_t exchanges = 0, bad = 0;
  };
  static std::size_t index(std::int64_t second) { return static_cast<std::size_t>((second % kLongest + kLongest) % kLongest); }

  void advance(std::int64_t second) {
    if (!begun_) {
      begun_ = true;
      newest_ = second;
    }
    for (const std::int64_t first = std::max(newest_, second - kLongest); newest_ < second;) {
      if (newest_ < first) newest_ = first;
      buckets_[index(++newest_)] = {};
    }
  }
  Bucket last(std::int64_t seconds) const {
    Bucket sum;
    for (std::int64_t i = 0; i < seconds; ++i) {
      sum.exchanges += buckets_[index(newest_ - i)].exchanges;
      sum.bad += buckets_[index(newest_ - i)].bad;
    }
    return sum;
  }
  bool burns(std::int64_t seconds, double times) const {
    constexpr double kRounding = 1e-9;   // 1 - 0.999 is a little more than 0.001
    return bad(seconds) > 0 && share(seconds) >= std::min(1.0, times * budget_) - kRounding;
  }

  double budget_;
  std::int64_t newest_ = 0;
  bool begun_ = false;
  std::array<Bucket, kLongest> buckets_{};
};

}  // namespace weir::rollout
