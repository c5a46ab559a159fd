#include "decide/late.h"

#include <algorithm>

#include "decide/admission.h"

namespace weir::decide {
namespace {

// So many under way leave room; a bound of one never does.
bool is_well_below(std::uint64_t under_way, std::uint32_t limit) {
  return limit == 0 || (under_way <= share_of(limit, Priority::sheddable) && under_way < limit);
}

}  // namespace

bool late_drawn(HashKey seed, ExchangeId exchange) { return scale(draw(seed, exchange, Purpose::late, 0), kLateOneIn) == 0; }

Nanos late_patience(Nanos timeout) { return std::min(timeout, kLongestLate / 3) * 3; }

bool late_has_room(const LateQuestion& question) {
  const Upstream& upstream = question.policy.upstreams[question.upstream.index()];
  if (!upstream.late_probe) return false;
  if (!upstream.breaker && !upstream.adaptive_limit) return true;
  const auto& all = question.conditions.upstreams;
  const UpstreamConditions state = question.upstream.index() < all.size() ? all[question.upstream.index()] : UpstreamConditions{};
  if (state.breaker != BreakerState::closed) return false;
  const std::uint64_t under_way = question.in_flight.count(in_flight_identity(upstream));
  if (!is_well_below(under_way, state.limit)) return false;
  return !upstream.breaker || (is_well_below(under_way, upstream.breaker->max_in_flight) &&
                               is_well_below(question.in_flight.count(question.endpoint), upstream.breaker->max_in_flight_per_endpoint));
}

}  // namespace weir::decide
