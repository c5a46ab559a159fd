// One simulated run from its seed: world, gateway, upstreams and clients are made, turned until all is said, checked.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace weir::simulated {

// What becomes of a second policy in the run: it takes all stages; it decides beside and is never enforced; there is none, but what is there
// is published as often.
enum class Second : std::uint8_t { staged, never_enforced, none };

struct RunOptions {
  std::uint64_t seed = 1;
  Second second = Second::staged;
  std::function<void(std::string_view)> trace;   // told every event, as text
};

struct RunResult {
  std::vector<std::string> findings;   // empty: all was well
  std::uint64_t hash = 0;              // of every event; the same seed gives the same
  std::string weather;
  std::size_t second = 0;              // exchanges that two policies decided
  std::size_t exchanges = 0, answered = 0, cut = 0, unanswered = 0, refused = 0;
  std::map<std::string, std::size_t> causes;   // of the records; "late …": what probes found
  double seconds = 0;                  // simulated
};

RunResult simulate(const RunOptions& options);

}  // namespace weir::simulated
