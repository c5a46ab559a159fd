// The one canonical request: the path and the host by which a request is matched, limited, identified and forwarded,
// so that no two parts of the gateway can read one request in two ways (RFC 3986 6.2.2, RFC 9110 4.2.3).
//   path  percent-encoding of unreserved bytes decoded, hex digits upper case, "." and ".." removed (above the root: violation),
//         "//" merged, backslash and %5C refused, %00 refused, %2F refused (or kept encoded, by policy), control bytes refused
//   host  lower case, one trailing dot removed, port split off; IPv6 literals in brackets; anything else is bad_host
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
  std::string_view path;   // a view of the input where nothing changed (the common case), else of `storage`
};
CanonicalPath canonical_path(std::string_view path, EncodedSlash slash, std::string& storage);

struct CanonicalHost {
  Violation violation = Violation::none;
  std::string_view host;               // lower case, without port and trailing dot
  std::optional<std::uint16_t> port;
};
CanonicalHost canonical_host(std::string_view authority, std::string& storage);

}  // namespace weir::http
