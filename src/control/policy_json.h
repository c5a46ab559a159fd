// The live policy as the admin API tells it: routes, upstreams and limits, each with its line in
// the configuration and what it has carried so far. Times are milliseconds, rates as written and
// per second; null stands for `none`.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "decide/limits/in_flight.h"
#include "decide/pool.h"
#include "export/metrics.h"
#include "model/conditions.h"
#include "model/names.h"
#include "model/policy.h"

namespace weir::control {

// {"revision": "r1", "routes": [{name, match, action, limits, auth, timeouts, priority, requests,
// p50_ms, p99_ms, at}]}
std::string routes_json(const Policy& policy, const NameTable& names,
                        const exporting::MetricsSnapshot& counts);

struct UpstreamState {
  const Conditions& conditions;
  const std::vector<decide::EndpointState>& health;   // by endpoint; empty: not known
  const decide::limits::InFlight& in_flight;
  const std::vector<std::optional<double>>& amplification;   // by upstream; empty: not known
  std::vector<std::optional<double>> share_ratios = {};  // by endpoint (decide/shares.h)
};
// {"revision", "upstreams": [{name, balance, requests, p50_ms, p99_ms, connections, retries,
// retry_amplification (null: nothing was sent in the last minute), in_flight, breaker and limit where
// they are configured, endpoints: [{name, addresses, weight, tier, health, usable, warmth, in_flight,
// picks, share, share_wanted, share_ratio, at}], at}]}. Picks and share are since the start,
// share_wanted is of the first tier; share_ratio is of the last minute, null where there is none.
std::string upstreams_json(const Policy& policy, const NameTable& names,
                           const exporting::MetricsSnapshot& counts, const UpstreamState& state);

// {"revision", "limits": [{name, key, rate, rate_per_s, burst, mode, before_auth, overrides,
// learned: {times, floor, callers} or null, passed, refused, would_have_refused, routes, at}]};
// `learned`, of the Conditions: callers that have a rate of their own are counted in it.
std::string limits_json(const Policy& policy, const NameTable& names,
                        const exporting::MetricsSnapshot& counts,
                        const LearnedRates* learned = nullptr);

std::string key_text(std::span<const KeyPart> key,
                     const Policy& policy);  // "caller", "header:x-tenant + route"
std::string place_text(const Policy& policy,
                       const Source& source);  // "gateway.yaml:14", "" for a default

}  // namespace weir::control
