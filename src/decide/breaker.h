// The fuse of one upstream: when most of its attempts fail, nothing is sent to it for a while, so that it may recover and
// callers are told at once. Fed with what became of attempts and with the time (Fowler's circuit breaker, by share).
//   closed      all pass. Opens when of at least `min_requests` attempts in the window `failure_ratio` failed
//   open        none pass, for `open`; twice as long each time in a row, at most `max_open`
//   half_open   as many as `probes` may be under way. One failure opens it again; `probes` good ones close it
// Attempts that were under way when it opened say nothing new; a window begins anew with each change of state.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/time.h"
#include "decide/ejection.h"
#include "model/conditions.h"
#include "model/outcomes.h"
#include "model/policy.h"

namespace weir::decide {

std::string_view to_string(BreakerState state);

class FailureBreaker {
 public:
  // True: it opened or closed.
  bool on_outcomes(const Breaker& rules, const Outcomes& outcomes, Stamp now);
  // True: it is half open now.
  bool tick(const Breaker& rules, Stamp now);

  BreakerState state() const { return state_; }
  // The share of failures that opened it, and for how long it is open.
  double failed() const { return failed_; }
  Nanos open_for() const { return open_for_; }
  // While it is open: when it will be half open.
  Stamp until() const { return until_; }

 private:
  void open(const Breaker& rules, double failed, Stamp now);

  BreakerState state_ = BreakerState::closed;
  OutcomeWindow window_;          // closed
  std::uint32_t good_ = 0;        // half open
  std::uint32_t in_a_row_ = 0;    // times it opened without closing between
  double failed_ = 0;
  Nanos open_for_{0};
  Stamp until_ = Stamp::max();
};

}  // namespace weir::decide
