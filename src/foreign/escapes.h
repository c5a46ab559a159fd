// How logs hide bytes that would end a field, undone. Unescaped text is never longer than what was
// escaped; it goes to `out`, which has room for as much. What is no escape stays as it is.
//   backslash  \xHH, \" \\ \n \r \t \b \v \f: nginx escape=default, Apache, ALB
//   quote      \" alone: Traefik's CLF (a backslash is not escaped there)
//   hash       #HH: HAProxy
//   json       RFC 8259 7; a lone half of a surrogate pair becomes U+FFFD
//   doubled    "" inside quotes: RFC 4180
#pragma once

#include <cstdint>
#include <string_view>

namespace weir::foreign {

enum class Escape : std::uint8_t { none, backslash, quote, hash, json, doubled };

// Whether unescape would change anything, as far as can be seen at a glance.
bool has_escapes(std::string_view text, Escape escape);

// Answers the end of what was written.
char* unescape(std::string_view text, Escape escape, char* out);

}  // namespace weir::foreign
