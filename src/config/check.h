// What can only be judged when all is read: names given twice, names that stand for nothing,
// addresses in use, values that contradict each other. Errors only; what is merely unwise is
// lint's. In: the Spec as written (before complete).
#pragma once

#include <chrono>
#include <cstdint>
#include <string_view>
#include <unordered_map>

#include "config/diagnostic.h"
#include "config/spec.h"

namespace weir::config {

// Where a name is defined: index into the list of the Spec. Of a name given twice the first counts.
using NameIndex = std::unordered_map<std::string_view, std::uint32_t>;
struct Names {
  NameIndex identities, limits, concurrency, upstreams;
};

// The views live as long as the Spec.
Names check(const Spec& spec, Diagnostics& diagnostics);

// The admin's unix socket is in `data_dir` of the completed spec, and in `running`, where state is
// kept whatever it says ("": not known yet). No endpoint leads there, and no listener takes its
// place.
void check_admin_socket(const Spec& spec, std::string_view running, Diagnostics& diagnostics);

// Whether calling `endpoint` reaches this gateway's own address `own`, as far as the text tells.
bool leads_to(const EndpointAddress& endpoint, const SocketAddress& own);

// The longest that an empty bucket may take to fill.
constexpr Nanos kLongestFill = std::chrono::hours(366 * 24);
// The burst of a limit that leaves it out: two seconds of its rate, never 1.
std::uint64_t default_burst(Rate rate);
// Requests in two seconds of the rate, rounded up.
std::uint64_t two_seconds_of(Rate rate);

}  // namespace weir::config
