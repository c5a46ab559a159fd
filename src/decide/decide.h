// The core: decide, as a state machine over events. It reads nothing but what it is given: a Policy, the Facts of a
// request, the stamp of the event, Conditions, and the State that its driver keeps for it. The same code runs live, as
// second opinion, in replay, in simulation and in `weir explain`.
//
// Order: route -> limits before_auth -> identity -> other limits -> endpoint (DESIGN, "Order inside decide"). Each
// group of limits is all or nothing: look at all, then charge. Ask, never call: when the evidence of identity rules is
// needed, the step is Need::evidence; whoever drives fetches it and calls on_evidence, which continues.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "base/hash.h"
#include "base/ids.h"
#include "base/time.h"
#include "decide/balance.h"
#include "decide/identity.h"
#include "decide/limits.h"
#include "decide/limits/table.h"
#include "decide/retry.h"
#include "decide/route.h"
#include "decide/trace.h"
#include "model/conditions.h"
#include "model/facts.h"
#include "model/policy.h"
#include "model/verdict.h"

namespace weir::decide {

// The stamp of an event, and who it belongs to.
struct At {
  Stamp stamp;
  ExchangeId exchange;
};

// What deciding remembers between requests. `limits` may be shared by all workers, `balancer` belongs to one (and reads
// the shared counts of what is in flight). `seed` is the installation's key: for draws and for the keys of limits and
// callers.
struct State {
  limits::Table& limits;
  Balancer& balancer;
  const Conditions& conditions;
  HashKey seed;
};

enum class Step : std::uint8_t { need_evidence, decided };

// One request being decided. Small, copyable only by its owner; lives as long as the exchange.
class Decision {
 public:
  // `trace`, where given, is told every step in words' worth of facts (weir explain); nothing else changes by it.
  // With `spend` false nothing is charged and no cursor moves: explain and rehearsals.
  struct Options {
    bool spend = true;
    Trace* trace = nullptr;
    AskedLimits* asked = nullptr;   // is told the limits that were asked, and how their buckets stand
  };
  Decision(const Policy& policy, State state, At at, Options options);
  Decision(const Policy& policy, State state, At at) : Decision(policy, state, at, Options{}) {}

  Step on_head(const Facts& facts);
  // The same for who knows already which route match_route finds for these facts: replay meets the same ones often.
  Step on_routed(const Facts& facts, const Matched& matched);
  // One Evidence per Policy::identities, in order. Only after on_head answered need_evidence, with the same facts.
  Step on_evidence(const Facts& facts, std::span<const Evidence> evidence);

  const Verdict& verdict() const { return verdict_; }

  // An attempt at the verdict's endpoint ended at `now`. A connect failure makes this worker avoid the endpoint for a
  // second. Where one more attempt is safe (decide/retry.h) and an endpoint is there for it, it is named here and in
  // verdict().endpoint. At most two attempts follow the first one: one for each reason.
  AttemptVerdict on_attempt_end(const AttemptEnd& end, Stamp now);

 private:
  Step after_identity(const Facts& facts, const Caller& caller, std::span<const Evidence> evidence);
  bool pass_limits(const Facts& facts, const Caller& caller, bool before_auth);
  void act();
  std::optional<EndpointId> pick(std::uint32_t attempt, Stamp now);
  Step refuse(Cause cause, std::uint16_t status = 0);
  const Route& route() const { return policy_.routes[verdict_.route.index()]; }

  const Policy& policy_;
  State state_;
  At at_;
  Options options_;
  Verdict verdict_;
  std::uint32_t attempts_ = 0;
  bool tried_other_ = false;      // after a connect failure
  bool tried_fresh_ = false;      // after a stale connection
};

}  // namespace weir::decide
