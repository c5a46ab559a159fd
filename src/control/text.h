// How numbers, times and lines look in what commands print: at most 100 columns, thousands
// separated, units spelled.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"

namespace weir::control {

inline constexpr std::size_t kColumns = 100;

std::string grouped(std::uint64_t number);           // 25,920,000
std::string rate_text(double per_second);            // 0.4/s, 12/s, 1,234/s
std::string milliseconds_text(double milliseconds);  // 12 µs, 0.12 ms, 3.4 ms, 812 ms, 12.0 s
std::string span_text(double seconds);               // 48 s, 12 m 4 s, 3 h 12 m, 9 d 4 h
std::string bytes_text(std::uint64_t bytes);         // 812 B, 16.0 KiB, 3.2 GiB
std::string counted(std::uint64_t number, std::string_view word);  // 1 route, 2 routes
std::string percent_text(double share);                            // of 0.031: 3.1 %

// RFC 3339, UTC, milliseconds: 2026-10-04T14:30:02.123Z. Empty for the time that means "never".
std::string time_text(WallTime time);

// Characters (code points) of UTF-8.
std::size_t width(std::string_view text);
// Exactly `columns` characters: filled with blanks or cut with "…".
std::string fitted(std::string_view text, std::size_t columns);
// Words of a longer text over as many lines as it takes, each of at most `columns` characters.
std::vector<std::string> wrapped_lines(std::string_view text, std::size_t columns);
// Each line cut to kColumns.
std::string within_columns(std::string_view text);

}  // namespace weir::control
