// Conditions: the state of the world as decide may see it, computed on the control thread, published immutable and
// numbered: which endpoints may be used, at which socket addresses they stand, how much each upstream takes, and how fast
// callers are known to ask.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <unordered_map>
#include <vector>

#include "base/address.h"
#include "base/hash.h"
#include "base/ids.h"
#include "base/units.h"
#include "model/pace.h"

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

// How fast one caller is known to ask: the p99 of its requests by the second, over the seconds of past days in which it
// asked (record/caller_pace.h).
struct CallerPeak {
  static constexpr std::uint32_t kMost = 1'000'000;
  std::uint64_t caller = 0;       // CallerRef::digest
  std::uint32_t per_second = 0;   // >= 1
  std::uint32_t days = 0;         // that it was learned from
  friend bool operator==(const CallerPeak&, const CallerPeak&) = default;
};

struct CallerPeaks {
  static constexpr std::size_t kMost = std::size_t{1} << 14;
  std::uint64_t number = 0;       // of this run, from 1
  std::vector<CallerPeak> all;    // by caller, each once
};

// What a limit makes of a peak (decide/learned.h).
struct LearnedRate {
  Rate rate;
  std::uint64_t burst = 1;
  HashKey cells;                  // as Limit::cells
  Pace pace;
  CallerPeak peak;
};

struct LearnedRates {
  std::vector<std::unordered_map<std::uint64_t, LearnedRate>> by_limit;   // parallel to Policy::limits, by caller

  const LearnedRate* find(LimitId limit, std::uint64_t caller) const {
    const auto found = by_limit[limit.index()].find(caller);
    return found == by_limit[limit.index()].end() ? nullptr : &found->second;
  }
};

struct Conditions {
  std::uint64_t number = 0;
  std::vector<EndpointConditions> endpoints;   // parallel to Policy::endpoints
  std::vector<UpstreamConditions> upstreams;   // parallel to Policy::upstreams; empty: all closed, no limits
  bool warming = false;                        // some endpoint is below kWarm
  std::shared_ptr<const EndpointAddresses> resolved;
  std::shared_ptr<const CallerPeaks> peaks;     // null: nothing was learned
  std::shared_ptr<const LearnedRates> learned;  // of them, for this policy; null: as if nobody had a past

  std::span<const SocketAddress> addresses(std::size_t endpoint) const {
    if (resolved == nullptr || endpoint >= resolved->size()) return {};
    return (*resolved)[endpoint];
  }
};

}  // namespace weir
