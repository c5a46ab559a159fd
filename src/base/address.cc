#include "base/address.h"

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cstring>

#include "base/put.h"
#include "fmt/core.h"

namespace weir {
namespace {

template <class Int>
bool read_number(std::string_view text, int base, Int& out) {
  if (text.empty()) return false;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out, base);
  return error == std::errc() && end == text.data() + text.size();
}

// Dotted decimal without leading zeros: 010.0.0.1 means two different hosts to two different readers. Logs hold one a line, so
// each part is read as one word, without a branch for how many digits it has.
bool read_v4(std::string_view text, std::uint8_t* out) {
  constexpr std::size_t kShortest = 7, kLongest = 15;
  if (text.size() < kShortest || text.size() > kLongest) return false;
  std::array<char, kLongest + 5> room{};   // zeros behind: a word can be read at each of its places
  if (text.size() >= 8) {
    std::memcpy(room.data(), text.data(), 8);
    std::memcpy(room.data() + text.size() - 8, text.data() + text.size() - 8, 8);
  } else {
    std::memcpy(room.data(), text.data(), kShortest);
  }
  const char* at = room.data();
  for (int part = 0; part < 4; ++part, ++at) {
    std::uint32_t word;
    std::memcpy(&word, at, sizeof(word));
    word ^= 0x30303030;   // digits become 0 to 9
    const std::uint32_t others = (((word & 0x7f7f7f7f) + 0x76767676) | word) & 0x80808080;
    const unsigned size = static_cast<unsigned>(std::countr_zero(others)) / 8;
    if (size == 0 || size > 3) return false;
    word <<= 32 - 8 * size;   // the last one is the highest byte now, and below the first are zeros
    constexpr std::array<std::uint32_t, 4> kLeast{0, 0, 0x0100, 0x010000};   // no leading zero
    constexpr std::uint32_t kMost = 0x020505;
    const std::uint32_t digits = std::byteswap(word);   // a byte each, the first one the highest
    if (digits < kLeast[size] || digits > kMost) return false;
    // 100 x + 10 y + z of x + 256 y + 65536 z: the third byte of a product, whose first two carry nothing (10 x + y < 256).
    out[part] = static_cast<std::uint8_t>((word >> 8) * (100 << 16 | 10 << 8 | 1) >> 16);
    at += size;
    if (part < 3 && *at != '.') return false;
  }
  return at == room.data() + text.size() + 1;
}

// RFC 4291 2.2: eight groups, one "::", an IPv4 tail.
bool read_v6(std::string_view text, std::array<std::uint8_t, 16>& out) {
  std::array<std::uint8_t, 16> groups{};
  std::size_t filled = 0;
  std::ptrdiff_t gap = -1;
  if (text.starts_with("::")) {
    gap = 0;
    text.remove_prefix(2);
  }
  while (!text.empty()) {
    if (filled >= 16) return false;
    const std::size_t colon = text.find(':');
    const std::string_view part = text.substr(0, colon);
    if (colon == std::string_view::npos && part.find('.') != std::string_view::npos) {
      if (filled > 12 || !read_v4(part, groups.data() + filled)) return false;
      filled += 4;
      break;
    }
    unsigned value = 0;
    if (part.size() > 4 || !read_number(part, 16, value)) return false;
    groups[filled++] = static_cast<std::uint8_t>(value >> 8);
    groups[filled++] = static_cast<std::uint8_t>(value & 0xff);
    if (colon == std::string_view::npos) break;
    text.remove_prefix(colon + 1);
    if (text.empty()) return false;   // a single trailing colon
    if (text.front() == ':') {
      if (gap >= 0) return false;
      gap = static_cast<std::ptrdiff_t>(filled);
      text.remove_prefix(1);
    }
  }
  if (gap < 0) {
    if (filled != 16) return false;
    out = groups;
    return true;
  }
  if (filled > 14) return false;
  out.fill(0);
  std::copy_n(groups.begin(), gap, out.begin());
  std::copy(groups.begin() + gap, groups.begin() + static_cast<std::ptrdiff_t>(filled),
            out.end() - (static_cast<std::ptrdiff_t>(filled) - gap));
  return true;
}

bool is_mapped_v4(const std::array<std::uint8_t, 16>& bytes) {
  return std::all_of(bytes.begin(), bytes.begin() + 10, [](auto b) { return b == 0; }) &&
         bytes[10] == 0xff && bytes[11] == 0xff;
}

}  // namespace

std::optional<Address> Address::parse_v4(std::string_view text) {
  Address address;
  if (!read_v4(text, address.bytes.data())) return std::nullopt;
  return address;
}

Result<Address> Address::parse(std::string_view text) {
  Address address;
  if (text.find(':') == std::string_view::npos) {
    if (read_v4(text, address.bytes.data())) return address;
  } else if (read_v6(text, address.bytes)) {
    if (is_mapped_v4(address.bytes)) {
      const auto& b = address.bytes;
      return v4(b[12], b[13], b[14], b[15]);
    }
    address.family = Family::v6;
    return address;
  }
  return fail(ErrorKind::invalid, fmt::format("\"{}\" is not an IP address", text));
}

Address Address::v4(std::uint8_t a, std::uint8_t b, std::uint8_t c, std::uint8_t d) {
  Address address;
  address.bytes = {a, b, c, d};
  return address;
}

bool Address::is_loopback() const {
  if (family == Family::v4) return bytes[0] == 127;
  return std::all_of(bytes.begin(), bytes.end() - 1, [](auto b) { return b == 0; }) && bytes[15] == 1;
}

Address Address::masked(unsigned prefix) const {
  Address result = *this;
  const unsigned width = family == Family::v4 ? 4 : 16;
  for (unsigned i = 0; i < width; ++i) {
    const unsigned kept = prefix > i * 8 ? std::min(8u, prefix - i * 8) : 0;
    result.bytes[i] = static_cast<std::uint8_t>(result.bytes[i] & (0xff00u >> kept));
  }
  return result;
}

Result<Net> Net::parse(std::string_view text) {
  const std::size_t slash = text.find('/');
  const auto address = Address::parse(text.substr(0, slash));
  if (!address) return std::unexpected(address.error());
  const unsigned width = address->family == Address::Family::v4 ? 32 : 128;
  unsigned prefix = width;
  if (slash != std::string_view::npos &&
      (!read_number(text.substr(slash + 1), 10, prefix) || prefix > width)) {
    return fail(ErrorKind::invalid, fmt::format("\"{}\" is not a network (want 10.0.0.0/8)", text));
  }
  return Net{.address = address->masked(prefix), .prefix = static_cast<std::uint8_t>(prefix)};
}

bool Net::contains(const Address& other) const {
  return other.family == address.family && other.masked(prefix) == address;
}

Result<SocketAddress> SocketAddress::parse(std::string_view text) {
  SocketAddress result;
  if (text.starts_with("unix:")) {
    result.unix_path = text.substr(5);
    // sockaddr_un holds 108 bytes with the closing NUL (unix(7)).
    if (!result.unix_path.empty() && result.unix_path.size() < 108) return result;
    return fail(ErrorKind::invalid, fmt::format("\"{}\": a unix path has 1 to 107 bytes", text));
  }
  const auto wrong = [&] {
    return fail(ErrorKind::invalid,
                fmt::format("\"{}\" is not an address with a port (want 127.0.0.1:8080, "
                            "[::1]:8080 or unix:/path)", text));
  };
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return wrong();
  unsigned port = 0;
  if (!read_number(text.substr(colon + 1), 10, port) || port > 65535) return wrong();
  result.port = static_cast<std::uint16_t>(port);
  std::string_view host = text.substr(0, colon);
  if (host.empty()) return result;
  const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  const auto address = Address::parse(host);
  if (!address || bracketed != (host.find(':') != std::string_view::npos)) return wrong();
  result.address = *address;
  return result;
}

// Of every request: without a format string.
char* put(char* to, const Address& address) {
  if (address.family == Address::Family::v6) return put(to, to_string(address));
  for (std::size_t i = 0; i < 4; ++i) {
    if (i > 0) *to++ = '.';
    const unsigned byte = address.bytes[i];
    if (byte >= 100) *to++ = static_cast<char>('0' + byte / 100);
    if (byte >= 10) *to++ = static_cast<char>('0' + byte / 10 % 10);
    *to++ = static_cast<char>('0' + byte % 10);
  }
  return to;
}

std::string to_string(const Address& address) {
  const auto& b = address.bytes;
  if (address.family == Address::Family::v4) {
    std::array<char, kAddressText> text;
    return {text.data(), put(text.data(), address)};
  }
  // RFC 5952: the longest run of two or more zero groups becomes "::", the first of equals.
  std::array<unsigned, 8> groups;
  for (std::size_t i = 0; i < 8; ++i) groups[i] = static_cast<unsigned>(b[2 * i] << 8 | b[2 * i + 1]);
  std::size_t best = 8, best_length = 1;
  for (std::size_t i = 0; i < 8;) {
    std::size_t end = i;
    while (end < 8 && groups[end] == 0) ++end;
    if (end - i > best_length) {
      best = i;
      best_length = end - i;
    }
    i = std::max(end, i + 1);
  }
  std::string text;
  for (std::size_t i = 0; i < 8; ++i) {
    if (i == best) {
      text += "::";
      i += best_length - 1;
      continue;
    }
    if (!text.empty() && text.back() != ':') text += ':';
    text += fmt::format("{:x}", groups[i]);
  }
  return text;
}

std::string to_string(const Net& net) {
  return fmt::format("{}/{}", to_string(net.address), net.prefix);
}

std::string to_string(const SocketAddress& address) {
  if (address.is_unix()) return "unix:" + address.unix_path;
  const std::string host = to_string(address.address);
  return address.address.family == Address::Family::v6 ? fmt::format("[{}]:{}", host, address.port)
                                                       : fmt::format("{}:{}", host, address.port);
}

}  // namespace weir
