#include "decide/shares.h"

#include <algorithm>
#include <unordered_set>

#include "decide/balance.h"

namespace weir::decide {

void Shares::add(NameId upstream, NameId endpoint, std::uint32_t attempts, Stamp now) {
  constexpr std::size_t kMost = 1 << 20;
  if (attempts == 0 || windows_.size() >= kMost) return;
  Window& window = windows_[key(upstream, endpoint)];
  const std::int64_t number = slice(now);
  for (std::int64_t i = std::max(window.last + 1, number - static_cast<std::int64_t>(kSlices) + 1); i <= number; ++i) {
    window.slices[static_cast<std::size_t>(i) % kSlices] = 0;
  }
  window.last = std::max(window.last, number);
  window.slices[static_cast<std::size_t>(window.last) % kSlices] += attempts;
}

std::uint64_t Shares::sum(NameId upstream, NameId endpoint, Stamp now) const {
  const auto found = windows_.find(key(upstream, endpoint));
  if (found == windows_.end()) return 0;
  const Window& window = found->second;
  std::uint64_t sum = 0;
  const std::int64_t oldest = std::max<std::int64_t>(0, slice(now) - static_cast<std::int64_t>(kSlices) + 1);
  for (std::int64_t i = std::max(oldest, window.last - static_cast<std::int64_t>(kSlices) + 1); i <= window.last; ++i) {
    sum += window.slices[static_cast<std::size_t>(i) % kSlices];
  }
  return sum;
}

std::vector<std::optional<double>> Shares::ratios(const Policy& policy, Stamp now) const {
  std::vector<std::optional<double>> ratios(policy.endpoints.size());
  for (const Upstream& upstream : policy.upstreams) {
    if (goes_by_load(upstream.balance)) continue;
    for (const Tier& tier : upstream.tiers) {
      std::uint64_t attempts = 0, weights = 0;
      for (const std::uint16_t offset : tier.members) {
        const Endpoint& endpoint = policy.endpoints[upstream.first_endpoint + offset];
        attempts += sum(upstream.name, endpoint.name, now);
        weights += endpoint.weight;
      }
      if (attempts < kLeast) continue;
      for (const std::uint16_t offset : tier.members) {
        const Endpoint& endpoint = policy.endpoints[upstream.first_endpoint + offset];
        const auto own = static_cast<double>(sum(upstream.name, endpoint.name, now));
        ratios[upstream.first_endpoint + offset] = own * static_cast<double>(weights) / (static_cast<double>(attempts) * endpoint.weight);
      }
    }
  }
  return ratios;
}

void Shares::use(const Policy& policy) {
  std::unordered_set<std::uint64_t> known;
  for (const Endpoint& endpoint : policy.endpoints) known.insert(key(policy.upstreams[endpoint.upstream.index()].name, endpoint.name));
  std::erase_if(windows_, [&](const auto& each) { return !known.contains(each.first); });
}

}  // namespace weir::decide
