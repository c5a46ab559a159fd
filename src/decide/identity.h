// Who asks. Judges the evidence that auth/ gathered: the first valid credential, in the order of the identity rules,
// names the caller; an unknown or expired one never does; without one the caller is the client's address, IPv6 by /64.
// In: Evidence parallel to Policy::identities. Out: Caller, whose views are those of the evidence.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/address.h"
#include "base/hash.h"
#include "decide/trace.h"
#include "model/facts.h"
#include "model/policy.h"
#include "model/standing.h"
#include "model/verdict.h"

namespace weir::decide {

struct Caller {
  CallerRef ref;
  std::string_view subject;                 // "" for an address
  std::span<const std::string> groups;
};

using weir::caller_address;

Caller address_caller(const Address& client, HashKey seed);
// CallerRef::digest of whom this rule names so.
std::uint64_t caller_digest(const IdentityRule& rule, std::string_view subject, HashKey seed);
Caller judge(const Policy& policy, const Facts& facts, std::span<const Evidence> evidence, HashKey seed,
             Trace* trace = nullptr);

// What `auth: {require}` of a route says to this evidence: 0 to go on, 401 where no credential was valid, 403 where one
// was, but of none of the required kinds. A valid credential of a required kind is enough, also where an earlier rule
// names the caller.
std::uint16_t denied_status(const RouteAuth& auth, std::span<const Evidence> evidence);

// Whether a set of callers means this one.
bool means(const CallerSet& set, const Caller& caller);
bool fits(const NamePattern& pattern, std::string_view name);

}  // namespace weir::decide
