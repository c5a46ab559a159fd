#include "decide/prepare.h"

#include <vector>

#include "base/hash.h"
#include "decide/balance.h"
#include "decide/route.h"
#include "fmt/core.h"

namespace weir::decide {
namespace {

std::unexpected<Error> beyond(std::string_view what, std::size_t most, const Source& source) {
  return fail(ErrorKind::too_large, fmt::format("line {}: more than {} {}", source.line, most, what), Origin::config);
}

void schedule(const Policy& policy, Upstream& upstream) {
  std::vector<std::uint32_t> weights;
  std::vector<std::uint64_t> words;
  for (std::uint32_t i = 0; i < upstream.endpoint_count; ++i) {
    const Endpoint& endpoint = policy.endpoints[upstream.first_endpoint + i];
    weights.push_back(endpoint.weight);
    words.push_back(endpoint.identity);
    words.push_back(endpoint.weight);
  }
  upstream.schedule = smooth_schedule(weights);
  upstream.schedule_digest = keyed_hash(HashKey{}, words);
}

}  // namespace

Result<> prepare(Policy& policy) {
  for (const Route& route : policy.routes) {
    if (route.limits.size() > kMaxLimitsPerRoute) return beyond("limits on one route", kMaxLimitsPerRoute, route.source);
  }
  for (Limit& limit : policy.limits) {
    if (limit.key.size() > kMaxKeyParts) return beyond("parts in one key", kMaxKeyParts, limit.source);
    limit.pace = Pace::of(limit.rate, limit.burst);
    for (LimitOverride& over : limit.overrides) over.pace = Pace::of(over.rate, over.burst);
  }
  for (Upstream& upstream : policy.upstreams) {
    if (upstream.endpoint_count > kMaxEndpointsPerUpstream) {
      return beyond("endpoints in one upstream", kMaxEndpointsPerUpstream, upstream.source);
    }
    schedule(policy, upstream);
  }
  index_routes(policy);
  return {};
}

}  // namespace weir::decide
