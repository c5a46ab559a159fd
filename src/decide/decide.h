// The core: decide, as a state machine over events. It reads nothing but what it is given: a Policy, the Facts of a
// request, the stamp of the event, Conditions, and the State that its driver keeps for it. The same code runs live, as
// second opinion, in replay, in simulation and in `weir explain`.
//
// Order: route -> limits before_auth -> identity -> other limits -> endpoint (DESIGN, "Order inside decide"). Each
// group of limits is all or nothing: look at all, then charge. Ask, never call: when the evidence of identity rules is
// needed, the step is Need::evidence; whoever drives fetches it and calls on_evidence, which continues.
#pragma once

#include <cstdint>
#include <span>

#include "base/hash.h"
#include "base/ids.h"
#include "base/time.h"
#include "decide/balance.h"
#include "decide/limits/table.h"
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

// What deciding remembers between requests. `limits` and `in_flight` may be shared by all workers, `balancer` belongs
// to one. `seed` is the installation's key: for draws and for the keys of limits and callers.
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
  };
  Decision(const Policy& policy, State state, At at, Options options);
  Decision(const Policy& policy, State state, At at) : Decision(policy, state, at, Options{}) {}

  Step on_head(const Facts& facts);
  // One Evidence per Policy::identities, in order. Only after on_head answered need_evidence, with the same facts.
  Step on_evidence(const Facts& facts, std::span<const Evidence> evidence);

  const Verdict& verdict() const { return verdict_; }

 private:
  const Policy& policy_;
  State state_;
  At at_;
  Options options_;
  Verdict verdict_;
};

}  // namespace weir::decide
