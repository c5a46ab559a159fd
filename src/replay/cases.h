// Cases: requests at stated times from stated callers, decided in virtual time by the decider
// (replay/decider.h), and what has to come of them. What `weir test` runs; values in, values out.
//   in    Case: rows of requests, each `times` requests `every` so often from `at` on, merged by
//         time (at one instant: in the order of writing); expectations for all, or for one row
//   out   CaseOutcome: counts, and each expectation that does not hold, with what came instead and
//         which lines of the configuration decided
// Every case begins anew: limits full, cursors at their start, every endpoint usable but those that
// the case names. Draws are keyed by the number of the request, so a case gives the same on every
// run. A request ends the moment it is decided: nothing is ever in flight.
// Bounds: the requests of a case are walked, never stored; memory is that of the limit table, which
// is sized by the number of requests and never larger than a gateway's.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "model/facts.h"
#include "model/names.h"
#include "model/policy.h"
#include "model/verdict.h"

namespace weir::replay {

// What may be asked about a verdict. Its value is a number: `refused` 0 or 1, a Cause, a status, or
// the NameId of a rule, route, upstream, endpoint or observing limit; the same name is the same
// number.
enum class Aspect : std::uint8_t {
  refused,
  cause,
  status,
  rule,      // a limit, or the route, whichever decided
  refusing,  // the rule that refused
  route,
  upstream,
  endpoint,
  observed,  // a limit with mode observe that would have refused
};

// How many: a count, or a share in thousandths of a percent.
struct AmountExpected {
  static constexpr std::uint64_t kOpen = std::numeric_limits<std::uint64_t>::max();
  bool share = false;
  std::uint64_t low = 0, high = 0;
};

struct CountExpected {
  Aspect aspect = Aspect::refused;
  std::uint64_t value = 0;
  AmountExpected amount;
  std::string text;  // as it was written: "refused: 1"
  Source at;         // in the file of cases
};

struct VerdictExpected {
  enum class Whose : std::uint8_t { each, first, last } whose = Whose::each;
  Aspect aspect = Aspect::refused;
  std::uint64_t value = 0;
  std::string text;
  Source at;
};

struct Expected {
  std::vector<CountExpected> counts;
  std::vector<VerdictExpected> verdicts;
  bool empty() const { return counts.empty() && verdicts.empty(); }
};

struct CaseCredential {
  IdentityId rule;
  EvidenceResult result = EvidenceResult::valid;
  std::string subject;
  std::vector<std::string> groups;
};

struct CaseRow {
  Nanos at{0}, every{0};
  std::uint64_t times = 1;
  std::string method, authority, path, query;  // as a client would send them
  std::vector<std::pair<std::string, std::string>> headers;
  Net clients;  // who connects: its addresses in turn
  std::vector<CaseCredential> credentials;
  std::uint8_t hops = 0;  // Facts::hops
  Expected expected;
  Source at_line;
};

struct Case {
  std::string name;
  Source at_line;
  std::vector<CaseRow> rows;
  std::vector<EndpointId> unusable;
  Expected expected;
};

// A line of the configuration, and how many requests it decided how.
struct DecidedBy {
  std::string what;  // "limit_rejected by per-caller", "forwarded by orders"
  Source at;         // in the configuration; line 0: nothing is written there
  std::uint64_t requests = 0;
};

struct CaseFailure {
  Source at;                  // of the expectation
  std::string expected;       // "refused: 1"
  std::string got;            // "0 of 121 requests"
  std::vector<DecidedBy> by;  // most requests first, at most kMostDeciders
};
inline constexpr std::size_t kMostDeciders = 4;

struct CaseOutcome {
  std::uint64_t requests = 0, refused = 0, expectations = 0;
  std::uint64_t untracked = 0;  // let through because the limit table was full, as live
  Nanos span{0};                // virtual time from the first to the last
  std::vector<CaseFailure> failures;
  bool passed() const { return failures.empty(); }
};

class CaseRunner {
 public:
  // Both must outlive it.
  CaseRunner(const Policy& policy, const NameTable& names);
  CaseOutcome run(const Case& what) const;

 private:
  std::size_t limit_cells(const Case& what) const;
  const Policy& policy_;
  const NameTable& names_;
  std::size_t most_limits_ = 1;  // of a route
};

}  // namespace weir::replay
