// Replay: recorded arrivals decided again, in virtual time, by the same decide that decided them live. Fresh state: all
// limits full, cursors at their start, as at the start of the recording.
//   Replay                  one policy driven over arrivals, which come in the order of replay
//   compare_with_recorded   the same policy again: every verdict must be the one that was recorded
//   compare_policies        two policies over the same arrivals: who is hurt by going from one to the other
// A request that cannot be judged is counted with its reason and belongs to no other number; it still charges limits
// where that is possible, because leaving it out would make shared limits look emptier than they were.
// One difference between live and replay is allowed: workers charge a shared limit in another order than their stamps.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "model/conditions.h"
#include "model/names.h"
#include "model/policy.h"
#include "model/verdict.h"
#include "record/recording.h"
#include "replay/decider.h"
#include "replay/rebuild.h"

namespace weir::replay {

using ReplayOptions = DeciderOptions;

class Replay {
 public:
  // All must outlive it.
  Replay(const Policy& policy, const NameTable& names, const record::Recording& recording, ReplayOptions options);
  ~Replay();

  using Answer = Decider::Answer;
  Answer decide(const record::RecordedArrival& arrival);
  // Many in their order, kBatch at most: decided(i, seen) is told what came of the i-th.
  template <class Decided>
  void decide(std::span<const record::RecordedArrival> arrivals, const Decided& decided) {
    rebuilder_.rebuild(arrivals, rebuilt_);
    decider_.decide(
        arrivals.size(),
        [&](std::size_t i) {
          const record::RecordedArrival& arrival = arrivals[i];
          return Decider::Question{.event = {.stamp = arrival.stamp, .exchange = arrival.exchange},
                                   .rebuilt = &rebuilt_[i],
                                   .conditions = &conditions_.of(arrival)};
        },
        [&](std::size_t i, const Decider::Seen& seen, std::span<const decide::AskedLimit>) { decided(i, seen); });
  }

 private:
  Rebuilder rebuilder_;
  Decider decider_;
  ConditionsThen conditions_;
  std::vector<Rebuilt> rebuilt_ = std::vector<Rebuilt>(kBatch);
};

using UnjudgedCounts = std::array<std::uint64_t, static_cast<std::size_t>(Unjudged::count_)>;   // [none] stays 0

// What one arrival came to, by name.
struct Outcome {
  Cause cause = Cause::none;
  std::string route, rule;
  friend bool operator==(const Outcome&, const Outcome&) = default;
};

struct Mismatch {
  ExchangeId exchange;
  Stamp stamp;
  Outcome recorded, decided;
  friend bool operator==(const Mismatch&, const Mismatch&) = default;
};

struct ExactReport {
  static constexpr std::size_t kExamples = 20;
  std::uint64_t arrivals = 0;           // under this revision
  std::uint64_t other_revisions = 0;    // skipped
  std::uint64_t judged = 0, differing = 0;
  UnjudgedCounts unjudged{};
  std::vector<Mismatch> examples;       // the first ones
};

ExactReport compare_with_recorded(const Policy& policy, const NameTable& names, const record::Recording& recording,
                                  const ReplayOptions& options);

struct Harm {
  std::uint64_t requests = 0, before_refused = 0, after_refused = 0, newly_refused = 0, newly_allowed = 0;
};

struct CallerHarm {
  std::string name;                     // subject of the credential, else the address (IPv6 by /64)
  bool by_address = false;
  Harm harm;
};

struct LimitHarm {
  std::string name;
  std::uint64_t before_refused = 0, after_refused = 0, newly_refused = 0;
  std::uint64_t callers_refused = 0;    // by the policy after
};

struct RouteHarm {
  std::string name;                     // under the policy before, "" where none matched
  Harm harm;
};

struct HarmReport {
  Harm total;
  std::uint64_t callers_active = 0, callers_newly_refused = 0;
  std::vector<CallerHarm> callers;      // only those with a change; most newly refused first, then by name
  std::vector<LimitHarm> limits;        // those that refused anybody, by name
  std::vector<RouteHarm> routes;        // those with requests, by name
  UnjudgedCounts unjudged{};            // under either policy
};

HarmReport compare_policies(const Policy& before, const Policy& after, const NameTable& names,
                            const record::Recording& recording, const ReplayOptions& options);

}  // namespace weir::replay
