// The core: decide, as a state machine over events. It reads nothing but what it is given: a Policy, the Facts of a
// request, the stamp of the event, Conditions, and the State that its driver keeps for it. The same code runs live, as
// second opinion, in replay, in simulation and in `weir explain`.
//
// Order: route -> loop -> overrides -> limits before_auth -> identity -> other limits -> admission -> endpoint -> external auth
// Each group of limits is all or nothing: look at all, then charge. Ask, never call: a step names what is needed to
// go on, the evidence of identity rules, the time or the word of an auth service; whoever drives gets it and calls
// on_evidence, on_stamp or on_external_auth, which continues. An auth service is asked last (docs/design/020-external-auth.md):
// all that the gateway says by itself is one event at one stamp, and who is refused by it costs no call.
//
// Evidence may come before the time or after it. Where it costs little, as keys that are looked up here, it comes first: all
// limits are then charged at one stamp, with everything read that they need, and what is charged in one order by several
// workers is stamped in that order (replay goes by stamps). Where it has to be waited for, the time comes first, and limits
// before_auth keep those out who must not cause the waiting.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <utility>

#include "base/hash.h"
#include "base/ids.h"
#include "base/time.h"
#include "decide/admission.h"
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

// What deciding remembers between requests. `limits` may be shared by all workers, `balancer` belongs to one (and reads
// the shared counts of what is in flight). `seed` is the installation's key: for draws and for the keys of limits and
// callers. `asked` is room for one decision between on_head and its end, and says afterwards which limits were asked.
struct State {
  limits::Table& limits;
  AskedLimits& asked;
  Balancer& balancer;
  const Conditions& conditions;
  limits::InFlight& in_flight;
  HashKey seed;
  OwnLoad own = {};
};

enum class Step : std::uint8_t { need_evidence, need_stamp, need_external_auth, decided };

// One request being decided. Lives as long as the exchange, for it holds what is counted as under way.
class Decision {
 public:
  // `trace`, where given, is told every step in words' worth of facts (weir explain); nothing else changes by it.
  // With `spend` false nothing is charged, held or moved: explain and rehearsals. `carried`: what admission answered then, for
  // who decides again.
  struct Options {
    bool spend = true;
    Trace* trace = nullptr;
    const Carried* carried = nullptr;
    const ClientKeys* client = nullptr;   // of Facts::client, where they are known
    bool answers = true;                  // false: nobody is told how full limits are, and Verdict::tightest stays empty
  };
  Decision(const Policy& policy, State state, ExchangeId exchange, Options options);
  Decision(const Policy& policy, State state, ExchangeId exchange) : Decision(policy, state, exchange, Options{}) {}

  // The facts of all calls are the same.
  Step on_head(const Facts& facts);
  // The same for who knows already which route match_route finds for these facts: replay meets the same ones often.
  Step on_routed(const Facts& facts, const Matched& matched);
  // One Evidence per Policy::identities, in order. Only after need_evidence was answered; then need_stamp is.
  Step on_evidence(const Facts& facts, std::span<const Evidence> evidence);
  // After need_stamp, or after need_evidence by who asks limits before_auth first. Then need_evidence is answered where it is
  // missing and they let the request pass; else it is decided.
  Step on_stamp(const Facts& facts, Stamp now);
  // After need_external_auth: what the route's auth service said. The verdict until then is what this gateway says by itself.
  Step on_external_auth(AuthAnswer answer);

  const Verdict& verdict() const { return verdict_; }
  // Who asks, as far as it is known; all of it after on_evidence.
  const CallerRef& caller() const { return known_ ? caller_.ref : verdict_.caller; }
  // Before on_stamp: another policy's verdict is enforced. Limits are charged and cursors move as if this one were, but nothing is
  // counted as under way by it.
  void decides_beside() { beside_ = true; }

  // An attempt at the verdict's endpoint ended at `now`. A connect failure makes this worker avoid the endpoint for a
  // second. Where one more attempt may follow (decide/retry.h) and an endpoint is there for it, it is named here and in
  // verdict().endpoint.
  AttemptVerdict on_attempt_end(const AttemptEnd& end, Stamp now);

  // What it is counted by as under way at its upstream, for who goes on there when the exchange has ended.
  limits::InFlight::Hold hand_over() { return std::move(held_[0]); }

 private:
  LimitQuestion question(const Facts& facts, const Caller& caller) const;
  bool pass_limits(const Facts& facts, const Caller& caller, std::span<AskedLimit> group, Stamp now);
  bool held_back(const Facts& facts);
  Step refuse_blocked(const Restraint& by);
  void know(const Facts& facts, const Caller& caller, std::uint16_t denied);
  void act(const Facts& facts, Stamp now);
  bool admit(const Facts& facts);
  void no_endpoint();
  void hash_for(const Upstream& upstream, const Facts& facts);
  std::optional<EndpointId> pick(std::uint32_t attempt, Stamp now, EndpointId except = EndpointId::none());
  void plan_retry(const AttemptEnd& end, Stamp now, AttemptVerdict& verdict);
  Step refuse(Cause cause, std::uint16_t status = 0);
  const Route& route() const { return policy_.routes[verdict_.route.index()]; }
  const RouteSettings& settings() const { return policy_.settings_of(route()); }

  const Policy& policy_;
  State state_;
  ExchangeId exchange_;
  Options options_;
  Verdict verdict_;
  Caller caller_;                 // once `known_`; views of the evidence, valid until decided
  const Restraint* blocked_ = nullptr;   // by name
  std::uint16_t denied_ = 0;      // what the route's auth answers this caller, or 0
  std::uint8_t before_auth_ = 0;  // so many of the limits gathered are
  bool known_ = false, passed_before_auth_ = false;
  bool beside_ = false;
  Held held_;                     // until the exchange ends
  std::uint32_t retries_ = 0;
  bool tried_fresh_ = false;      // after a stale connection
  std::uint64_t hash_ = 0;        // for ring_hash
};

}  // namespace weir::decide
