// Internet addresses, networks and socket addresses as values: parsed, compared, printed; never resolved here.
//   Address        IPv4 or IPv6 (RFC 4291; IPv4-mapped IPv6 is folded to IPv4 on parsing)
//   Net            an address and a prefix length, CIDR notation (RFC 4632); host bits are cleared
//   SocketAddress  an address with a port, or the path of a unix socket
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace weir {

struct Address {
  enum class Family : std::uint8_t { v4, v6 };
  Family family = Family::v4;
  std::array<std::uint8_t, 16> bytes{};   // IPv4 in the first four

  static Result<Address> parse(std::string_view text);
  static std::optional<Address> parse_v4(std::string_view text);   // dotted decimal only, for who reads many
  static Address v4(std::uint8_t a, std::uint8_t b, std::uint8_t c, std::uint8_t d);
  bool is_loopback() const;
  // The first `prefix` bits kept, the rest zero; prefix is cut to the family's width.
  Address masked(unsigned prefix) const;
  friend auto operator<=>(const Address&, const Address&) = default;
};

struct Net {
  Address address;
  std::uint8_t prefix = 0;

  static Result<Net> parse(std::string_view text);   // "10.0.0.0/8"; a bare address is /32 or /128
  bool contains(const Address& other) const;
  friend auto operator<=>(const Net&, const Net&) = default;
};

struct SocketAddress {
  Address address;
  std::uint16_t port = 0;
  std::string unix_path;   // not empty: a unix socket; address and port mean nothing then

  static Result<SocketAddress> parse(std::string_view text);  // 1.2.3.4:80, [::1]:80, :80 (any v4), unix:/path
  bool is_unix() const { return !unix_path.empty(); }
  friend auto operator<=>(const SocketAddress&, const SocketAddress&) = default;
};

std::string to_string(const Address& address);
// Writes the same, kAddressText bytes at most, and returns the place behind it.
inline constexpr std::size_t kAddressText = 45;
char* put(char* to, const Address& address);
std::string to_string(const Net& net);
std::string to_string(const SocketAddress& address);

}  // namespace weir
