#include "replay/timeouts.h"

#include <algorithm>
#include <cmath>

namespace weir::replay {

Interval wilson(double hits, double of) {
  if (of == 0) return {};
  constexpr double z = 1.959963984540054;
  const double n = of, p = hits / n;
  const double middle = p + z * z / (2 * n),
               side = z * std::sqrt(p * (1 - p) / n + z * z / (4 * n * n));
  const double all = 1 + z * z / n;
  return {.low = hits == 0 ? 0.0 : std::max(0.0, (middle - side) / all),
          .high = hits == of ? 1.0 : std::min(1.0, (middle + side) / all)};
}

Interval Timeouts::Count::interval() const {
  if (of == 0) return {};
  const auto all = static_cast<double>(of);
  const double worth = all * all / static_cast<double>(squares);
  return wilson(cut == of ? worth : static_cast<double>(cut) / all * worth, worth);
}

std::optional<Timeouts::Passed> Timeouts::Count::passed() const {
  if (known == 0) return std::nullopt;
  const auto all = static_cast<double>(longer), hits = static_cast<double>(in_time),
             asked = static_cast<double>(known);
  const Interval share = wilson(hits, asked);
  return Passed{.cut_then = longer,
                .known = known,
                .in_time = in_time,
                .allowed = all * hits / asked,
                .low = all * share.low,
                .high = all * share.high};
}

void Timeouts::add(RouteId route, Nanos took, std::optional<Nanos> before, std::uint64_t weight) {
  const auto& response = after_.timeouts_of(after_.routes[route.index()]).response;
  Count& count = counts_[route.index()];
  count.of += weight;
  count.squares += weight * weight;
  if (response && took > response->value && !(before && took > *before)) count.cut += weight;
}

// Whose probe was dropped before the timeout says nothing; whose probe waited in vain, if not as
// long, counts as not come.
void Timeouts::add_cut(RouteId route, const Cut& cut) {
  const auto& response = after_.timeouts_of(after_.routes[route.index()]).response;
  if (response && cut.took > response->value) return;
  Count& count = counts_[route.index()];
  count.longer += cut.weight;
  const bool within = !response || cut.late_time <= response->value;
  if (cut.late == LateResult::not_asked || (cut.late == LateResult::dropped && within)) return;
  ++count.known;
  count.in_time += cut.late == LateResult::success && within ? 1 : 0;
}

}  // namespace weir::replay
