// Result<T>: a value, or an Error that says what failed, on whose side, whether trying again can help, and why.
// For whatever a peer, a file or a user can cause; programmer errors are assertions (base/check.h).
#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace weir {

enum class ErrorKind : std::uint8_t {
  invalid,      // input that breaks a rule
  not_found,
  too_large,    // a stated bound exceeded
  timeout,      // a deadline passed
  refused,      // the peer refused the connection
  unreachable,  // no route, host down, address not available
  reset,        // the peer reset the connection
  closed,       // the peer closed where more was expected
  protocol,     // the peer broke the protocol
  cancelled,    // our own scope ended the wait
  busy,         // in use by another
  permission,
  full,         // disk, table or queue full
  io,           // any other failure of the system
  internal,     // a bug that was counted and survived
};

enum class Origin : std::uint8_t { client, gateway, upstream, config, system };

struct [[nodiscard]] Error {
  ErrorKind kind = ErrorKind::internal;
  Origin origin = Origin::gateway;
  bool retryable = false;
  std::string context;                  // one sentence a person can act on
  std::shared_ptr<const Error> cause;   // what lay beneath, if anything
};

template <class T = void>
using Result = std::expected<T, Error>;

inline std::unexpected<Error> fail(ErrorKind kind, std::string context,
                                   Origin origin = Origin::gateway, bool retryable = false) {
  return std::unexpected(Error{.kind = kind, .origin = origin, .retryable = retryable,
                               .context = std::move(context), .cause = nullptr});
}

// Wraps `cause` into a new sentence; kind, origin and retryability stay those of the cause.
std::unexpected<Error> wrap(Error cause, std::string context);

std::string_view to_string(ErrorKind kind);

// "could not read gateway.yaml: permission denied": the whole chain on one line.
std::string to_string(const Error& error);

}  // namespace weir
