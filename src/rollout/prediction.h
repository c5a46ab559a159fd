// What the plan predicts of a change, what came of it, and whether the one is what the other lets expect. Both count the same: requests that
// both policies decided and about which they differ, and the known callers who are newly refused.
//
//   predicted   of the requests that the plan judged; low and high are its two readings (replay/plan_report.h)
//   seen        since both decide: shadow, canary, watch; whichever of the two was enforced
//   expected    of as many requests as were seen: the Poisson bounds of the predicted share at 99.9 %, and 3.09 standard deviations
//               of a Poisson count at either of them. For requests that come one by one: a few callers who send most vary more
//   callers     as many as the plan has seen, at most: it looks at days, a watch at an hour
// Pure; 99.9 % as everywhere in the judge (evidence.h).
#pragma once

#include <cstdint>
#include <optional>

namespace weir::rollout {

struct Predicted {
  std::uint64_t low = 0, high = 0, of = 0;   // of: 0: not predicted
};

struct Prediction {
  Predicted refused, allowed, cut;           // newly
  std::uint64_t callers = 0;                 // known ones newly refused, at most
};

struct Observation {
  std::uint64_t requests = 0, refused = 0, allowed = 0, cut = 0, callers = 0;
};

struct Expected {
  double from = 0, to = 0;                   // a count
  bool has(std::uint64_t seen) const { return from <= static_cast<double>(seen) && static_cast<double>(seen) <= to; }
};

// Absent where it was not predicted.
std::optional<Expected> expected(const Predicted& predicted, std::uint64_t of);

}  // namespace weir::rollout
