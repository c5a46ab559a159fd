#include "decide/prepare.h"

#include <cstdint>
#include <map>
#include <span>
#include <utility>
#include <vector>

#include "base/hash.h"
#include "decide/balance.h"
#include "decide/hash_slots.h"
#include "decide/route.h"
#include "fmt/core.h"

namespace weir::decide {
namespace {

std::unexpected<Error> beyond(std::string_view what, std::size_t most, const Source& source) {
  return fail(ErrorKind::too_large, fmt::format("line {}: more than {} {}", source.line, most, what), Origin::config);
}

Tier made_of(std::span<const Endpoint> endpoints, std::vector<std::uint16_t> members, BalanceKind balance) {
  std::vector<std::uint32_t> weights;
  std::vector<std::uint64_t> words;
  for (const std::uint16_t offset : members) {
    weights.push_back(endpoints[offset].weight);
    words.push_back(endpoints[offset].identity);
    words.push_back(endpoints[offset].weight);
  }
  Tier tier{.members = std::move(members), .schedule = smooth_schedule(weights), .digest = keyed_hash(HashKey{}, words), .owners = {}};
  for (std::uint16_t& place : tier.schedule) place = tier.members[place];
  if (balance == BalanceKind::ring_hash) tier.owners = slot_owners(endpoints, tier.members);
  return tier;
}

void make_tiers(const Policy& policy, Upstream& upstream) {
  const auto endpoints = std::span(policy.endpoints).subspan(upstream.first_endpoint, upstream.endpoint_count);
  std::map<std::uint8_t, std::vector<std::uint16_t>> members;
  for (std::size_t i = 0; i < endpoints.size(); ++i) {
    if (endpoints[i].weight > 0) members[endpoints[i].tier].push_back(static_cast<std::uint16_t>(i));
  }
  upstream.tiers.clear();
  for (auto& [number, of_tier] : members) upstream.tiers.push_back(made_of(endpoints, std::move(of_tier), upstream.balance));
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
    if (upstream.hash.key.size() > kMaxKeyParts) return beyond("parts in one key", kMaxKeyParts, upstream.source);
    make_tiers(policy, upstream);
  }
  index_routes(policy);
  return {};
}

}  // namespace weir::decide
