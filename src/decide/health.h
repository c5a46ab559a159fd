// The health of all upstreams of a policy: pools, breakers and adaptive limits by upstream, kept over changes of policy by
// the upstream's name and the endpoint's identity. What it comes to is written into Conditions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/time.h"
#include "decide/adaptive_limit.h"
#include "decide/breaker.h"
#include "decide/limits/in_flight.h"
#include "decide/pool.h"
#include "model/conditions.h"
#include "model/names.h"
#include "model/outcomes.h"
#include "model/policy.h"

namespace weir::decide {

class Health {
 public:
  // `in_flight`: where workers count what is under way.
  explicit Health(const limits::InFlight& in_flight) : in_flight_(in_flight) {}

  // Before use(): knows what another knows by now, whose policy lives as long as that has not been called.
  void take_over(const Health& other);
  void use(const Policy& policy, Stamp now);   // the policy must outlive it, or its next use()

  void on_outcomes(const EndpointOutcomes& outcomes, Stamp now);   // of endpoints that are no more: dropped
  void on_probe(EndpointId endpoint, Probe probe, Stamp now);
  void on_address(EndpointId endpoint, bool has_one);
  // Brings all to `now`. True where conditions() would say something else than at the last call.
  bool tick(Stamp now);
  // Whether that could change anything, or there is something to tell.
  bool due(Stamp now) const { return due_ <= now; }

  // Number and addresses are the caller's to fill in.
  Conditions conditions() const;
  EndpointState state(EndpointId endpoint) const;
  const UpstreamConditions& admits(UpstreamId upstream) const { return said_upstreams_[upstream.index()]; }
  bool panics(UpstreamId upstream) const { return pools_[upstream.index()]->pool.panics(); }
  std::vector<EndpointState> states() const;   // by endpoint
  // Told once each, then forgotten.
  void each_event(const std::function<void(UpstreamId, const PoolEvent&)>& told);

 private:
  struct Kept {
    Pool pool;
    FailureBreaker breaker;
    AdaptiveConcurrency adaptive;
    std::vector<PoolEvent> events;   // of the breaker
    Stamp due = Stamp::min();
  };
  static std::uint64_t key(NameId upstream, NameId endpoint) {
    return std::uint64_t{upstream.value} << 32 | endpoint.value;
  }

  UpstreamConditions state_of(const Upstream& upstream, Kept& kept, const UpstreamConditions& said, Stamp now) const;
  static void tell_breaker(Kept& kept);

  const limits::InFlight& in_flight_;
  const Policy* policy_ = nullptr;
  std::vector<std::unique_ptr<Kept>> pools_;                                     // parallel to Policy::upstreams
  std::unordered_map<std::uint64_t, EndpointId> endpoints_;                      // by key()
  std::vector<EndpointConditions> said_;
  std::vector<UpstreamConditions> said_upstreams_;
  Stamp due_ = Stamp::min();                                                     // the earliest of all pools
};

}  // namespace weir::decide
