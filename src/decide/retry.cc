#include "decide/retry.h"

#include <algorithm>
#include <array>

namespace weir::decide {
namespace {

bool wanted(const RetryRules& rules, const AttemptEnd& end) {
  switch (end.kind) {
    case AttemptEnd::Kind::connect_failed: return rules.has(RetryOn::connect_failed);
    case AttemptEnd::Kind::closed_unanswered: return rules.has(RetryOn::closed);
    case AttemptEnd::Kind::timed_out: return rules.has(RetryOn::timeout);
    case AttemptEnd::Kind::answered:
      return (end.status == 502 && rules.has(RetryOn::bad_gateway)) || (end.status == 503 && rules.has(RetryOn::unavailable)) ||
             (end.status == 504 && rules.has(RetryOn::gateway_timeout));
    case AttemptEnd::Kind::closed_within:
    case AttemptEnd::Kind::protocol_error: return false;
  }
  return false;
}

// Counts retries at an upstream; no endpoint has this identity but by a collision of 64 bits.
std::uint64_t retry_identity(const Upstream& upstream) { return mix(0x7265747269657300 ^ upstream.name.value); }

}  // namespace

Retry may_retry(const RetryRules& rules, const AttemptEnd& end) {
  if (end.body_spent) return Retry::no;
  if (end.kind != AttemptEnd::Kind::connect_failed && !end.repeatable) return Retry::no;
  if (end.kind == AttemptEnd::Kind::closed_unanswered && end.reused) return Retry::fresh_connection;
  return wanted(rules, end) ? Retry::again : Retry::no;
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

std::optional<Nanos> retry_wait(const AttemptEnd& end, std::uint32_t made, HashKey seed, ExchangeId exchange) {
  if (end.retry_after && *end.retry_after > kLongestRetryAfter) return std::nullopt;
  if (end.kind == AttemptEnd::Kind::connect_failed && made == 0) return Nanos(0);
  const Nanos most = std::min<Nanos>(kLongestWait, kFirstWait * (std::int64_t{1} << std::min(made, 8u)));
  const Nanos wait(static_cast<std::int64_t>(scale(draw(seed, exchange, Purpose::backoff, made), static_cast<std::uint64_t>(most.count()))));
  return std::max(wait, end.retry_after.value_or(Nanos(0)));
}

std::optional<limits::InFlight::Hold> admit_retry(const RetryRules& rules, const Policy& policy, UpstreamId id,
                                                  limits::InFlight& in_flight) {
  const Upstream& upstream = policy.upstreams[id.index()];
  std::uint64_t active = 0;
  for (std::uint32_t i = 0; i < upstream.endpoint_count; ++i) {
    active += in_flight.count(policy.endpoints[upstream.first_endpoint + i].identity);
  }
  const std::uint64_t share = static_cast<std::uint64_t>(rules.budget_ratio * static_cast<double>(active));
  auto hold = in_flight.enter(retry_identity(upstream));   // counted first: several workers never admit more than fit
  const std::uint64_t now = hold.count();                  // 0: it cannot be counted, and so not be bounded
  if (now == 0 || now > std::max<std::uint64_t>(rules.budget_min, share)) return std::nullopt;
  return hold;
}

}  // namespace weir::decide
