#include "model/cause.h"

#include <array>
#include <cstddef>

namespace weir {
namespace {

constexpr std::size_t kCauses = static_cast<std::size_t>(Cause::count_);

// In the order of the enum. Proxy-Status errors: RFC 9209 2.3.
constexpr std::array<CauseInfo, kCauses> kTable = {{
    {"none", "-", 0, Side::none, "answered by the upstream", ""},
    {"no_route", "NR", 404, Side::gateway, "No route matches this request", "destination_not_found"},
    {"method_not_allowed", "NM", 405, Side::client, "No route for this path takes this method", "http_request_denied"},
    {"limit_rejected", "RL", 429, Side::gateway, "A rate limit refused this request", "http_request_denied"},
    {"concurrency_rejected", "CC", 429, Side::gateway, "Too many requests at once", "http_request_denied"},
    {"quota_spent", "QU", 429, Side::gateway, "The quota is spent", "http_request_denied"},
    {"shed_overload", "SHD", 503, Side::gateway, "Shed while overloaded", "connection_limit_reached"},
    {"breaker_open", "UO", 503, Side::gateway, "The upstream's breaker is open", "connection_limit_reached"},
    {"no_healthy_endpoint", "UH", 503, Side::upstream, "No endpoint of the upstream is usable", "destination_unavailable"},
    {"retries_exhausted", "URX", 502, Side::upstream, "Every attempt failed", "destination_unavailable"},
    {"retry_budget_spent", "BUDG", 502, Side::upstream, "The attempt failed and the retry budget is spent", "destination_unavailable"},
    {"deadline_expired", "DLX", 504, Side::gateway, "The deadline passed", "http_response_timeout"},
    {"auth_denied", "UA", 401, Side::client, "Valid credentials are required", "http_request_denied"},
    {"auth_unavailable", "AUT", 503, Side::gateway, "The authentication service did not answer", "destination_unavailable"},
    {"caller_capped", "QRN", 429, Side::gateway, "This caller is capped for now", "http_request_denied"},
    {"connect_failed", "UF", 502, Side::upstream, "Could not connect to the upstream", "connection_refused"},
    {"response_timeout", "UT", 504, Side::upstream, "The upstream did not answer in time", "http_response_timeout"},
    {"upstream_closed", "UC", 502, Side::upstream, "The upstream closed before it answered", "connection_terminated"},
    {"upstream_protocol_error", "UPE", 502, Side::upstream, "The upstream broke the protocol", "http_protocol_error"},
    {"body_truncated", "BT", 0, Side::upstream, "The upstream cut its answer short", "http_response_incomplete"},
    {"upstream_error", "U5", 0, Side::upstream, "The upstream answered with an error of its own", ""},
    {"client_gone", "DC", 0, Side::client, "The client went away", ""},
    {"bad_request", "DPE", 400, Side::client, "The request breaks HTTP", "http_request_error"},
    {"request_timeout", "DT", 408, Side::client, "The request did not arrive in time", "http_request_error"},
    {"head_too_large", "LH", 431, Side::client, "The request head is too large", "http_request_error"},
    {"body_too_large", "LB", 413, Side::client, "The request body is too large", "http_request_error"},
    {"loop_detected", "LOOP", 508, Side::gateway, "The request went through this gateway too often", "proxy_loop_detected"},
    {"dns_failed", "DF", 502, Side::upstream, "The upstream's name could not be resolved", "dns_error"},
    {"draining", "DR", 503, Side::gateway, "The gateway is shutting down", "proxy_internal_response"},
    {"gateway_overloaded", "OM", 503, Side::gateway, "The gateway is out of resources", "proxy_internal_error"},
    {"internal_error", "IE", 500, Side::gateway, "A fault in the gateway", "proxy_internal_error"},
    {"direct_response", "-", 0, Side::none, "answered by the configuration", ""},
    {"redirect", "-", 0, Side::none, "redirected by the configuration", ""},
    {"cors_preflight", "-", 0, Side::none, "answered as a CORS preflight", ""},
    {"paused", "PSD", 503, Side::gateway, "Paused by an operator for now", "http_request_denied"},
}};
static_assert(!kTable.back().name.empty(), "one row per cause");

}  // namespace

const CauseInfo& info(Cause cause) { return kTable[static_cast<std::size_t>(cause)]; }

std::string_view to_string(Side side) {
  switch (side) {
    case Side::none: return "none";
    case Side::client: return "client";
    case Side::gateway: return "gateway";
    case Side::upstream: return "upstream";
  }
  return "none";
}

std::optional<Cause> cause_from_name(std::string_view name) {
  for (std::size_t i = 0; i < kCauses; ++i) {
    if (kTable[i].name == name) return static_cast<Cause>(i);
  }
  return std::nullopt;
}

}  // namespace weir
