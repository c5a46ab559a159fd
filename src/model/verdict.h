// Verdict: what decide answered for one request, in numbers small enough to copy into every exchange (<= 256 B);
// names and texts are looked up in the Policy that was asked.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "base/ids.h"
#include "base/time.h"
#include "model/cause.h"
#include "model/policy.h"

namespace weir {

enum class Action : std::uint8_t { forward, redirect, direct_response, refuse };

// The rule that decided, where one did.
struct Rule {
  enum class Kind : std::uint8_t { none, route, limit, auth, timeout, cap, loop, concurrency, overload, breaker, restraint } kind = Kind::none;
  NameId name;
  Source source;
};

// How one limit stood when this request was judged.
struct LimitView {
  LimitId limit;
  bool would_refuse = false;       // also for observing limits
  bool observed = false;           // mode observe: counted, not enforced
  std::uint64_t key_digest = 0;
  std::uint64_t burst = 0;
  std::uint64_t remaining = 0;     // whole requests left after this one
  Nanos retry_after{0};            // until one request would pass; zero when it passed
  Nanos full_after{0};             // until the bucket is full again
};

struct CallerRef {
  enum class Kind : std::uint8_t { address, credential, service } kind = Kind::address;
  IdentityId rule;                 // credential, service
  std::uint64_t digest = 0;        // keyed hash of (rule, subject), or of the address (IPv6 by /64)
};

struct Verdict {
  Action action = Action::refuse;
  Cause cause = Cause::internal_error;
  std::uint16_t status = 0;        // for refusals, redirects, direct responses
  RouteId route;                   // none when no route matched
  UpstreamId upstream;             // forward only
  EndpointId endpoint;             // forward only
  Rule rule;
  CallerRef caller;
  std::optional<LimitView> tightest;      // of the enforced limits on the caller's own key: for RateLimit fields
  std::uint32_t limits_asked = 0;         // bit i: Route::limits[i] applied to this request and was looked at
  std::uint8_t would_refuse_count = 0;    // observing limits that would have refused; the first four are named
  bool asks = false;                      // let pass here; what the route's auth service says comes before it is carried out
  bool expected = false;                  // the refusing limit's `expect` names this caller: a wanted refusal
  std::array<LimitId, 4> would_refuse;
  Nanos retry_after{0};            // already jittered
};

}  // namespace weir
