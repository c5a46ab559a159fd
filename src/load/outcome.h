// What one run came to: what reports are made of (load/report.h) and thresholds judge
// (load/threshold.h).
#pragma once

#include <cstdint>
#include <vector>

#include "base/time.h"
#include "load/tally.h"

namespace weir::load {

// Whether what was asked was asked when it was due. Not counted as late: a call that waited because
// every connection was busy, for that is the server's doing.
struct Generator {
  static constexpr Nanos kLateMost =
      std::chrono::milliseconds(5);  // p99 beyond it: the figures are not the server's
  Times late;
  std::uint64_t held = 0;  // calls that waited for a connection
  Nanos cpu{0};            // of this thread

  bool fell_behind() const { return late.quantile(0.99) > kLateMost; }
};

struct Outcome {
  std::vector<Tally> routes;
  std::vector<Second> seconds;
  Generator generator;
  bool closed_loop = false;
  bool interrupted = false;
  Nanos planned{0};  // how long calls were to be sent; the time it took where that is not known
  Nanos sending{
      0};  // from the beginning until the last call was sent, at least `planned` if not interrupted
  Nanos took{0};             // until the last answer
  std::uint64_t opened = 0;  // connections
  std::uint64_t reopened =
      0;  // calls sent again because a kept connection had ended (RFC 9112 9.3.1)
  std::uint64_t most_open = 0;

  Tally all() const {
    Tally sum;
    for (const Tally& each : routes) sum.merge(each);
    return sum;
  }
  double per_second(std::uint64_t count) const {
    return sending.count() <= 0
               ? 0
               : static_cast<double>(count) * 1e9 / static_cast<double>(sending.count());
  }
  // Who asks is idle only while it waits. In a closed loop a full core says that the server may have
  // more.
  bool is_out_of_cpu() const { return took.count() > 0 && cpu_share() > 0.97; }
  double cpu_share() const {
    return took.count() <= 0
               ? 0
               : static_cast<double>(generator.cpu.count()) / static_cast<double>(took.count());
  }
  // Open loop: the figures are not the server's. Calls that waited for a connection on a full core
  // are of nobody: the answers that would have freed one may have been there, unread.
  bool is_of_generator() const {
    return generator.fell_behind() || (!closed_loop && generator.held > 0 && is_out_of_cpu());
  }
};

}  // namespace weir::load
