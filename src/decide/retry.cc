#include "decide/retry.h"

#include <algorithm>
#include <array>

namespace weir::decide {

Retry may_retry(const AttemptEnd& end) {
  if (end.body_spent) return Retry::no;
  if (end.kind == AttemptEnd::Kind::connect_failed) return Retry::other_endpoint;
  const bool stale = end.kind == AttemptEnd::Kind::closed_unanswered && end.reused;
  return stale && end.repeatable ? Retry::fresh_connection : Retry::no;
}

Cause cause_of(AttemptEnd::Kind kind) {
  switch (kind) {
    case AttemptEnd::Kind::answered: return Cause::none;
    case AttemptEnd::Kind::connect_failed: return Cause::connect_failed;
    case AttemptEnd::Kind::closed_unanswered:
    case AttemptEnd::Kind::closed_within: return Cause::upstream_closed;
    case AttemptEnd::Kind::timed_out: return Cause::response_timeout;
    case AttemptEnd::Kind::protocol_error: return Cause::upstream_protocol_error;
  }
  return Cause::internal_error;
}

bool idempotent(std::string_view method) {
  constexpr std::array<std::string_view, 6> kMethods = {"GET", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE"};
  return std::ranges::find(kMethods, method) != kMethods.end();
}

}  // namespace weir::decide
