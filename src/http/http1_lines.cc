#include "http/http1_lines.h"

#include <algorithm>

#include "http/authority.h"
#include "http/scan.h"

namespace weir::http {
namespace {

constexpr std::size_t kMaxConnectionOptions = 32;

bool is_space(char c) { return c == ' ' || c == '\t'; }

// Fields that a peer may not have removed by nominating them in Connection: the gateway itself, or whoever reads the
// message behind it, relies on them (RFC 9110 7.6.1: never a field meant for all recipients).
constexpr FieldSet kNeverNominated(FieldId::content_length, FieldId::host, FieldId::transfer_encoding, FieldId::expect,
                                   FieldId::via, FieldId::forwarded, FieldId::x_forwarded_for, FieldId::x_forwarded_host,
                                   FieldId::x_forwarded_proto, FieldId::x_request_id, FieldId::traceparent,
                                   FieldId::tracestate, FieldId::proxy_status, FieldId::cdn_loop,
                                   FieldId::authorization, FieldId::content_type, FieldId::date, FieldId::location,
                                   FieldId::cookie, FieldId::set_cookie, FieldId::content_encoding,
                                   FieldId::cache_control, FieldId::origin, FieldId::connection);

bool may_nominate(std::string_view option) {
  constexpr std::string_view kForwarded = "x-forwarded-";
  const FieldId id = field_id(option);
  if (id != FieldId::other) return !kNeverNominated.has(id);
  return option.size() < kForwarded.size() || !same_name(option.substr(0, kForwarded.size()), kForwarded);
}

// RFC 9110 7.6.1.
Violation read_connection(std::string_view value, FieldFacts& facts) {
  std::size_t options = 0;
  const bool good = each_element(value, [&](std::string_view option) {
    if (++options > kMaxConnectionOptions) return false;
    const FieldId id = field_id(option);
    if (id == FieldId::keep_alive) {
      facts.keep_alive = true;
    } else if (id == FieldId::upgrade) {
      facts.upgrade_option = true;
    } else if (same_name(option, "close")) {
      facts.close = true;
    } else {
      const char* end = option.data() + option.size();
      return scan::skip<scan::Token>(option.data(), end) == end && may_nominate(option);
    }
    return true;
  });
  facts.connection_options = static_cast<std::uint16_t>(facts.connection_options + options);
  return good ? Violation::none : Violation::bad_connection;
}

// RFC 9110 8.6: digits only. 18 of them fit in 63 bits whatever they are.
Violation read_content_length(std::string_view value, FieldFacts& facts) {
  if (value.find(',') != std::string_view::npos) return Violation::repeated_content_length;
  if (value.empty() || value.size() > 18) return Violation::bad_content_length;
  std::uint64_t length = 0;
  for (const char c : value) {
    if (c < '0' || c > '9') return Violation::bad_content_length;
    length = length * 10 + static_cast<std::uint64_t>(c - '0');
  }
  facts.length = length;
  ++facts.lengths;
  return Violation::none;
}

// What one line alone can break, and what it tells; what lines together can break waits for the end of the head, so
// that the answer does not depend on how the bytes were cut.
Violation note_request_only(FieldId id, std::string_view value, FieldFacts& facts) {
  switch (id) {
    case FieldId::host:
      if (!split_authority(value)) return Violation::bad_host;
      facts.host = value;
      ++facts.hosts;
      return Violation::none;
    case FieldId::te:
      each_element(value, [&](std::string_view coding) {
        if (same_name(coding, "trailers")) facts.trailers = true;
        return true;
      });
      return Violation::none;
    case FieldId::upgrade:
      ++facts.upgrades;
      facts.websocket = same_name(value, "websocket");
      return facts.websocket ? Violation::none : Violation::upgrade_refused;
    case FieldId::expect:
      ++facts.expects;
      return same_name(value, "100-continue") ? Violation::none : Violation::bad_expect;
    default:
      return Violation::none;
  }
}

Violation note(FieldId id, std::string_view value, Side side, FieldFacts& facts) {
  switch (id) {
    case FieldId::connection:
      return read_connection(value, facts);
    case FieldId::content_length:
      return read_content_length(value, facts);
    case FieldId::transfer_encoding:
      ++facts.encodings;
      return same_name(value, "chunked") ? Violation::none : Violation::bad_transfer_encoding;
    case FieldId::upgrade:
      if (side == Side::response) {   // a server may offer anything (RFC 9110 7.8); it is not passed on
        facts.websocket = facts.websocket || same_name(value, "websocket");
        return Violation::none;
      }
      [[fallthrough]];
    default:
      return side == Side::request ? note_request_only(id, value, facts) : Violation::none;
  }
}

// The line is broken at `at`, the first byte that cannot belong to its name. Which rule it breaks may show only in the
// bytes behind.
HeadResult name_fault(const char* line, const char* at, const char* end, const LineLimit& limit) {
  if (at == end) return ended_at(limit);
  switch (*at) {
    case ':':
      return violated(Violation::empty_field_name);
    case '\n':
      return violated(Violation::bare_lf);
    case '\r':
      if (at + 1 == end) return ended_at(limit);
      return violated(at[1] == '\n' ? Violation::missing_colon : Violation::bare_cr);
    case ' ':
    case '\t':
      if (at == line) return violated(Violation::obs_fold);
      while (at != end && is_space(*at)) ++at;
      if (at == end) return ended_at(limit);
      return violated(*at == ':' ? Violation::space_before_colon : Violation::bad_field_name);
    default:
      return violated(Violation::bad_field_name);
  }
}

HeadResult value_fault(const char* at, const char* end, const LineLimit& limit) {
  if (at == end) return ended_at(limit);
  if (*at == '\n') return violated(Violation::bare_lf);
  if (*at != '\r') return violated(Violation::bad_field_value);
  return at + 1 == end ? ended_at(limit) : violated(Violation::bare_cr);
}

}  // namespace

HeadResult read_field_lines(std::string_view input, const HeadCaps& caps, Side side, LineState& state, Fields* fields,
                            FieldFacts& facts) {
  const char* const begin = input.data();
  const std::size_t max_fields = std::min(caps.fields, Fields::kMax);
  for (;;) {
    const LineLimit limit = line_limit(input, caps, state.line, Violation::line_too_long);
    const char* const line = begin + state.line;
    const char* const end = begin + std::max(limit.end, state.line);
    if (end - line >= 2 && line[0] == '\r' && line[1] == '\n') {
      return {.status = ParseStatus::complete, .consumed = state.line + 2, .violation = Violation::none};
    }
    const char* const colon = scan::skip<scan::Token>(line, end);
    if (colon == end || *colon != ':' || colon == line) {
      // An unfinished CR LF that would end the head is looked at again, like any unfinished line.
      return name_fault(line, colon, end, limit);
    }
    const char* value = colon + 1;
    while (value != end && is_space(*value)) ++value;
    const char* const stop = scan::skip<scan::Value>(value, end);
    if (end - stop < 2 || stop[0] != '\r' || stop[1] != '\n') return value_fault(stop, end, limit);
    const char* value_end = stop;
    while (value_end != value && is_space(value_end[-1])) --value_end;

    if (state.count == max_fields) return violated(Violation::too_many_fields);
    const std::string_view name(line, static_cast<std::size_t>(colon - line));
    const std::string_view text(value, static_cast<std::size_t>(value_end - value));
    const FieldId id = field_id(name);
    if (id != FieldId::other && id <= FieldId::expect) {
      if (const Violation fault = note(id, text, side, facts); fault != Violation::none) return violated(fault);
    }
    if (fields != nullptr) fields->add(name, text, id);
    ++state.count;
    state.line = static_cast<std::size_t>(stop + 2 - begin);
  }
}

Violation head_fault(const FieldFacts& facts, Version version) {
  if (facts.connection_options > kMaxConnectionOptions) return Violation::bad_connection;
  if (facts.encodings > 0 && facts.lengths > 0) return Violation::length_and_transfer_encoding;
  if (facts.lengths > 1) return Violation::repeated_content_length;
  if (facts.encodings > 1) return Violation::bad_transfer_encoding;
  if (facts.encodings > 0 && version == Version::http10) return Violation::transfer_encoding_in_http10;
  return Violation::none;
}

}  // namespace weir::http
