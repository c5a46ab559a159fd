// Conditions: the state of the world as decide may see it, computed on the control thread, published immutable and
// numbered: which endpoints may be used, at which socket addresses they stand, and how much each upstream takes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/address.h"

namespace weir {

struct EndpointConditions {
  static constexpr std::uint8_t kWarm = 16;
  bool usable = true;
  std::uint8_t warmth = kWarm;   // below it: so many of kWarm of its turns are taken (slow start)
  friend bool operator==(const EndpointConditions&, const EndpointConditions&) = default;
};

enum class BreakerState : std::uint8_t { closed, half_open, open };

struct UpstreamConditions {
  BreakerState breaker = BreakerState::closed;
  std::uint32_t limit = 0;       // adaptive: so many exchanges under way; 0: none
  std::uint32_t fastest_ms = 0;  // its fastest answers, rounded down, where there is an adaptive limit; 0: not known
  friend bool operator==(const UpstreamConditions&, const UpstreamConditions&) = default;
};

// By endpoint: resolved; at most 16, the first is preferred.
using EndpointAddresses = std::vector<std::vector<SocketAddress>>;

struct Conditions {
  std::uint64_t number = 0;
  std::vector<EndpointConditions> endpoints;   // parallel to Policy::endpoints
  std::vector<UpstreamConditions> upstreams;   // parallel to Policy::upstreams; empty: all closed, no limits
  bool warming = false;                        // some endpoint is below kWarm
  std::shared_ptr<const EndpointAddresses> resolved;

  std::span<const SocketAddress> addresses(std::size_t endpoint) const {
    if (resolved == nullptr || endpoint >= resolved->size()) return {};
    return (*resolved)[endpoint];
  }
};

}  // namespace weir
