// What decide works out once about a policy, before the policy is used: the route index, the pace of each limit, the
// tiers of each upstream. The last step of compiling; after it the policy never changes.
#pragma once

#include "base/result.h"
#include "model/policy.h"

namespace weir::decide {

constexpr std::size_t kMaxEndpointsPerUpstream = 1024;

// Fails only where a stated bound is broken: limits of a route, parts of a key, endpoints of an upstream.
Result<> prepare(Policy& policy);

}  // namespace weir::decide
