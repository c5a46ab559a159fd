// Answers that the gateway makes itself: refusals as problem+json (RFC 9457) with Retry-After (RFC 9110 10.2.3),
// Proxy-Status (RFC 9209) and the RateLimit fields; redirects; direct responses. Written into an http::Fields whose
// values live in the arena, and a body.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/time.h"
#include "http/fields.h"
#include "http/violation.h"
#include "model/cause.h"
#include "model/policy.h"
#include "model/verdict.h"
#include "proxy/forward.h"

namespace weir::proxy {

struct Refusal {
  Cause cause = Cause::internal_error;
  std::uint16_t status = 0;           // 0: the cause's own
  std::string_view request_id;
  std::string detail;                 // a sentence; "" for the cause's title alone
  std::string_view rule;              // name of the rule that decided; "" where none did
  std::uint32_t revision = 0;
  http::Violation violation = http::Violation::none;
  Nanos retry_after{0};               // zero: none
  std::string_view allow;             // for 405
  std::string_view challenge;         // for 401: WWW-Authenticate
  bool full = false;                  // rule and revision are shown
};

struct Answer {
  std::uint16_t status = 500;
  http::Fields fields;
  std::string body;
};

// What RFC 9110 and 9457 want for one refusal. `date` and `via` as in every answer.
void write_refusal(const Refusal& refusal, std::string_view date, std::string_view via, Arena& arena, Answer& out);
// RateLimit-Policy and RateLimit (draft-ietf-httpapi-ratelimit-headers) or X-RateLimit-*; nothing when off.
void add_rate_limit_fields(RateLimitFields style, std::string_view limit_name, const Limit& limit, const LimitView& view,
                           Arena& arena, http::Fields& fields);
// IMF-fixdate (RFC 9110 5.6.7), 29 bytes.
std::string http_date(WallTime now);

}  // namespace weir::proxy
