// Of lower(): upstreams, their endpoints, and how both are found to be well.
#include "config/lowering.h"

#include <utility>

#include "base/hash.h"

namespace weir::config {
namespace {

// Fixed: it names the same pool in every process and revision.
constexpr HashKey kEndpoint{0x77656972'656e6470, 1};

}  // namespace

Breaker Lowering::breaker(const Given<BreakerSpec>& given) const {
  const BreakerSpec& spec = given.value;
  return {.max_in_flight = static_cast<std::uint32_t>(spec.max_in_flight.value),
          .max_in_flight_per_endpoint = static_cast<std::uint32_t>(spec.max_in_flight_per_endpoint.value),
          .failure_ratio = spec.failure_ratio.given() ? spec.failure_ratio.value.of_one() : 0,
          .min_requests = static_cast<std::uint32_t>(spec.min_requests.value),
          .window = spec.window.value,
          .open = spec.open.value,
          .max_open = spec.max_open.value,
          .probes = static_cast<std::uint32_t>(spec.probes.value),
          .source = source(given.at)};
}

HealthCheck Lowering::health_check(const Given<HealthCheckSpec>& given) const {
  const HealthCheckSpec& spec = given.value;
  HealthCheck made;
  made.path = spec.path.value.text;
  made.host = spec.host.value.text;
  for (const auto& each : spec.status.value) made.status.push_back(each.value.value);
  made.body = spec.body.value.text;
  made.interval = spec.interval.value;
  made.timeout = spec.timeout.value;
  made.rise = static_cast<std::uint32_t>(spec.rise.value);
  made.fall = static_cast<std::uint32_t>(spec.fall.value);
  made.source = source(given.at);
  return made;
}

Ejection Lowering::ejection(const Given<EjectionSpec>& given) const {
  const EjectionSpec& spec = given.value;
  return {.consecutive_failures = static_cast<std::uint32_t>(spec.consecutive_failures.value),
          .failure_ratio = spec.failure_ratio.value.of_one(),
          .latency_factor = static_cast<double>(spec.latency_factor.value),
          .min_requests = static_cast<std::uint32_t>(spec.min_requests.value),
          .window = spec.window.value,
          .time = spec.time.value,
          .max_time = spec.max_time.value,
          .max_share = spec.max_share.value.of_one(),
          .source = source(given.at)};
}

void Lowering::upstream(const Given<UpstreamSpec>& given) {
  const UpstreamSpec& spec = given.value;
  const UpstreamId self{static_cast<std::uint32_t>(policy_->upstreams.size())};
  Upstream made;
  made.name = table_.intern(spec.name.value.text);
  made.balance = spec.balance.value;
  made.hash.key = key(spec.hash.value.key.value);
  const std::optional<Share>& above = spec.hash.value.above_share.value;
  made.hash.load = above ? std::optional(1 + above->of_one()) : std::nullopt;
  made.first_endpoint = static_cast<std::uint32_t>(policy_->endpoints.size());
  made.endpoint_count = static_cast<std::uint32_t>(spec.endpoints.value.size());
  if (spec.health_check.given()) made.health_check = health_check(spec.health_check);
  if (spec.ejection.value.enabled.value)
    made.ejection = ejection(spec.ejection);
  else
    made.ejection.reset();
  made.slow_start = spec.slow_start.value;
  made.panic_below = spec.panic_below.value.of_one();
  if (spec.breaker.given()) made.breaker = breaker(spec.breaker);
  if (const AdaptiveLimitSpec& adaptive = spec.adaptive_limit.value; spec.adaptive_limit.given() && adaptive.enabled.value) {
    made.adaptive_limit = {.min = static_cast<std::uint32_t>(adaptive.min.value),
                           .max = static_cast<std::uint32_t>(adaptive.max.value),
                           .tolerance = 1 + adaptive.tolerance.value.of_one(),
                           .source = source(spec.adaptive_limit.at)};
  }
  made.late_probe = spec.late_probe.value;
  made.version_header = spec.version_header.value.text;
  made.source = source(given.at);
  for (const auto& each : spec.endpoints.value) {
    const EndpointAddress& address = each.value.address.value;
    policy_->endpoints.push_back({.name = table_.intern(address.written),
                                  .upstream = self,
                                  .host = address.host,
                                  .address = address.address,
                                  .weight = static_cast<std::uint32_t>(each.value.weight.value),
                                  .tier = static_cast<std::uint8_t>(each.value.tier.value),
                                  .identity = keyed_hash(kEndpoint, address.written),
                                  .source = source(each.at)});
  }
  policy_->upstreams.push_back(std::move(made));
}

}  // namespace weir::config
