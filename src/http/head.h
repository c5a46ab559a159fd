// The heads of messages as values, the same for every version of HTTP, and how a body is delimited.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "http/fields.h"

namespace weir::http {

enum class Version : std::uint8_t { http10, http11, http2 };

// How the end of a message's body is known (RFC 9112 6).
struct Framing {
  enum class Kind : std::uint8_t {
    none,    // no body at all
    length,  // exactly `length` bytes; length > 0
    chunked,
    until_close,  // responses only
    tunnel,       // after 101: opaque bytes both ways until closed
  };
  Kind kind = Kind::none;
  std::uint64_t length = 0;
  friend bool operator==(const Framing&, const Framing&) = default;
};

struct RequestHead {
  std::string_view method;
  std::string_view target;     // as received: origin, absolute or asterisk form
  std::string_view authority;  // host[:port] as it counts: the absolute form's, else Host's; ""
                               // only in HTTP/1.0 without Host
  std::string_view path;       // path part of the target as received, begins with '/' (or "*")
  std::string_view query;      // without '?'; see has_query
  bool has_query = false;
  Version version = Version::http11;
  Fields fields;
  Framing framing;
  bool keep_alive = true;        // the connection may carry another request after this one
  bool expect_continue = false;  // RFC 9110 10.1.1
  bool websocket = false;  // a well-formed WebSocket upgrade (RFC 6455 4.1); any other Upgrade is a
                           // violation or dropped
  bool accepts_trailers = false;  // TE: trailers
};

struct ResponseHead {
  std::uint16_t status = 0;
  std::string_view reason;
  Version version = Version::http11;
  Fields fields;
  Framing framing;
  // Content-Length where no body follows it: the answer to HEAD, and 304 (RFC 9110 8.6). To pass it
  // on, give the writer Framing{length, declared_length}.
  std::optional<std::uint64_t> declared_length;
  bool keep_alive = true;  // false as well for until_close and tunnel
};

}  // namespace weir::http
