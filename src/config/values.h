// Single values as people write them, and back: durations, rates, sizes, addresses, patterns. Every
// reader answers with the value or with a Complaint: what is wrong and what would be right. Reading
// what `print` wrote gives the same value. Nothing here knows a key or a place.
//   duration  250ms 10s 5m 24h, whole numbers, above zero, at most 366 days
//   rate      60/s 0.6/s 30/min 1000/h, exact to thousandths, above zero
//   size      512B 16KiB 4MiB 2GiB, above zero
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

#include "base/address.h"
#include "base/units.h"
#include "model/policy.h"

namespace weir::config {

struct Complaint {
  std::string message;
  std::string remedy;
  enum class Kind : std::uint8_t { value, range, never } kind = Kind::value;
};
template <class T>
using Read = std::expected<T, Complaint>;

Read<Nanos> read_duration(std::string_view text);
Read<Rate> read_rate(std::string_view text);
Read<Bytes> read_size(std::string_view text);
Read<Bytes> read_size_rate(std::string_view text);  // 1KiB/s
Read<std::uint64_t> read_count(std::string_view text, std::uint64_t low, std::uint64_t high);

// A part of a whole, in thousandths of a percent: 0.1% is 100.
struct Share {
  static constexpr std::uint64_t kWhole = 100'000;
  std::uint64_t thousandths = 0;
  double of_one() const { return static_cast<double>(thousandths) / kWhole; }
  friend bool operator==(Share, Share) = default;
};
Read<Share> read_share(std::string_view text);  // 0.5%
// "12.5" of "12.5%"; nothing beyond 100 or finer than a thousandth.
std::optional<std::uint64_t> read_thousandths(std::string_view digits);
std::string print_thousandths(std::uint64_t thousandths);

// The status of an answer, 200 to 599.
struct StatusCode {
  std::uint16_t value = 0;
  friend bool operator==(StatusCode, StatusCode) = default;
};
Read<StatusCode> read_status(std::string_view text);

// An address to listen on: 0.0.0.0:8080, [::]:8080, :8080 (any IPv4), unix:/run/weir.sock.
Read<SocketAddress> read_listen_address(std::string_view text);

// Where an upstream is reached: as above with a host, or a name to resolve: orders.internal:8080.
struct EndpointAddress {
  std::string written;    // canonical spelling: what the endpoint is called
  std::string host;       // a name to resolve, or ""
  SocketAddress address;  // the port counts also with a host
  friend bool operator==(const EndpointAddress&, const EndpointAddress&) = default;
};
Read<EndpointAddress> read_endpoint_address(std::string_view text);
Read<Net> read_net(std::string_view text);

// api.example.com or *.example.com, lower case, no port.
Read<std::string> read_host_pattern(std::string_view text);

struct PathPattern {
  RouteMatch::PathKind kind = RouteMatch::PathKind::prefix;
  std::string path = "/";
  friend bool operator==(const PathPattern&, const PathPattern&) = default;
};
// /catalog/* (that and everything below), /catalog (exactly that); in the form in which requests
// are matched.
Read<PathPattern> read_path_pattern(std::string_view text);
Read<std::string> read_path(std::string_view text);  // an absolute path to send, not a pattern
Read<std::string> read_target(
    std::string_view text);  // such a path, and a query where one is written

Read<std::string> read_name(std::string_view text);    // of a listener, limit, upstream, route, …
Read<std::string> read_method(std::string_view text);  // GET
Read<std::string> read_header_name(std::string_view text);   // a field name, RFC 9110 5.1
Read<std::string> read_header_value(std::string_view text);  // RFC 9110 5.5, at most 4 KiB
Read<std::string> read_token(std::string_view text);         // RFC 9110 5.6.2, at most 63 bytes
Read<std::string> read_word(std::string_view text);  // printable, not empty, at most 256 bytes

std::string print_duration(Nanos value);
std::string print_rate(Rate value);
std::string print_size(Bytes value);
std::string print_share(Share value);
std::string print_status(StatusCode value);
std::string print_path_pattern(const PathPattern& value);

}  // namespace weir::config
