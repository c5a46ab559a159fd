#include "replay/auth_timeout.h"

#include <algorithm>

#include "replay/advice_parts.h"

namespace weir::replay {

std::optional<ShortAuthTimeout> short_auth_timeout(Nanos timeout, const Histogram& calls, std::uint64_t reached) {
  if (calls.count() < threshold::kAuthCalls) return std::nullopt;
  const Nanos p99 = calls.quantile(1 - threshold::kAuthCutShare);
  const bool cut = static_cast<double>(reached) > threshold::kAuthCutShare * static_cast<double>(calls.count());
  const double aimed = threshold::kAimedTimeout * static_cast<double>(std::max(p99, cut ? timeout : p99).count());
  if (!cut && static_cast<double>(timeout.count()) >= aimed) return std::nullopt;
  return ShortAuthTimeout{.p99 = p99, .cut = cut, .wanted = time_up(aimed)};
}

}  // namespace weir::replay
