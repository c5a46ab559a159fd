// Where Conditions come from: what workers tell about their requests and what active checks find is judged by
// decide/health, and what changes is published, numbered, at most every 50 ms. Belongs to one loop, that of control.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <unordered_map>
#include <utility>

#include "base/hash.h"
#include "decide/health.h"
#include "io/scope.h"
#include "io/task.h"
#include "model/conditions.h"
#include "model/names.h"
#include "model/outcomes.h"
#include "model/policy.h"
#include "proxy/prober.h"

namespace weir::proxy {


// What has happened to the endpoints of one upstream, since the start of the process.
struct HealthCounts {
  std::uint64_t probes_good = 0, probes_bad = 0;
  std::array<std::uint64_t, 3> ejections{};   // by decide::EjectReason
};

class ConditionsKeeper {
 public:
  struct To {
    std::function<void(std::shared_ptr<const Conditions>)> publish;   // of the policy in use
    std::function<void(const Policy&, UpstreamId, const decide::PoolEvent&)> tell;
  };
  // Runs in `scope`, which must have ended all before this goes.
  ConditionsKeeper(io::Scope& scope, const NameTable& names, HashKey seed, const decide::limits::InFlight& in_flight, To to);

  // The conditions that a policy begins with; from now on they are kept for it.
  std::shared_ptr<const Conditions> use(std::shared_ptr<const Policy> policy, std::shared_ptr<const EndpointAddresses> addresses);
  void on_outcomes(std::span<const EndpointOutcomes> outcomes);

  const decide::Health& health() const { return health_; }
  const HealthCounts& counts(NameId upstream) { return counts_[upstream.value]; }

 private:
  io::Task<> keep();
  std::shared_ptr<const Conditions> conditions();
  void on_probe(EndpointId endpoint, decide::Probe probe);
  void on_event(UpstreamId upstream, const decide::PoolEvent& event);

  io::Scope& scope_;
  To to_;
  std::uint64_t number_ = 0;
  decide::Health health_;
  std::unordered_map<std::uint32_t, HealthCounts> counts_;   // by name of the upstream
  std::shared_ptr<const Policy> policy_;
  std::shared_ptr<const EndpointAddresses> addresses_;
  Prober prober_;
};

}  // namespace weir::proxy
