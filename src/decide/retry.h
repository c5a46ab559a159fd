// Whether a failed attempt may be followed by one more. Two cases only, each once per exchange, neither of which can
// make an upstream do a thing twice:
//   no connection      not one byte was sent: any method, on another endpoint
//   stale connection   a reused connection turned out closed before a byte of the answer came. The upstream may have
//                      read the request, so only requests that may be repeated: idempotent methods (RFC 9110 9.2.2)
//                      none of whose body would have to be sent again; on a fresh connection (RFC 9112 9.3.1)
#pragma once

#include <string_view>

#include "base/ids.h"
#include "model/cause.h"

namespace weir::decide {

// How one attempt ended.
struct AttemptEnd {
  enum class Kind : std::uint8_t {
    answered,           // a whole head came; whatever happens later is not retried
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
};

// What follows. `cause`: of the exchange, if nothing does.
struct AttemptVerdict {
  bool retry = false;
  bool fresh = false;        // on a new connection, never a reused one
  EndpointId endpoint{};
  Cause cause = Cause::none;
};

enum class Retry : std::uint8_t { no, other_endpoint, fresh_connection };

Retry may_retry(const AttemptEnd& end);
Cause cause_of(AttemptEnd::Kind kind);
bool idempotent(std::string_view method);

}  // namespace weir::decide
