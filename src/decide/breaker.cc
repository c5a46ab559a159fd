#include "decide/breaker.h"

#include <algorithm>

namespace weir::decide {

std::string_view to_string(BreakerState state) {
  switch (state) {
    case BreakerState::closed: return "closed";
    case BreakerState::half_open: return "half_open";
    case BreakerState::open: return "open";
  }
  return "";
}

bool FailureBreaker::on_outcomes(const Breaker& rules, const Outcomes& outcomes, Stamp now) {
  if (rules.failure_ratio <= 0 || state_ == BreakerState::open) return false;
  if (state_ == BreakerState::half_open) {
    if (outcomes.failed > 0) {
      open(rules, 1, now);
      return true;
    }
    good_ += outcomes.ok;
    if (good_ < rules.probes) return false;
    state_ = BreakerState::closed;
    in_a_row_ = 0;
    return true;
  }
  window_.add(outcomes, rules.window, now);
  const OutcomeWindow::Sum sum = window_.sum(rules.window, now);
  if (sum.total() < rules.min_requests) return false;
  const double failed = static_cast<double>(sum.failed) / static_cast<double>(sum.total());
  if (failed < rules.failure_ratio) return false;
  open(rules, failed, now);
  return true;
}

bool FailureBreaker::tick(const Breaker& rules, Stamp now) {
  if (state_ == BreakerState::closed) return false;
  if (rules.failure_ratio <= 0) {   // its rule is gone
    *this = FailureBreaker();
    return true;
  }
  if (state_ != BreakerState::open || now < until_) return false;
  state_ = BreakerState::half_open;
  good_ = 0;
  return true;
}

void FailureBreaker::open(const Breaker& rules, double failed, Stamp now) {
  state_ = BreakerState::open;
  window_.clear();
  failed_ = failed;
  open_for_ = std::min<Nanos>(rules.max_open, rules.open * (std::int64_t{1} << std::min(in_a_row_, 16u)));
  ++in_a_row_;
  until_ = now + open_for_;
}

}  // namespace weir::decide
