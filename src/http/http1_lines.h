// The field lines of a head, shared by requests and responses (RFC 9112 5): lines in, checked
// fields and the facts that decide framing out. Private to the codec.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "http/fields.h"
#include "http/head.h"
#include "http/http1.h"
#include "http/violation.h"

namespace weir::http {

enum class Side : std::uint8_t { request, response };

// What the field lines said about framing and the connection. Counts cannot overflow: a head has at
// most 128 fields.
struct FieldFacts {
  std::string_view host;
  std::uint64_t length = 0;
  std::uint16_t connection_options = 0;
  std::uint8_t hosts = 0;
  std::uint8_t lengths = 0;
  std::uint8_t encodings = 0;
  std::uint8_t upgrades = 0;
  std::uint8_t expects = 0;
  bool close = false;           // Connection: close
  bool keep_alive = false;      // Connection: keep-alive
  bool upgrade_option = false;  // Connection: upgrade
  bool websocket = false;       // Upgrade: websocket
  bool trailers = false;        // TE: trailers
};

// Where reading stands. What is read is a function of the bytes alone, not of how they were cut.
struct LineState {
  std::size_t line = 0;   // where the line begins that is not read yet
  std::size_t count = 0;  // field lines before it
};

// Reads field lines from `state.line` up to and with the empty line. `fields` may be null: then
// lines are only checked.
HeadResult read_field_lines(std::string_view input, const HeadCaps& caps, Side side,
                            LineState& state, Fields* fields, FieldFacts& facts);

// Where the line that begins at `line` must have ended, and what it is when it has not.
struct LineLimit {
  std::size_t end = 0;                    // no byte at or behind it belongs to the line
  Violation violation = Violation::none;  // none: the input ends first, more may come
};
inline LineLimit line_limit(std::string_view input, const HeadCaps& caps, std::size_t line,
                            Violation too_long) {
  LineLimit limit{.end = line + caps.line, .violation = too_long};
  if (caps.head < limit.end) limit = {.end = caps.head, .violation = Violation::head_too_large};
  if (input.size() < limit.end) limit = {.end = input.size(), .violation = Violation::none};
  return limit;
}

inline HeadResult violated(Violation violation) {
  return {.status = ParseStatus::violation, .consumed = 0, .violation = violation};
}
inline HeadResult ended_at(const LineLimit& limit) {
  return limit.violation == Violation::none ? HeadResult{} : violated(limit.violation);
}

// What is wrong with the lines taken together: framing (RFC 9112 6.1 to 6.3), the number of
// connection options.
Violation head_fault(const FieldFacts& facts, Version version);

// The elements of a comma-separated list, without surrounding whitespace, empty ones left out (RFC
// 9110 5.6.1.2). False as soon as `take` answers false.
template <class Take>
bool each_element(std::string_view list, Take take) {
  while (!list.empty()) {
    const std::size_t comma = list.find(',');
    std::string_view element = list.substr(0, comma);
    list.remove_prefix(comma == std::string_view::npos ? list.size() : comma + 1);
    while (!element.empty() && (element.front() == ' ' || element.front() == '\t'))
      element.remove_prefix(1);
    while (!element.empty() && (element.back() == ' ' || element.back() == '\t'))
      element.remove_suffix(1);
    if (!element.empty() && !take(element)) return false;
  }
  return true;
}

}  // namespace weir::http
