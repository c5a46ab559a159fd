// Which endpoint of an upstream takes the next attempt. One Balancer belongs to one worker; nothing is shared but the
// counts of what is in flight.
//   round_robin    the upstream's schedule, one slot after another. Each worker starts at another place of it, also
//                  after a change, so that sixteen workers together come out even (see balance.cc)
//   least_request  of two endpoints drawn by weight, the one with less in flight for its weight (Mitzenmacher 2001)
//   random         drawn by weight
//   ring_hash      by what requests have in common (HashRule), each hash to the endpoint that has its slot (hash_slots.h);
//                  with a bound on load to the next of the slot's race while that one has more in flight than `load` times
//                  its share, and more than a few (Mirrokni, Thorup, Zadimoghaddam 2018)
//   peak_ewma      of two endpoints drawn by weight, the one with the smaller (in flight + 1) x latency for its weight; the
//                  latency is what this worker saw (latency.h), one that has answered nothing yet gets one request at a time
// Of the tiers of an upstream the lowest counts in which somebody can take the attempt. Never chosen: weight zero, unusable in
// Conditions, or with as much under way as the breaker gives one endpoint. An endpoint to which this worker could not connect is left
// alone for one second where another is left; one that warms up (Conditions) gives a part of its turns to others. Absent: no
// endpoint can take the attempt.
#pragma once

#include <array>
#include <boost/unordered/unordered_flat_map.hpp>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/hash.h"
#include "base/time.h"
#include "decide/latency.h"
#include "decide/limits/in_flight.h"
#include "decide/trace.h"
#include "model/conditions.h"
#include "model/policy.h"

namespace weir::decide {

constexpr std::size_t kMaxCycle = 4096;
constexpr std::uint64_t kHashFreely = 8;   // in flight at an endpoint, before ring_hash looks at its share
constexpr Nanos kAvoidTime = std::chrono::seconds(1);

// By what is under way or how long it takes: then weights alone do not decide who gets how much, and a replay cannot tell.
constexpr bool goes_by_load(BalanceKind kind) { return kind == BalanceKind::least_request || kind == BalanceKind::peak_ewma; }

// The order in which smooth weighted round robin visits offsets 0..n-1: one cycle of sum(weights)/gcd slots, each
// offset as often as its weight says, spread as evenly as possible. Longer cycles than max(kMaxCycle, n) are scaled
// down: a share is then off by less than 1/kMaxCycle. Empty when all weights are zero. n <= 65535.
std::vector<std::uint16_t> smooth_schedule(std::span<const std::uint32_t> weights);

// The draw among the upstreams of a route.
UpstreamId draw_upstream(std::span<const WeightedUpstream> split, HashKey seed, ExchangeId exchange);

struct PickQuestion {
  const Policy& policy;
  const Upstream& upstream;
  const Conditions& conditions;
  HashKey seed;
  ExchangeId exchange;
  std::uint32_t attempt = 0;
  EndpointId except;              // another one is wanted, where there is one
  Stamp now;
  std::uint64_t hash = 0;         // for ring_hash
  bool spend = true;              // false: no cursor moves
  Trace* trace = nullptr;
};

class Balancer {
 public:
  Balancer(WorkerId worker, const limits::InFlight& in_flight) : worker_(worker.value), in_flight_(in_flight) {}

  std::optional<EndpointId> pick(const PickQuestion& question);

  // An attempt at an endpoint ended, or its answer began: for peak_ewma, which alone asks for it.
  void learn(std::uint64_t endpoint_identity, AttemptResult result, Nanos took, Stamp now);

  // A new policy is in use: forgets the cursors of upstreams and the latencies of endpoints that it does not have. The
  // others go on where they are; a tier whose endpoints or weights changed starts anew at its next pick.
  void on_policy(const Policy& policy);

  // The reflex: this worker could not connect to it.
  void avoid(std::uint64_t endpoint_identity, Stamp now);
  bool avoids(std::uint64_t endpoint_identity, Stamp now) const;

 private:
  static constexpr std::size_t kMaxCursors = 65536, kMaxLatencies = 65536;
  struct Cursor {
    std::uint64_t next = 0;       // slot of the schedule
    std::uint64_t spare = 0;      // slot from which the turns of unusable endpoints are handed out
    std::uint64_t digest = 0;     // of the schedule it walks
    std::uint32_t starts = 0;
  };
  struct Avoided {
    std::uint64_t identity = 0;
    Stamp until;
  };

  Cursor& cursor(const Upstream& upstream, const Tier& tier);
  void start(Cursor& cursor, const Tier& tier) const;
  template <class Usable>
  std::optional<std::uint16_t> choose(const PickQuestion& question, const Tier& tier, const Usable& usable);
  template <class Usable>
  std::optional<std::uint16_t> round_robin(const PickQuestion& question, const Tier& tier, const Usable& usable);
  double cost(std::uint64_t endpoint_identity, Stamp now) const;

  std::uint32_t worker_;
  const limits::InFlight& in_flight_;
  boost::unordered_flat_map<std::uint64_t, Cursor> cursors_;   // by name and tier: a cursor outlives the policy
  boost::unordered_flat_map<std::uint64_t, PeakLatency> latencies_;   // by identity, likewise
  std::array<Avoided, 64> avoided_{};
  std::size_t avoided_next_ = 0;
  Stamp avoided_until_{};                               // nothing is avoided after this
};

}  // namespace weir::decide
