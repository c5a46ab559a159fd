// Whether a failed attempt may be followed by one more, so that no upstream does a thing twice that must not be done twice,
// and none is asked more often than it can bear.
//
//   stale connection   a reused connection turned out closed before a byte of the answer came: once per exchange, on a fresh
//                      connection to the same endpoint (RFC 9112 9.3.1), whatever the route says
//   connect_failed     not one byte was sent: any method; this and the others where the route's `retry.on` names them
// All but connect_failed only for requests that may be repeated: idempotent methods (RFC 9110 9.2.2) none of whose body would
// have to be sent again. At most `max_retries` follow the first attempt, at another endpoint where there is one.
//
// Before each but the first after connect_failed there is a wait with full jitter: uniform in [0, 25 ms x 2^n), at most 250 ms
// (as AWS's measurements of 2015 have it). A Retry-After of the upstream is waited for where it is at most a second; a longer
// one says that asking again is not wanted, and the answer is passed on.
//
// Budget: the retries under way at an upstream are at most the larger of `budget_min` and `budget_ratio` of the exchanges
// under way there; counted when one is admitted, given back when its attempt is over. Else a failing upstream would get a
// multiple of its load.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/hash.h"
#include "base/ids.h"
#include "base/time.h"
#include "decide/limits/in_flight.h"
#include "model/cause.h"
#include "model/policy.h"

namespace weir::decide {

constexpr Nanos kFirstWait = std::chrono::milliseconds(25), kLongestWait = std::chrono::milliseconds(250);
constexpr Nanos kLongestRetryAfter = std::chrono::seconds(1);

// How one attempt ended.
struct AttemptEnd {
  enum class Kind : std::uint8_t {
    answered,           // a whole head came; `status` says which. Whatever happens later is not retried
    connect_failed,     // refused, unreachable, timed out, or its name did not resolve
    closed_unanswered,  // closed or reset before a byte of an answer
    closed_within,      // after one, interim answers included
    timed_out,
    protocol_error,
  } kind = Kind::answered;
  EndpointId endpoint{};
  bool reused = false;       // the connection had carried an exchange before
  bool repeatable = false;   // idempotent, and no byte of a body would have to be sent again
  bool body_spent = false;   // bytes of the request's body were taken from the client: they are gone
  std::uint16_t status = 0;
  std::optional<Nanos> retry_after;   // of the answer
};

// What the gateway does about it: one more attempt, or an answer of `cause`; none: what the upstream answered is passed on.
struct AttemptVerdict {
  bool retry = false;
  bool fresh = false;        // on a new connection, never a reused one
  EndpointId endpoint{};
  Cause cause = Cause::none;
  Nanos wait{0};
  limits::InFlight::Hold permit;   // of the budget, for as long as the next attempt lasts
};

enum class Retry : std::uint8_t { no, again, fresh_connection };

Retry may_retry(const RetryRules& rules, const AttemptEnd& end);
Cause cause_of(AttemptEnd::Kind kind);   // none: answered
bool idempotent(std::string_view method);

// `made`: retries before this one. Absent: longer than is waited for.
std::optional<Nanos> retry_wait(const AttemptEnd& end, std::uint32_t made, HashKey seed, ExchangeId exchange);

// Absent: the budget is spent, or there is no place left to count in.
std::optional<limits::InFlight::Hold> admit_retry(const RetryRules& rules, const Policy& policy, UpstreamId upstream,
                                                  limits::InFlight& in_flight);

}  // namespace weir::decide
