// Transit: what one transfer needs once its policy and its head are gone: the head to send, written once into memory of its own
// because it may wait for a connection or be sent again, and the deadlines that it runs under.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <utility>

#include "base/time.h"
#include "io/loop.h"
#include "model/cause.h"
#include "model/policy.h"
#include "model/verdict.h"
#include "proxy/context.h"
#include "proxy/spare.h"
#include "wire/stream.h"

namespace weir::proxy {

struct Transit {
  explicit Transit(SpareStrings& from) : spare(from) { prepared.bytes = from.take(); }
  ~Transit() { spare.give(std::move(prepared.bytes)); }
  Transit(const Transit&) = delete;
  Transit& operator=(const Transit&) = delete;

  SpareStrings& spare;
  wire::PreparedRequest prepared;
  RouteTimeouts timeouts;
  std::uint64_t key = 0;              // of the endpoint's connections
  bool head_request = false;
  bool has_body = false;
  bool learns = false;                // its balance goes by how long attempts take
  bool repeatable = false;            // idempotent, and no byte of a body would have to be sent again
  std::string_view version_header;    // Upstream::version_header
  std::span<const HeaderOperation> response_headers;   // Route::response_headers
  OptionalTime per_try;               // until the head of an attempt's answer
  Stamp total;                        // kNever where there is no total timeout
  std::string_view deadline_header;   // Policy::deadline_header, in `prepared` where there is a total timeout
  Stamp attempt_began;
};
// Takes the head that `x` holds apart and writes the one to send.
void prepare_transit(Context& x, Request& request, const Verdict& verdict, Transit& transit);
// Less is left by now: after an auth service was asked, and for the next attempt.
void shorten_deadline(Context& x, Transit& transit);
// The record of the attempt under way ends here: with an answer's head, or without one.
void note_attempt(Context& x, const Transit& transit, std::uint16_t status, Cause cause);

inline io::Deadline after(Stamp now, const OptionalTime& time) { return time ? now + time->value : io::kNever; }
inline std::uint64_t key_of(const Context& x, EndpointId endpoint) { return x.policy().endpoints[endpoint.index()].identity; }

}  // namespace weir::proxy
