// Who has which slot of the hash: `ring_hash`. Each of kHashSlots slots is a race among the endpoints, run once when a policy
// is prepared: an endpoint's time is drawn from (its identity, the slot) and exponential with its weight as rate, so it is
// first in its share of the slots. Nobody's time depends on anybody else: without an endpoint its own slots go to whoever
// came second there, spread over all the others, and no other slot moves (highest random weight, Thaler and Ravishankar
// 1998; with weights as in Schindelhauer and Schomaker 2005).
//
// A share of p is off by sqrt((1 - p) / (p * kHashSlots)) of itself: ten equal endpoints by 2.3 %, a hundred by 7.8 %, where a
// ring with 160 points for each is off by 7.9 % with any number of them. What was weighed: docs/design/019-balance.md.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "model/policy.h"

namespace weir::decide {

constexpr std::size_t kHashSlots = 1 << 14;

constexpr std::size_t slot_of(std::uint64_t hash) { return hash >> (64 - 14); }

// When an endpoint of this weight, >= 1, arrives in the race for a slot; the first has it.
double arrival(std::uint64_t identity, std::uint32_t weight, std::size_t slot);

// Of kHashSlots slots each its owner among `members`, offsets into `endpoints`; there is at least one.
std::vector<std::uint16_t> slot_owners(std::span<const Endpoint> endpoints, std::span<const std::uint16_t> members);

}  // namespace weir::decide
