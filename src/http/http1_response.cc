// The head of a response (RFC 9112 4), as strictly as a request's, and how its body is framed,
// which depends on what was asked (RFC 9112 6.3).
#include <algorithm>

#include "http/http1.h"
#include "http/http1_lines.h"
#include "http/scan.h"

namespace weir::http {
namespace {

// d: a digit. The space behind the code must be there even when no reason follows (RFC 9112 4).
// Tolerating its absence would help no current server that was found, and "HTTP/1.1 200" cut short
// would look like a status line.
constexpr std::string_view kPattern = "HTTP/d.d ddd ";

int digit(char c) { return c - '0'; }

// Fits the pattern, in version 1.1: nearly every answer, in one comparison instead of thirteen.
bool is_usual(const char* line, const char* end) {
  constexpr std::string_view kVersion = "HTTP/1.1 ";
  if (end - line < static_cast<std::ptrdiff_t>(kPattern.size())) return false;
  const auto is_digit = [&](std::size_t at) { return line[at] >= '0' && line[at] <= '9'; };
  return std::string_view(line, kVersion.size()) == kVersion && is_digit(9) && is_digit(10) &&
         is_digit(11) && line[12] == ' ';
}

HeadResult status_line_fault(const char* at, const char* end, const LineLimit& limit,
                             Violation otherwise) {
  if (at == end) return ended_at(limit);
  if (*at == '\n') return violated(Violation::bare_lf);
  if (*at != '\r') return violated(otherwise);
  if (at + 1 == end) return ended_at(limit);
  return violated(at[1] == '\n' ? Violation::bad_status_line : Violation::bare_cr);
}

HeadResult read_status_line(std::string_view input, const HeadCaps& caps, ResponseHead& head) {
  const LineLimit limit = line_limit(input, caps, 0, Violation::line_too_long);
  const char* const line = input.data();
  const char* const end = line + limit.end;
  const char* at = line;
  if (is_usual(line, end)) {
    at += kPattern.size();
  } else {
    for (const char wanted : kPattern) {
      const bool good = at != end && (wanted == 'd' ? *at >= '0' && *at <= '9' : *at == wanted);
      if (!good) return status_line_fault(at, end, limit, Violation::bad_status_line);
      ++at;
    }
  }
  const char* const stop = scan::skip<scan::Value>(at, end);
  if (end - stop < 2 || stop[0] != '\r' || stop[1] != '\n') {
    return status_line_fault(stop, end, limit, Violation::bad_status_line);
  }
  if (line[5] != '1' || line[7] > '1') return violated(Violation::version_not_supported);
  head.version = line[7] == '1' ? Version::http11 : Version::http10;
  head.status =
      static_cast<std::uint16_t>(digit(line[9]) * 100 + digit(line[10]) * 10 + digit(line[11]));
  if (head.status < 100 || head.status > 599) return violated(Violation::bad_status_line);
  head.reason = {at, static_cast<std::size_t>(stop - at)};
  return {.status = ParseStatus::complete, .consumed = static_cast<std::size_t>(stop + 2 - line)};
}

// RFC 9112 6.3, in its order.
Violation settle(ResponseHead& head, const FieldFacts& facts, ResponseParser::Asked asked) {
  if (const Violation fault = head_fault(facts, head.version); fault != Violation::none)
    return fault;

  head.framing = {};
  head.declared_length.reset();
  head.keep_alive = !facts.close && (head.version == Version::http11 || facts.keep_alive);
  if (head.status == 101) {
    const bool wanted =
        asked.upgrade && facts.upgrade_option && facts.websocket && head.version == Version::http11;
    if (!wanted) return Violation::unasked_101;
    head.framing.kind = Framing::Kind::tunnel;
    head.keep_alive = false;
  } else if (head.status < 200 || head.status == 204) {
    // no body, and a length would mean nothing (RFC 9110 8.6)
  } else if (asked.head || head.status == 304) {
    if (facts.lengths > 0) head.declared_length = facts.length;
  } else if (facts.encodings > 0) {
    head.framing.kind = Framing::Kind::chunked;
  } else if (facts.lengths > 0) {
    if (facts.length > 0) head.framing = {.kind = Framing::Kind::length, .length = facts.length};
  } else {
    head.framing.kind = Framing::Kind::until_close;
    head.keep_alive = false;
  }
  return Violation::none;
}

}  // namespace

HeadResult ResponseParser::parse(std::string_view input, const HeadCaps& caps, Asked asked,
                                 ResponseHead& head) {
  FieldFacts facts;
  LineState state{.line = line_, .count = fields_};
  if (state.line > 0) {
    const HeadResult rest = read_field_lines(input, caps, Side::response, state, nullptr, facts);
    line_ = state.line;
    fields_ = state.count;
    if (rest.status != ParseStatus::complete) return rest;
    facts = {};
  }

  const HeadResult first = read_status_line(input, caps, head);
  if (first.status != ParseStatus::complete) return first;

  head.fields.clear();
  state = {.line = first.consumed, .count = 0};
  const HeadResult result =
      read_field_lines(input, caps, Side::response, state, &head.fields, facts);
  line_ = state.line;
  fields_ = state.count;
  if (result.status != ParseStatus::complete) return result;
  reset();
  const Violation fault = settle(head, facts, asked);
  return fault == Violation::none ? result : violated(fault);
}

}  // namespace weir::http
