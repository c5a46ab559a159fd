// Durations counted in log-linear buckets whose edges are decimal: 1 us wide below 10 us, then 90 buckets a decade (two
// significant digits) up to 100 s, then one for all above. Because the edges are decimal, a Prometheus bucket with
// le="0.005" is an exact sum of ours; because buckets are (low, high], le is exact at the edge as well.
//   error   a quantile is the middle of its bucket: within 5 % of a true value in (10 us, 100 s], within 0.5 us below;
//           above 100 s it is reported as 100 s
//   size    641 counters of 8 bytes; merging is addition, the order never matters
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "base/time.h"

namespace weir {

inline constexpr std::size_t kHistogramBuckets = 10 + 7 * 90 + 1;

// The bucket of a duration; anything below zero counts as zero.
constexpr std::size_t histogram_bucket(Nanos duration) {
  constexpr std::uint64_t kTop = 100'000'000;   // us
  const std::int64_t nanos = duration.count() < 1 ? 1 : duration.count();
  const std::uint64_t us = static_cast<std::uint64_t>(nanos - 1) / 1000;   // the value lies in (us, us + 1]
  if (us < 10) return us;
  if (us >= kTop) return kHistogramBuckets - 1;
  std::uint64_t scaled = us;
  std::size_t base = 10;
  if (scaled >= 10'000'000) { scaled /= 1'000'000; base += 540; }
  else if (scaled >= 1'000'000) { scaled /= 100'000; base += 450; }
  else if (scaled >= 100'000) { scaled /= 10'000; base += 360; }
  else if (scaled >= 10'000) { scaled /= 1'000; base += 270; }
  else if (scaled >= 1'000) { scaled /= 100; base += 180; }
  else if (scaled >= 100) { scaled /= 10; base += 90; }
  return base + (scaled - 10);
}

// Bucket i holds durations in (lower(i), lower(i + 1)]; the last one has no upper edge.
Nanos histogram_lower(std::size_t bucket);

// The quantile q in [0, 1] of counts as histogram_bucket orders them; zero when nothing was counted.
Nanos histogram_quantile(std::span<const std::uint64_t, kHistogramBuckets> counts, double q);

class Histogram {
 public:
  void add(Nanos duration) {
    ++counts_[histogram_bucket(duration)];
    sum_ += duration;
    ++count_;
  }
  void merge(const Histogram& other);
  // Adds `count` durations of one bucket; their sum is told by add_sum.
  void add_bucket(std::size_t bucket, std::uint64_t count) {
    counts_[bucket] += count;
    count_ += count;
  }
  void add_sum(Nanos sum) { sum_ += sum; }

  std::uint64_t count() const { return count_; }
  Nanos sum() const { return sum_; }
  Nanos quantile(double q) const { return histogram_quantile(counts_, q); }
  // How many were <= edge; exact when edge is one of the bucket edges.
  std::uint64_t at_most(Nanos edge) const;
  std::span<const std::uint64_t, kHistogramBuckets> counts() const { return counts_; }

 private:
  std::array<std::uint64_t, kHistogramBuckets> counts_{};
  std::uint64_t count_ = 0;
  Nanos sum_{0};
};

}  // namespace weir
