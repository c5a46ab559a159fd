// Where calls go: a URL taken apart, and the rule of who may be loaded. http alone; TLS is not in
// this version.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/address.h"
#include "base/result.h"

namespace weir::load {

struct Target {
  std::string authority;  // as a Host field has it
  std::string host;       // name or address, IPv6 in brackets
  std::uint16_t port = 80;
  std::string path = "/";  // with its query
};
// http://host[:port][/path[?query]]; errors say what to write instead.
Result<Target> read_target(std::string_view url);

// A target as a request line has it: begins with '/', visible ASCII without '#' (RFC 9112 3.2.1),
// at most 8 KiB.
bool is_sendable_target(std::string_view target);

// Loopback, link-local and private networks (RFC 1918, 3927, 4193, 4291, 6598): nobody else's
// machine is loaded by mistake.
bool is_private(const Address& address);

}  // namespace weir::load
