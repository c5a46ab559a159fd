#include "http/authority.h"

#include <cstddef>

#include "base/address.h"
#include "http/fields.h"
#include "http/scan.h"

namespace weir::http {
namespace {

constexpr std::size_t kMaxHost = 255;  // RFC 1035 2.3.4

// The length of the name at the front of `text`, 0 when an empty label shows it is none.
std::size_t name_length(std::string_view text) {
  const char* const end = scan::skip<scan::Host>(text.data(), text.data() + text.size());
  const auto length = static_cast<std::size_t>(end - text.data());
  return text.starts_with('.') || scan::has_pair(text.substr(0, length), '.') ? 0 : length;
}

// What follows the host: nothing, ":" or ":1234".
bool read_port(std::string_view text, std::optional<std::uint16_t>& port) {
  if (text.empty()) return true;
  if (text.front() != ':' || text.size() > 6) return false;
  text.remove_prefix(1);
  if (text.empty()) return true;
  std::uint32_t value = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return false;
    value = value * 10 + static_cast<std::uint32_t>(c - '0');
  }
  if (value == 0 || value > 65535) return false;
  port = static_cast<std::uint16_t>(value);
  return true;
}

}  // namespace

std::optional<Authority> split_authority(std::string_view text) {
  Authority result;
  std::size_t length = 0;
  if (text.starts_with('[')) {
    const std::size_t close = text.find(']');
    if (close == std::string_view::npos) return std::nullopt;
    const std::string_view literal = text.substr(1, close - 1);
    if (literal.find(':') == std::string_view::npos || literal.size() > 45 ||
        !Address::parse(literal)) {
      return std::nullopt;
    }
    result.ipv6 = true;
    length = close + 1;
  } else {
    length = name_length(text);
    if (length == 0 || length > kMaxHost) return std::nullopt;
  }
  if (!read_port(text.substr(length), result.port)) return std::nullopt;
  result.host = text.substr(0, length);
  if (result.host.ends_with('.')) result.host.remove_suffix(1);
  return result;
}

bool same_authority(const Authority& a, const Authority& b) {
  return a.port.value_or(80) == b.port.value_or(80) && same_name(a.host, b.host);
}

}  // namespace weir::http
