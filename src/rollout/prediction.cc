#include "rollout/prediction.h"

#include <algorithm>
#include <cmath>

#include "rollout/evidence.h"

namespace weir::rollout {

std::optional<Expected> expected(const Predicted& predicted, std::uint64_t of) {
  if (predicted.of == 0) return std::nullopt;
  const double times = static_cast<double>(of) / static_cast<double>(predicted.of);
  const double low = times * poisson_lower(static_cast<double>(predicted.low)), high = times * poisson_upper(static_cast<double>(predicted.high));
  return Expected{.from = std::max(0.0, std::floor(low - kZ * std::sqrt(low))), .to = std::min(static_cast<double>(of), std::ceil(high + kZ * std::sqrt(high)))};
}

}  // namespace weir::rollout
