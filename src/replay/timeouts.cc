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

Timeouts::Timeouts(const Policy& after) : counts_(after.routes.size()) {
  for (std::size_t i = 0; i < counts_.size(); ++i) {
    if (const auto& response = after.timeouts_of(after.routes[i]).response) counts_[i].response = response->value;
  }
}

void Timeouts::add(RouteId route, Nanos took, std::optional<Nanos> before, std::uint64_t weight) {
  Count& count = counts_[route.index()];
  count.of += weight;
  count.squares += weight * weight;
  if (took > count.response && !(before && took > *before)) count.cut += weight;
}

// Whose probe was dropped before the timeout says nothing; whose probe waited in vain, if not as
// long, counts as not come.
void Timeouts::add_cut(RouteId route, const Cut& cut) {
  Count& count = counts_[route.index()];
  if (cut.took > count.response) return;
  count.longer += cut.weight;
  const bool within = cut.late_time <= count.response;
  if (cut.late == LateResult::not_asked || (cut.late == LateResult::dropped && within)) return;
  ++count.known;
  count.in_time += cut.late == LateResult::success && within ? 1 : 0;
}

}  // namespace weir::replay
