// How attempts at an endpoint ended in a stretch of time: what a worker counts, what health is judged by. Stretches that
// follow each other add up to one (`merge`), and runs of failures across their border are not lost.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "base/time.h"
#include "model/cause.h"
#include "model/names.h"
#include "model/records.h"

namespace weir {

// Durations from 65 us to 4.3 s in 64 log-linear buckets, four to the octave; what is shorter or longer counts with the
// first or the last. A quantile is the middle of its bucket: within 12.5 %.
class LatencyCounts {
 public:
  static constexpr std::size_t kBuckets = 64;

  void add(Nanos took) { ++counts_[bucket(took)]; }
  void merge(const LatencyCounts& other) {
    for (std::size_t i = 0; i < kBuckets; ++i) counts_[i] += other.counts_[i];
  }
  std::uint64_t total() const {
    std::uint64_t sum = 0;
    for (const std::uint32_t count : counts_) sum += count;
    return sum;
  }
  // The quantile q in (0, 1]; zero when nothing was counted.
  Nanos quantile(double q) const {
    const auto all = static_cast<double>(total());
    double seen = 0;
    for (std::size_t i = 0; i < kBuckets; ++i) {
      seen += counts_[i];
      if (all > 0 && seen >= q * all) return middle(i);
    }
    return Nanos(0);
  }
  Nanos median() const { return quantile(0.5); }

 private:
  static constexpr int kFirstOctave = 16;   // 2^16 ns
  static std::size_t bucket(Nanos took) {
    const auto nanos = static_cast<std::uint64_t>(std::max<std::int64_t>(took.count(), 1));
    const int octave = static_cast<int>(std::bit_width(nanos)) - 1;
    if (octave < kFirstOctave) return 0;
    const std::size_t quarter = nanos >> (octave - 2) & 3;
    return std::min(kBuckets - 1, static_cast<std::size_t>(octave - kFirstOctave) * 4 + quarter);
  }
  static Nanos middle(std::size_t bucket) {
    const std::int64_t quarter = std::int64_t{1} << (kFirstOctave + bucket / 4 - 2);
    return Nanos(quarter * static_cast<std::int64_t>(4 + bucket % 4) + quarter / 2);
  }

  std::array<std::uint32_t, kBuckets> counts_{};
};

struct Outcomes {
  std::uint32_t ok = 0, failed = 0;
  std::uint32_t attempts = 0;   // these and those that say nothing
  std::uint32_t unreached = 0;  // of the failures: no connection came about
  std::uint32_t leading = 0;    // failures before the first good one
  std::uint32_t trailing = 0;   // after the last one
  std::uint32_t longest = 0;    // run of them
  LatencyCounts latency;        // until the head of the answer, good ones

  void add_ok(Nanos took) {
    ++ok;
    trailing = 0;
    latency.add(took);
  }
  void add_failed() {
    ++failed;
    ++trailing;
    longest = std::max(longest, trailing);
    if (ok == 0) ++leading;
  }
  void merge(const Outcomes& next) {
    longest = std::max({longest, next.longest, trailing + next.leading});
    leading += ok == 0 ? next.leading : 0;
    trailing = next.ok == 0 ? trailing + next.trailing : next.trailing;
    ok += next.ok;
    failed += next.failed;
    attempts += next.attempts;
    unreached += next.unreached;
    latency.merge(next.latency);
  }
};

// What an attempt says about its endpoint: a good answer, a failure, or nothing (the client went away, a reused connection
// turned out closed and the request went on over another one). A 5xx is a failure, and so is an answer that broke off.
enum class AttemptResult : std::uint8_t { good, failed, silent };
inline AttemptResult result_of(const AttemptRecord& made, Cause afterwards = Cause::none) {
  if (made.status >= 500) return AttemptResult::failed;
  switch (made.status == 0 ? made.cause : afterwards) {
    case Cause::connect_failed:
    case Cause::dns_failed:
    case Cause::response_timeout:
    case Cause::deadline_expired:
    case Cause::upstream_closed:
    case Cause::upstream_protocol_error:
    case Cause::body_truncated: return AttemptResult::failed;
    default: return made.status == 0 ? AttemptResult::silent : AttemptResult::good;
  }
}
inline AttemptResult result_of(const ExchangeRecord& record, std::size_t attempt) {
  return result_of(record.tries[attempt], attempt + 1 == record.attempts ? record.cause : Cause::none);
}

inline AttemptResult result_of_call(const AttemptRecord& call) {
  if (!call.endpoint.valid() || (call.status == 0 && call.cause == Cause::client_gone)) return AttemptResult::silent;
  return call.status == 0 || call.status >= 500 ? AttemptResult::failed : AttemptResult::good;
}

struct EndpointOutcomes {
  NameId upstream, endpoint;
  Outcomes outcomes;
};

}  // namespace weir
