// How fast one caller asks, by the second, and what may be learned of it. Of each day (UTC) it is kept in how many seconds the
// caller asked how often: 14 whole days and the newest one, counts in steps of an eighth.
//
// The peak: the p99 of all seconds of the days before today in which the caller asked. Example: 300 seconds of 10 requests and
// two of 200 are a peak of 10. By the second, for a bucket holds two seconds of its rate: means over ten seconds would not show
// what a batch needs. It is no peak before it has been seen on two days and in 300 seconds. From then on, a day can raise it at
// most twofold: what ran away yesterday is not the measure of tomorrow, and never is what runs away now.
//
// A piece is also a difference (record/caller_entry.h). The newest eight seconds stay open, so that pieces that follow one
// another within them give what the whole gives; a second that two longer pieces share counts as two.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/time.h"
#include "model/conditions.h"
#include "record/bytes.h"

namespace weir::record {

class CallerPace {
 public:
  static constexpr std::size_t kDays = 15, kOpen = 8;
  static constexpr std::size_t kLeastDays = 2;
  static constexpr std::uint64_t kLeastSeconds = 300, kGrowth = 2;
  static constexpr std::uint32_t kMost = CallerPeak::kMost;   // counted of a second

  // A request that was not refused. What comes when its second is closed already is not counted.
  void add(WallTime at);
  void merge(const CallerPace& other);

  struct Peak {
    std::uint32_t per_second = 0;
    std::uint32_t days = 0;
    friend bool operator==(const Peak&, const Peak&) = default;
  };
  // Of the days before `today`, counted from 1970.
  std::optional<Peak> peak(std::int32_t today) const;

  bool empty() const { return open_.empty(); }
  std::size_t most_bytes() const;   // that encode() writes
  void encode(ByteWriter& out) const;
  void decode(ByteReader& in);      // of any origin; fails `in`
  friend bool operator==(const CallerPace&, const CallerPace&) = default;

 private:
  struct Open {
    std::int64_t second = 0;
    std::uint32_t count = 0;
    friend bool operator==(const Open&, const Open&) = default;
  };
  struct Step {
    std::uint8_t step = 0;
    std::uint32_t seconds = 0;
    friend bool operator==(const Step&, const Step&) = default;
  };
  struct Day {
    std::int32_t day = 0;
    std::vector<Step> steps;        // ascending
    friend bool operator==(const Day&, const Day&) = default;
  };
  static void add(std::vector<Step>& steps, Step one);
  Day* day(std::int32_t day);
  void open(Open one);
  void close_oldest();
  static std::uint32_t p99(const std::vector<Step>& steps);

  std::vector<Open> open_;          // ascending, the newest kOpen
  std::vector<Day> days_;           // ascending, the newest kDays
};

}  // namespace weir::record
