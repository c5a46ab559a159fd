#include "rollout/step_change.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace weir::rollout {

double normal_quantile(double p) {
  double low = -9, high = 9;
  while (high - low > 1e-10) {
    const double middle = (low + high) / 2;
    (std::erfc(-middle / std::numbers::sqrt2) / 2 < p ? low : high) = middle;
  }
  return low;
}

double StepChange::score(double value) const {
  double rank = 0;
  for (const double other : reference_) rank += other < value ? 1 : other == value ? 0.5 : 0;
  return normal_quantile((rank + 0.5) / (static_cast<double>(reference_.size()) + 1));
}

std::optional<StepChange::Step> StepChange::add(double value) {
  recent_.push_back(value);
  if (recent_.size() > kRecent) {
    reference_.push_back(recent_.front());
    recent_.pop_front();
  }
  if (reference_.size() > kReference) reference_.pop_front();
  if (reference_.size() < kFewest) return std::nullopt;
  const double scored = score(value);
  up_ = std::max(0.0, up_ + scored - kSlack);
  down_ = std::max(0.0, down_ - scored - kSlack);
  up_for_ = up_ > 0 ? up_for_ + 1 : 0;
  down_for_ = down_ > 0 ? down_for_ + 1 : 0;
  if (up_ <= kLimit && down_ <= kLimit) return std::nullopt;
  const Step step{.up = up_ > kLimit, .ago = up_ > kLimit ? up_for_ : down_for_};
  *this = {};
  return step;
}

}  // namespace weir::rollout
