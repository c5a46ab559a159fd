// Where Conditions come from: what workers tell about their requests and what active checks find is judged by
// decide/health, which addresses endpoints have and how fast callers ask is told from outside, and what changes is published,
// numbered, at most every 50 ms. Belongs to one loop, that of control.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/hash.h"
#include "decide/health.h"
#include "decide/shares.h"
#include "io/loop.h"
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
    std::function<std::uint64_t()> number = {};   // for the next Conditions, where there is another keeper; null: 1, 2, …
    std::function<void(NameId endpoint)> unreached = {};   // no connection to it came about, by traffic or by a probe
  };
  // Runs in `scope`, which must have ended all before this goes.
  ConditionsKeeper(io::Scope& scope, const NameTable& names, HashKey seed, const decide::limits::InFlight& in_flight, To to);

  // Of a policy that comes beside another one: knows of endpoints and callers what that one's keeper knows. Before use().
  void take_over(const ConditionsKeeper& other);
  // Nothing decides by the policy in use any more.
  void rest();
  // The conditions that a policy begins with; from now on they are kept for it.
  std::shared_ptr<const Conditions> use(std::shared_ptr<const Policy> policy, std::shared_ptr<const EndpointAddresses> addresses,
                                        std::shared_ptr<const CallerPeaks> peaks = nullptr);
  // Others for the same policy.
  void use_addresses(std::shared_ptr<const EndpointAddresses> addresses);
  void use_peaks(std::shared_ptr<const CallerPeaks> peaks);
  void on_outcomes(std::span<const EndpointOutcomes> outcomes);

  // decide/shares.h, by endpoint of the policy in use.
  std::vector<std::optional<double>> share_ratios() const { return shares_.ratios(*policy_, scope_.loop().now()); }
  const decide::Health& health() const { return health_; }
  const HealthCounts& counts(NameId upstream) { return counts_[upstream.value]; }

 private:
  io::Task<> keep();
  std::shared_ptr<const Conditions> conditions();
  void learn(std::shared_ptr<const CallerPeaks> peaks);
  void tell_addresses();
  void on_probe(EndpointId endpoint, decide::Probe probe);
  void on_event(UpstreamId upstream, const decide::PoolEvent& event);

  io::Scope& scope_;
  To to_;
  std::uint64_t number_ = 0;
  decide::Health health_;
  decide::Shares shares_;
  std::unordered_map<std::uint32_t, HealthCounts> counts_;   // by name of the upstream
  std::shared_ptr<const Policy> policy_;
  std::shared_ptr<const EndpointAddresses> addresses_;
  std::shared_ptr<const CallerPeaks> peaks_;
  std::shared_ptr<const LearnedRates> learned_;
  Prober prober_;
};

}  // namespace weir::proxy
