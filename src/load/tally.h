// What came of calls: counted, never kept one by one.
//   latency  from when the call was due until the last byte of its answer: what a caller waits. A
//   call that was sent
//            late because the server kept every connection busy has waited all the while; leaving
//            that out is the coordinated omission that closed loops commit.
//   service  from when it was sent: what the server says of itself.
// Both count answers of any status. A call that timed out, was not finished or never sent counts as
// latency with the time that had passed by then, so that a quantile is never better than the truth;
// connections that failed do not. Error of quantiles: as base/histogram.h says, at most 5 %.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/histogram.h"
#include "base/time.h"

namespace weir::load {

enum class Ending : std::uint8_t {
  answered,
  timeout,     // no whole answer in time
  connect,     // no connection
  closed,      // the connection ended before the answer did
  protocol,    // the answer breaks HTTP
  unfinished,  // still under way when the run was over
  unsent,      // due, but never sent: no connection became free
  count_,
};

// A histogram, with the extremes it does not keep.
struct Times {
  Histogram histogram;
  Nanos longest{0};

  void add(Nanos time) {
    histogram.add(time);
    if (time > longest) longest = time;
  }
  void merge(const Times& other) {
    histogram.merge(other.histogram);
    if (other.longest > longest) longest = other.longest;
  }
  Nanos mean() const {
    return histogram.count() == 0 ? Nanos(0)
                                  : histogram.sum() / static_cast<std::int64_t>(histogram.count());
  }
  // A bucket's middle may lie above everything that was counted.
  Nanos quantile(double q) const { return std::min(histogram.quantile(q), longest); }
};

struct Tally {
  static constexpr std::size_t kStatuses = 600;

  Times latency, service;
  std::array<std::uint64_t, static_cast<std::size_t>(Ending::count_)> endings{};
  std::array<std::uint64_t, kStatuses> statuses{};  // of answers; what is beyond 599 counts as 599
  std::uint64_t calls = 0;                          // all that were due
  std::uint64_t errors = 0;  // of them: no answer, or a status of 400 and above
  std::uint64_t bytes = 0;   // of bodies

  void answered(std::uint16_t status, Nanos latency_of, Nanos service_of,
                std::uint64_t body_bytes) {
    ++calls;
    ++endings[0];
    ++statuses[status < kStatuses ? status : kStatuses - 1];
    if (status >= 400) ++errors;
    bytes += body_bytes;
    latency.add(latency_of);
    service.add(service_of);
  }
  void failed(Ending ending, Nanos waited) {
    ++calls;
    ++errors;
    ++endings[static_cast<std::size_t>(ending)];
    if (ending == Ending::timeout || ending == Ending::unfinished || ending == Ending::unsent)
      latency.add(waited);
  }
  void merge(const Tally& other);

  std::uint64_t of(Ending ending) const { return endings[static_cast<std::size_t>(ending)]; }
  std::uint64_t sent() const { return calls - of(Ending::unsent); }
  double error_share() const {
    return calls == 0 ? 0 : static_cast<double>(errors) / static_cast<double>(calls);
  }
};

// One second of a run, by when calls ended.
struct Second {
  std::uint32_t ended = 0, errors = 0, in_flight = 0;  // in_flight: when the second was over
  Nanos p50{0}, p99{0}, longest{0};                    // latency
  Nanos behind{0};  // of the call that was due longest and not sent, when the second was over
};

}  // namespace weir::load
