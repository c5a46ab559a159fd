// Text of a log field to a value. Nothing here throws or allocates; what is no such value answers
// nothing.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/address.h"
#include "base/time.h"

namespace weir::foreign {

// "-" and "" are how logs say: nothing.
inline bool is_none(std::string_view text) {
  return text.empty() || (text.size() == 1 && text[0] == '-');
}

// Digits only, also followed by ".0" (CSV exports write 200.0).
std::optional<std::uint64_t> read_count(std::string_view text);

// What a number in a log counts.
enum class TimeUnit : std::uint8_t { seconds, milliseconds, microseconds, nanoseconds };

// "0.123" seconds, "15" milliseconds, 1.5e-06: exact to the nanosecond, cut after it. Negative ones
// (-1: never got so far) are nothing.
std::optional<Nanos> read_duration(std::string_view text, TimeUnit unit);

// Go's own notation: 1m2.5s, 357.313µs, 42ms. A number without a unit is in `bare`.
std::optional<Nanos> read_go_duration(std::string_view text, TimeUnit bare);

// nginx $upstream_response_time: "0.010, 0.020 : 0.001", one per upstream tried; the sum. "-" among
// them counts nothing.
std::optional<Nanos> read_duration_list(std::string_view text, TimeUnit unit);

// The last, or the first, of "a, b : c".
std::string_view last_of_list(std::string_view text);
std::string_view first_of_list(std::string_view text);

// 192.0.2.1:443 -> 192.0.2.1; [::1]:443 and [::1] -> ::1; ::1 and names stay as they are.
std::string_view without_port(std::string_view text);
// Where a port always stands: also ::1:443 -> ::1.
std::string_view without_last_port(std::string_view text);

// As Address::parse, without the cost of an error for a host name.
std::optional<Address> read_address(std::string_view text);

}  // namespace weir::foreign
