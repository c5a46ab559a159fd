// The authority of a request, host[:port], taken apart and checked (RFC 9110 7.2, RFC 3986 3.2.2),
// without allocation for names and IPv4. Stricter than RFC 3986's reg-name: letters, digits, '-',
// '_' and '.' with no empty label, at most 255 bytes, one trailing dot; no percent-encoding and no
// sub-delims, which no name of a host holds and which readers take differently. IPv6 in brackets,
// without zone. The port may be empty (RFC 3986 3.2.3), else 1 to 65535.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace weir::http {

struct Authority {
  std::string_view host;  // as written, without trailing dot; IPv6 with its brackets
  std::optional<std::uint16_t> port;
  bool ipv6 = false;
};

std::optional<Authority> split_authority(std::string_view text);

// Whether two name the same place: hosts without case, and for a missing port that of http, 80 (RFC
// 9110 4.2.3).
bool same_authority(const Authority& a, const Authority& b);

}  // namespace weir::http
