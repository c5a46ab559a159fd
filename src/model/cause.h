// Why an exchange ended as it did. Every answer that the gateway itself makes, and every failed exchange, has one
// cause: a name (also the last part of urn:weir:cause:NAME), a short flag (Envoy's where the meaning is the same), a
// status, the side on which it lies. docs/GLOSSARY.md lists them for people.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace weir {

enum class Cause : std::uint8_t {
  none,   // answered by the upstream without fault
  no_route, method_not_allowed, limit_rejected, concurrency_rejected, quota_spent, shed_overload, breaker_open,
  no_healthy_endpoint, retries_exhausted, retry_budget_spent, deadline_expired, auth_denied, auth_unavailable,
  caller_capped, connect_failed, response_timeout, upstream_closed, upstream_protocol_error, body_truncated,
  upstream_error, client_gone, bad_request, request_timeout, head_too_large, body_too_large, loop_detected,
  dns_failed, draining, gateway_overloaded, internal_error,
  // answers that are not refusals
  direct_response, redirect, cors_preflight,
  paused,   // a refusal again: recordings hold these as numbers, so what is new comes last
  count_,
};

enum class Side : std::uint8_t { none, client, gateway, upstream };

struct CauseInfo {
  std::string_view name;          // limit_rejected
  std::string_view flag;          // RL; "-" for none
  std::uint16_t status;           // what is answered by default; 0: nothing can be answered, or as the upstream sent
  Side side;
  std::string_view title;         // one sentence for problem+json
  std::string_view proxy_error;   // RFC 9209 2.3 error type for Proxy-Status; "" where none fits
};

const CauseInfo& info(Cause cause);
std::string_view to_string(Side side);
std::optional<Cause> cause_from_name(std::string_view name);

}  // namespace weir
