// `top`: what happened between two looks at the counters of all workers. Rates of routes, endpoints
// and causes are exact (differences of counters); who the callers are comes from the rings of last
// exchanges, which hold 4,096 a worker: when more finished in between, callers are estimated from
// those, and the JSON says so (exchanges_seen < exchanges). Bounds: `rows` of each kind, most
// first.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "decide/limits/in_flight.h"
#include "export/exchange_ring.h"
#include "export/metrics.h"
#include "model/names.h"
#include "model/policy.h"

namespace weir::control {

struct TopLook {
  WallTime at;
  exporting::MetricsSnapshot counts;
  std::vector<std::uint64_t> finished;  // of each ring
};

struct TopFacts {
  const Policy& policy;
  const NameTable& names;
  const decide::limits::InFlight& in_flight;
  const TopLook& before;
  const TopLook& after;
  std::vector<exporting::KeptExchange>
      exchanges;          // that finished between the two, as far as they are still there
  std::size_t rows = 20;  // of each kind
};

// {"at", "revision", "seconds", "rate", "refused_rate", "failed_rate", "p50_ms", "p99_ms",
//  "in_flight", "exchanges", "exchanges_seen",
//  "routes": [{name, rate, refused_rate, failed_rate, p50_ms, p99_ms}],
//  "callers": [{name, rate, refused_rate}], "callers_seen",
//  "endpoints": [{upstream, endpoint, rate, share, in_flight, p99_ms}],
//  "causes": [{cause, side, rate, rules: []}]}
std::string top_json(const TopFacts& facts);

}  // namespace weir::control
