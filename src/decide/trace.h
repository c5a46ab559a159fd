// Trace: told each step of one decision as facts, so that `weir explain` can say it in words. Costs one null check where
// nobody listens. Ids are those of the policy that is being asked; views live during the call.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/ids.h"
#include "base/time.h"
#include "model/conditions.h"
#include "model/facts.h"
#include "model/policy.h"
#include "model/verdict.h"

namespace weir::decide {

// Why a route was not taken; `chosen` for the one that was.
enum class RouteFit : std::uint8_t { chosen, host, path, method, header, query, less_precise };

struct RouteStep {
  RouteId route{};
  RouteFit fit = RouteFit::chosen;
  std::uint16_t which = 0;         // header, query: which of the route's matches failed
  bool unrecorded = false;         // ... because the recording does not hold the value
};

// How one identity rule was judged.
struct IdentityStep {
  IdentityId rule{};
  EvidenceResult result = EvidenceResult::absent;
  std::string_view subject;
  bool names_caller = false;
};

struct CallerStep {
  CallerRef caller{};
  std::string_view subject{};      // "" for an address
  Address client{};
  const RouteAuth* require = nullptr;   // null: the route needs no credential
  bool satisfied = true;
};

enum class LimitApplies : std::uint8_t { yes, not_for_caller, no_value, value_unrecorded };

struct LimitStep {
  LimitId limit{};
  LimitApplies applies = LimitApplies::yes;
  const LimitOverride* override_taken = nullptr;
  const LearnedRate* learned = nullptr;   // its caller's own
  LimitView view{};                // remaining counts after this request where it passed
  bool before_auth = false;
};

enum class EndpointFit : std::uint8_t { chosen, usable, unusable, avoided, no_weight };

struct EndpointStep {
  EndpointId endpoint{};
  EndpointFit fit = EndpointFit::usable;
  std::uint64_t in_flight = 0;
  bool owner = false;              // ring_hash: has the slot of this request's hash in its tier
};

// ring_hash: what a request is kept together by.
struct HashStep {
  bool by_caller = true;           // false: by the upstream's own key
  LimitApplies missing = LimitApplies::yes;   // why the key was not to be had, so that the caller took its place
  std::uint64_t hash = 0;
  std::size_t slot = 0;            // of kHashSlots
};

class Trace {
 public:
  virtual ~Trace() = default;
  virtual void on_route(const RouteStep&) {}          // every route of the policy, in the order of the file
  virtual void on_identity(const IdentityStep&) {}
  virtual void on_caller(const CallerStep&) {}
  virtual void on_limit(const LimitStep&) {}
  virtual void on_upstream(UpstreamId) {}             // after the split was drawn
  virtual void on_hash(const HashStep&) {}
  virtual void on_endpoint(const EndpointStep&) {}
  virtual void on_external_auth(const ExternalAuth&) {}   // it would be asked now; nobody knows what it says
};

}  // namespace weir::decide
