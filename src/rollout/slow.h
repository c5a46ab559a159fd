// What is slow: an exchange longer than the p99 that the control's exchanges of its route had, as of the last round that ended.
// Known once there are 200 of them. Durations are counted in buckets (LatencyCounts) and the p99 is that bucket's upper edge, at
// most 25 % above the true one: at most one in a hundred of the control's are slow.
// Bounds: 512 routes; exchanges of further ones are not timed.
#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/time.h"
#include "model/names.h"
#include "model/outcomes.h"

namespace weir::rollout {

class Slow {
 public:
  static constexpr std::size_t kMost = 512;
  static constexpr std::uint64_t kEnough = 200;

  void on_control(NameId route, Nanos latency) {
    const auto found = routes_.find(route.value);
    if (found == routes_.end() && routes_.size() >= kMost) return;
    (found == routes_.end() ? routes_[route.value] : found->second).latency.add(latency);
  }
  std::optional<Nanos> p99(NameId route) const {
    const auto found = routes_.find(route.value);
    return found == routes_.end() ? std::nullopt : found->second.p99;
  }
  void close() {
    for (auto& [name, route] : routes_)
      if (route.latency.total() >= kEnough) {
        const Nanos middle = route.latency.quantile(0.99);
        route.p99 = middle + middle / 8;   // a bucket ends at most 1/9 above its middle
      }
  }

 private:
  struct Route {
    LatencyCounts latency;
    std::optional<Nanos> p99;
  };
  boost::unordered_flat_map<std::uint32_t, Route> routes_;
};

}  // namespace weir::rollout
