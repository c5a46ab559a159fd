// Facts: everything about one request that a policy may match on, whoever provides it: the live exchange from parsed
// bytes, replay from a recording, explain from a command line. `decide` sees nothing else. Views live as long as the
// call into decide.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/address.h"
#include "base/hash.h"
#include "base/ids.h"
#include "base/time.h"

namespace weir {

// The value of a watched header or query name. A recording may hold only a digest, or nothing at all.
struct WatchedValue {
  enum class State : std::uint8_t { absent, text, digest, unrecorded } state = State::absent;
  std::string_view text;       // when text
  std::uint64_t digest = 0;    // keyed_hash of the text under the installation's key; when text, 0 where nobody hashed it yet
};
constexpr bool has_digest(const WatchedValue& value) {
  return value.state == WatchedValue::State::text || value.state == WatchedValue::State::digest;
}
inline std::uint64_t digest_of(const WatchedValue& value, HashKey seed) {
  return value.state == WatchedValue::State::text && value.digest == 0 ? keyed_hash(seed, value.text) : value.digest;
}

enum class EvidenceResult : std::uint8_t {
  absent,      // the credential was not sent
  valid,
  unknown,     // sent, but no such key
  expired,
  malformed,
  untrusted,   // a service header from outside its networks
};

// What came of one identity rule. Credentials themselves never get here.
struct Evidence {
  EvidenceResult result = EvidenceResult::absent;
  std::string_view subject;                  // name of the key's owner, or of the service
  std::span<const std::string> groups;
};

// What an auth service said of a request. Anything but a whole answer of 2xx, 401 or 403 is no word of its own: unavailable.
enum class AuthResult : std::uint8_t { none, allowed, denied, unavailable };   // none: it was not asked
constexpr std::string_view to_string(AuthResult result) {
  constexpr std::string_view kNames[] = {"none", "allowed", "denied", "unavailable"};
  return kNames[static_cast<std::size_t>(result)];
}
struct AuthAnswer {
  AuthResult result = AuthResult::unavailable;
  std::uint16_t status = 0;                  // denied: 401 or 403; unavailable: 413, 414 or 431 where the request itself was too large to be asked about
};

enum class Protocol : std::uint8_t { http1, http2, other };

struct Facts {
  ListenerId listener{0};
  Protocol protocol = Protocol::http1;
  std::string_view method;
  std::string_view host;                        // canonical, "" when none
  std::string_view path;                        // canonical
  std::string_view query;                       // raw, without '?'
  bool encoded_slash = false;                   // the path holds %2F
  Address client;                               // after trusted_proxies, whole address
  std::uint8_t hops = 0;                        // how often this installation had the request before (decide/loop.h)
  std::optional<Nanos> deadline;                // left when the head was complete, as a trusted peer says
  Nanos waited{0};                              // between its last bytes' arrival and its turn, asked for only where turns are late
  std::span<const WatchedValue> headers;        // parallel to Policy::watched_headers
  std::span<const WatchedValue> queries;        // parallel to Policy::watched_queries
};

}  // namespace weir
