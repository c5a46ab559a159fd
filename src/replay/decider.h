// Decider: one policy with its own state (limits full, cursors at their start), driven in virtual
// time by decide, the same code that decides live. It does not know where requests come from: a
// recording (replay/rebuild.h) and a foreign log (replay/log_facts.h) both bring Facts, and say
// what they do not hold.
//
// Evidence that is not known matters only where somebody asks for it: the route demands a
// credential, or one of its limits counts by caller or treats callers differently. Elsewhere the
// request is judged as one without credentials.
//
// A request that cannot be judged still charges limits where that is possible, because leaving it
// out would make shared limits look emptier than they were.
//
// Where many requests are there at once they are decided in two halves, as live does it: what one
// will ask is gathered while those before it are decided, so that its route and its buckets are near
// when it is charged. Charged are they in their order.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/hash.h"
#include "decide/balance.h"
#include "decide/decide.h"
#include "decide/limits.h"
#include "decide/limits/in_flight.h"
#include "decide/limits/table.h"
#include "decide/route.h"
#include "model/conditions.h"
#include "model/facts.h"
#include "model/policy.h"
#include "model/shapes.h"
#include "model/verdict.h"

namespace weir::replay {

// Why a request cannot be judged.
enum class Unjudged : std::uint8_t {
  none,
  no_facts,    // bytes that never became a request: no policy is asked about those
  shape_lost,  // the text of a shape is missing
  path,        // a literal of this policy could have stood where only a class was recorded
  value,       // a header or query value decides, and was not recorded
  identity,    // an identity rule asks for evidence that was not recorded
  address,     // a limit asks for more of the address than was recorded
  host,        // a route asks for the host, and it was not recorded
  hops,        // it carried marks of loops, and how often it had been here was not recorded
  external_auth,   // an auth service would be asked, and none was
  learned,     // a limit goes by the past of its callers, and nothing says what was known of it then
  count_,
};
std::string_view to_string(Unjudged why);

// Requests that are looked at together, at most.
inline constexpr std::size_t kBatch = 256;
// What is handed out of what is kept for them stays so long: some batches are on their way at once.
inline constexpr std::size_t kKept = 8 * kBatch;

// One request as one policy is asked about it; watched values and evidence are in the order of that
// policy. Where `routed` is given, method, host, path and query may be missing: nothing behind the
// route asks for them.
struct Rebuilt {
  Unjudged why = Unjudged::none;
  Facts facts;
  AddressDetail address = AddressDetail::full;
  bool is_odd = false;      // no request that a route could have taken: it spends what limits its client
  bool evidence_known = false;
  bool asked_auth = false;  // an auth service was asked; what it said then holds, whatever policy asks it
  std::span<const Evidence> evidence;     // parallel to Policy::identities when known
  decide::Carried carried;                // what admission answered then
  std::optional<decide::Matched> routed;  // where it is known already what match_route finds
  std::optional<decide::ClientKeys> client;  // where they were hashed before
};

struct Event {
  Stamp stamp;  // never below that of the event before
  ExchangeId exchange;
};

struct DeciderOptions {
  HashKey seed;                       // of the installation that recorded
  std::size_t limit_cells = 1 << 20;  // as the gateway has
  // How the buckets stand at the beginning, of a table of `limit_cells`; views. Empty: all full.
  std::span<const decide::limits::Table::Placed> owed;
  // Shared with other deciders, as live where one policy follows another; null: its own.
  decide::limits::Table* limits = nullptr;
};

class Decider {
 public:
  Decider(const Policy& policy, DeciderOptions options);

  struct Answer {
    Unjudged why = Unjudged::none;
    Verdict verdict;  // meaningless unless why is none; for identity, its route is known
  };
  Answer decide(const Event& event, const Rebuilt& rebuilt, const Conditions& conditions);
  // The limits that the last decision asked.
  std::span<const decide::AskedLimit> asked() const { return asked_; }

  struct Question {
    Event event;
    const Rebuilt* rebuilt = nullptr;
    const Conditions* conditions = nullptr;
  };
  // An Answer whose verdict stands where it was decided: until the next one is, and it becomes an Answer for who keeps it.
  struct Seen {
    Unjudged why;
    const Verdict& verdict;
    operator Answer() const { return {.why = why, .verdict = verdict}; }
  };
  // Many in their order: question(i) says what the i-th is, decided(i, seen, asked) is told what
  // came of it. Views are good until all are decided.
  template <class Ask, class Decided>
  void decide(std::size_t count, const Ask& question, const Decided& decided) {
    const auto ask = [&](std::size_t i) {
      if (i >= count) return;
      questions_[i % kAsked] = question(i);
      expect_route(*questions_[i % kAsked].rebuilt);
    };
    const auto ahead = [&](std::size_t i) {
      ask(i + kFar);
      if (i + kNear < count) expect_parts(*questions_[(i + kNear) % kAsked].rebuilt);
      if (i < count) begin(questions_[i % kAsked], halves_[i % kAhead]);
    };
    for (std::size_t i = 0; i < kFar; ++i) ask(i);
    for (std::size_t i = 0; i < kAhead; ++i) ahead(i);
    for (std::size_t i = 0; i < count; ++i) {
      decided(i, end(halves_[i % kAhead]), asked_);
      ahead(i + kAhead);
    }
  }

  decide::limits::Table& table() { return *limits_; }
  // From now on in this one, which is as large; nothing may be half decided.
  void decide_in(decide::limits::Table& limits) { limits_ = &limits; }
  const Policy& policy() const { return policy_; }
  HashKey seed() const { return options_.seed; }

 private:
  static constexpr std::size_t kAhead = 16;
  static constexpr std::size_t kFar = 16, kNear = 8;   // before a request's first half its route is asked for, then what that points to
  static constexpr std::size_t kAsked = kAhead + kFar;
  void expect_route(const Rebuilt& rebuilt) const {
    if (rebuilt.routed && rebuilt.routed->route.valid()) decide::expect_route(policy_.routes[rebuilt.routed->route.index()]);
  }
  void expect_parts(const Rebuilt& rebuilt) const {
    if (rebuilt.routed && rebuilt.routed->route.valid()) decide::expect_parts(policy_.routes[rebuilt.routed->route.index()]);
  }
  // A request that was looked at and has charged nothing yet.
  struct Half {
    Question question;
    decide::AskedLimits asked;
    std::optional<decide::Decision> decision;  // none: nothing is known to ask about
    decide::Step step{};
  };
  void begin(const Question& question, Half& half);
  Seen end(Half& half);
  decide::Balancer& balancer(WorkerId worker);
  Unjudged what_limits_miss(const Rebuilt& rebuilt, const Verdict& verdict) const;
  bool misses_past(const Conditions& conditions) const;

  const Policy& policy_;
  DeciderOptions options_;
  std::vector<bool> asks_who_;  // by route
  bool learns_ = false;         // some limit
  std::vector<Evidence> no_evidence_;
  std::unique_ptr<decide::limits::Table> own_limits_;
  decide::limits::Table* limits_;
  decide::limits::InFlight in_flight_;
  std::array<Question, kAsked> questions_;
  std::array<Half, kAhead> halves_;
  std::span<const decide::AskedLimit> asked_;                 // of one of them
  std::vector<std::unique_ptr<decide::Balancer>> balancers_;  // by worker
};

// Whether the endpoint of a verdict that forwards is what this policy would pick, as far as picks can be decided again: those of
// peak_ewma go by latencies that nobody had, those of ring_hash by a key that may not be recorded.
enum class PickKnown : std::uint8_t { yes, latencies, key };
PickKnown pick_known(const Policy& policy, const Verdict& verdict, const Rebuilt& rebuilt);

// Every endpoint of the policy usable, no caller with a past: where nothing else was recorded.
Conditions all_usable(const Policy& policy);

}  // namespace weir::replay
