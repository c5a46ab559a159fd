// When an endpoint's own traffic says that it is unwell, seen beside the traffic of its neighbours: where all of them
// fail or are slow, taking one out helps nobody.
//   consecutive   so many failures in a row, while of the neighbours' requests fewer than half fail, and at least half of
//                 the neighbours have no such row now (half as long is one): when all begin to fail, the window still
//                 speaks of better times
//   ratio         that share of its requests in the window failed, at least twice the neighbours' share
//   latency       its median is that many times the neighbours' (the median of their medians), and 5 ms more
// The last two need `min_requests` in the window on both sides.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "base/time.h"
#include "model/outcomes.h"
#include "model/policy.h"

namespace weir::decide {

// What has become of an endpoint's requests within the window, which slides in steps of a fifth.
class OutcomeWindow {
 public:
  struct Sum {
    std::uint64_t ok = 0, failed = 0;
    LatencyCounts latency;
    std::uint64_t total() const { return ok + failed; }
  };

  void add(const Outcomes& outcomes, Nanos window, Stamp now);
  // Of whole steps that began after `since`.
  Sum sum(Nanos window, Stamp now, Stamp since = Stamp::min()) const;
  void clear() { slots_ = {}; }

 private:
  static constexpr std::int64_t kSlots = 5;
  struct Slot {
    std::int64_t step = -1;   // of time, counted in fifths of the window; -1: never used
    Sum sum;
  };
  std::array<Slot, kSlots> slots_{};
};

enum class EjectReason : std::uint8_t { consecutive, ratio, latency };

struct EjectFinding {
  EjectReason reason = EjectReason::consecutive;
  double own = 0, others = 0;   // failures in a row and the share of failures elsewhere; shares; seconds
};

// One endpoint of a pool as it stands now; medians and counts of its window.
struct Performance {
  bool counts = true;   // it takes requests
  std::uint32_t failures_in_a_row = 0;   // now
  std::uint32_t longest_row = 0;         // since it was looked at last
  std::uint64_t ok = 0, failed = 0;
  Nanos median{0};
  std::uint64_t total() const { return ok + failed; }
};

// What is wrong with pool[own], seen beside the rest of the pool.
std::optional<EjectFinding> find_fault(const Ejection& rules, std::span<const Performance> pool, std::size_t own);

}  // namespace weir::decide
