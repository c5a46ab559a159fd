#include "base/histogram.h"

#include <algorithm>
#include <cmath>

namespace weir {

Nanos histogram_lower(std::size_t bucket) {
  if (bucket < 10) return std::chrono::microseconds(bucket);
  if (bucket >= kHistogramBuckets - 1) return std::chrono::seconds(100);
  std::int64_t us = static_cast<std::int64_t>((bucket - 10) % 90 + 10);
  for (std::size_t decade = (bucket - 10) / 90; decade > 0; --decade) us *= 10;
  return std::chrono::microseconds(us);
}

Nanos histogram_quantile(std::span<const std::uint64_t, kHistogramBuckets> counts, double q) {
  std::uint64_t total = 0;
  for (const std::uint64_t count : counts) total += count;
  if (total == 0) return Nanos(0);
  // The smallest bucket whose cumulated count reaches rank ceil(q * n), at least 1 (nearest-rank definition).
  const double wanted = std::ceil(std::clamp(q, 0.0, 1.0) * static_cast<double>(total));
  const std::uint64_t rank = std::max<std::uint64_t>(1, static_cast<std::uint64_t>(wanted));
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    seen += counts[i];
    if (seen < rank) continue;
    if (i == counts.size() - 1) return histogram_lower(i);
    return (histogram_lower(i) + histogram_lower(i + 1)) / 2;
  }
  return histogram_lower(counts.size() - 1);
}

void Histogram::merge(const Histogram& other) {
  for (std::size_t i = 0; i < counts_.size(); ++i) counts_[i] += other.counts_[i];
  count_ += other.count_;
  sum_ += other.sum_;
}

std::uint64_t Histogram::at_most(Nanos edge) const {
  std::uint64_t total = 0;
  for (std::size_t i = 0; i + 1 < counts_.size() && histogram_lower(i + 1) <= edge; ++i) total += counts_[i];
  return total;
}

}  // namespace weir
