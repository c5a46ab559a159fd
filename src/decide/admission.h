// Whether a request that all rules let pass is taken up now: counts of what is under way, asked last because they are given
// back when the exchange ends. In this order:
//   own load      the gateway is itself short of something (decide/own_load.h)
//   waited        its turn comes later than the route's total timeout allows
//   concurrency   the route's concurrency limits, each by its key
//   deadline      what a trusted peer still waits is over, or no longer than the fastest answers of the upstream took
//   open breaker  nothing is sent, so nothing is counted
//   shedding      the upstream's adaptive limit (Conditions): three quarters of it for sheddable routes, all of it for normal
//                 ones, half as much again for critical ones, which go on while the others make room; unknown callers may
//                 fill seven eighths of what known ones of the same priority may
//   breaker       half open with its probes under way; or `max_in_flight` exchanges are
// Counts are exact over all workers: counted first, looked at after. What was under way cannot be decided again: a replay is
// given what admission answered then (Carried).
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "base/hash.h"
#include "base/time.h"
#include "decide/clients.h"
#include "decide/identity.h"
#include "decide/limits/in_flight.h"
#include "decide/own_load.h"
#include "model/cause.h"
#include "model/conditions.h"
#include "model/facts.h"
#include "model/policy.h"
#include "model/verdict.h"

namespace weir::decide {

constexpr Nanos kShedWait = std::chrono::seconds(1);   // Retry-After of what is refused here, jittered later

// What admission answered to a recorded request; cause none: let pass. `rule` is the limit of a concurrency_rejected, or what a
// gateway_overloaded was short of.
struct Carried {
  Cause cause = Cause::none;
  NameId rule;
};
constexpr bool is_admission(Cause cause) {
  return cause == Cause::deadline_expired || cause == Cause::concurrency_rejected || cause == Cause::shed_overload || cause == Cause::breaker_open ||
         cause == Cause::gateway_overloaded;
}

struct AdmissionQuestion {
  const Policy& policy;
  const Route& route;
  UpstreamId upstream;
  const Facts& facts;
  const Caller& caller;
  const Conditions& conditions;
  HashKey seed;
  limits::InFlight& in_flight;
  OwnLoad own;
  bool spend = true;               // false: nothing is counted
  const Carried* carried = nullptr;
  const ClientKeys* client = nullptr;   // of facts.client, where they are known
};

struct NotAdmitted {
  Cause cause = Cause::none;
  Rule rule;
};

// What an exchange holds while it is under way.
using Held = std::array<limits::InFlight::Hold, kMaxConcurrencyPerRoute + 1>;

std::optional<NotAdmitted> admit(const AdmissionQuestion& question, Held& held);

// Under which its exchanges are counted.
std::uint64_t in_flight_identity(const Upstream& upstream);
// How much of an adaptive limit such requests may fill.
std::uint64_t share_of(std::uint32_t limit, Priority priority, bool known = true);
// Every endpoint that could be used has as much under way as its upstream's breaker allows.
bool all_full(const Policy& policy, const Upstream& upstream, const Conditions& conditions, const limits::InFlight& in_flight);

}  // namespace weir::decide
