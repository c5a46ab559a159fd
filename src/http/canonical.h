// The one canonical request: the path and the host by which a request is matched, limited,
// identified and forwarded, so that no two parts of the gateway can read one request in two ways
// (RFC 3986 6.2.2, RFC 9110 4.2.3).
//   path  percent-encoding of unreserved bytes decoded, hex digits upper case; visible bytes that
//         no path may hold raw ("<>^`{|}[]) encoded; "//" merged, then "." and ".." removed (above
//         the root: bad_path); what some servers take for a dot segment ("..;x") refused; backslash
//         and %5C refused, %00 refused, %2F refused (or kept encoded, by policy); raw control
//         bytes, bytes from 0x80, '?', '#' and broken percent-encodings refused. Decoded once,
//         never twice: %252e stays as it is. "*" stays "*". At most three times as long as it came.
//   host  lower case, one trailing dot removed, port split off; IPv6 literals in brackets and in
//         the spelling of RFC 5952 (IPv4-mapped ones as plain IPv4); anything else is bad_host
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "http/violation.h"

namespace weir::http {

enum class EncodedSlash : std::uint8_t { refuse, keep };

struct CanonicalPath {
  Violation violation = Violation::none;
  std::string_view path =
      {};  // a view of the input where nothing changed (the common case), else of `storage`
};
CanonicalPath canonical_path(std::string_view path, EncodedSlash slash, std::string& storage);

struct CanonicalHost {
  Violation violation = Violation::none;
  std::string_view host = {};  // lower case, without port and trailing dot
  std::optional<std::uint16_t> port = {};
};
CanonicalHost canonical_host(std::string_view authority, std::string& storage);

}  // namespace weir::http
