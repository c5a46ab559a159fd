// How a head is read, and why so strictly.
//
// The danger. Two readers of one stream of bytes who disagree on where a message ends are a way in:
// what one takes for a body the other takes for the next request, which then bypasses every check
// of the first (request smuggling). Every such disagreement found so far sits where the grammar
// leaves room or a reader is kind: a length given twice, an unknown Transfer-Encoding, a line ended
// by LF alone, a folded line, a blank before a colon. So nothing here is kind. A head is taken only
// when there is one way to read it, and what is sent on is written anew from the values
// (http1_writer.cc), so that no byte of a peer's spelling reaches the next reader.
//
//   POST / HTTP/1.1
//   Host: a
//   Transfer-Encoding: xchunked
// Beast takes this for a request without a body and what follows for the next one; a server that
// searches the value for "chunked" reads a chunked body. Here it is bad_transfer_encoding (RFC 9112
// 6.1), as is everything but one `chunked`.
//
//   Host : a
// llhttp 8.1 takes this line; others ignore it, or read a name with a blank at its end. Here it is
// space_before_colon (RFC 9112 5.1).
//
// What is refused though a clause would allow it, because no honest peer needs it and readers
// differ on it: an empty element or parameter beside `chunked`, quoted values and blanks in chunk
// extensions, transfer codings other than chunked, versions 1.2 and up, percent-encoding and
// sub-delims in hosts, any Upgrade but websocket, a second Expect. What is taken though a sender
// must not send it: Content-Length or Transfer-Encoding in a 204, which RFC 9112 6.3 lets a reader
// ignore; one empty line before a request (RFC 9112 2.2).
//
// The idea. A line is one pass of three searches: the first byte that is no tchar (must be ':'),
// the first that is no blank, the first that is no field byte (must be CR LF). Sixteen bytes a step
// find it (scan.h); each byte is looked at once, whether it is good or bad, so a refusal costs no
// more than an acceptance.
//
// Cut anywhere. A peer's bytes come in pieces. The answer is a function of the bytes alone:
// parse(prefix) of a fresh parser and of one that was fed byte by byte are the same at every
// prefix, violations too, which are told at the first byte that shows them. Three rules make that
// true without keeping views into a buffer that may move:
//   - the unfinished line is read again from its beginning; at most one line of bounded length is
//     looked at twice;
//   - lines read before are not kept; when the empty line arrives the head is read once more, with
//     fields stored. A head that comes in one piece, nearly every head, is read once;
//   - what a line breaks by itself is told at that line; what lines break together (two Hosts) at
//     the end of the head.
// A violation found late can therefore never hide behind one found early by another cut.
//
// Cost (EPYC, -O2, Google Benchmark, http1_bench.cc): a browser's GET of ten fields and 528 bytes
// 137 ns, the smallest request 37 ns, a response of eight fields 97 ns; Beast without keeping
// anything 326 ns for the first. The same bytes one at a time: 6 us in all, 11 ns a byte. Tried
// without gain: AVX2 for values (134 to 140 ns: the searches are short, what costs is their end);
// so there is one code path and no dispatch.
//
// Sources: RFC 9112, RFC 9110, RFC 6455; the classes of attack catalogued by the HTTP Garden.
// Tested by: violation_test.cc (every rule broken and kept), corpus_test.cc (every cut of every
// seed), and fuzzers against Beast and llhttp (http1_differential_fuzz.h): what is taken here they
// take too and read the same.
#include "http/http1_lines.h"

#include <algorithm>

#include "http/authority.h"
#include "http/scan.h"

namespace weir::http {
namespace {

constexpr std::size_t kMaxConnectionOptions = 32;

bool is_space(char c) { return c == ' ' || c == '\t'; }

// Fields that a peer may not have removed by nominating them in Connection: the gateway itself, or
// whoever reads the message behind it, relies on them (RFC 9110 7.6.1: never a field meant for all
// recipients).
constexpr FieldSet kNeverNominated(FieldId::content_length, FieldId::host,
                                   FieldId::transfer_encoding, FieldId::expect, FieldId::via,
                                   FieldId::forwarded, FieldId::x_forwarded_for,
                                   FieldId::x_forwarded_host, FieldId::x_forwarded_proto,
                                   FieldId::x_request_id, FieldId::traceparent, FieldId::tracestate,
                                   FieldId::proxy_status, FieldId::cdn_loop, FieldId::authorization,
                                   FieldId::content_type, FieldId::date, FieldId::location,
                                   FieldId::cookie, FieldId::set_cookie, FieldId::content_encoding,
                                   FieldId::cache_control, FieldId::origin, FieldId::connection);

bool may_nominate(std::string_view option) {
  constexpr std::string_view kForwarded = "x-forwarded-";
  const FieldId id = field_id(option);
  if (id != FieldId::other) return !kNeverNominated.has(id);
  return option.size() < kForwarded.size() ||
         !same_name(option.substr(0, kForwarded.size()), kForwarded);
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

// What one line alone can break, and what it tells; what lines together can break waits for the end
// of the head, so that the answer does not depend on how the bytes were cut.
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
      if (side ==
          Side::response) {  // a server may offer anything (RFC 9110 7.8); it is not passed on
        facts.websocket = facts.websocket || same_name(value, "websocket");
        return Violation::none;
      }
      [[fallthrough]];
    default:
      return side == Side::request ? note_request_only(id, value, facts) : Violation::none;
  }
}

// The line is broken at `at`, the first byte that cannot belong to its name. Which rule it breaks
// may show only in the bytes behind.
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
      return violated(at == line ? Violation::obs_fold : Violation::space_before_colon);
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

HeadResult read_field_lines(std::string_view input, const HeadCaps& caps, Side side,
                            LineState& state, Fields* fields, FieldFacts& facts) {
  const char* const begin = input.data();
  const std::size_t max_fields = std::min(caps.fields, Fields::kMaxParsed);
  for (;;) {
    const LineLimit limit = line_limit(input, caps, state.line, Violation::line_too_long);
    const char* const line = begin + state.line;
    const char* const end = begin + std::max(limit.end, state.line);
    if (end - line >= 2 && line[0] == '\r' && line[1] == '\n') {
      return {.status = ParseStatus::complete,
              .consumed = state.line + 2,
              .violation = Violation::none};
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
      if (const Violation fault = note(id, text, side, facts); fault != Violation::none)
        return violated(fault);
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
  if (facts.encodings > 0 && version == Version::http10)
    return Violation::transfer_encoding_in_http10;
  return Violation::none;
}

}  // namespace weir::http
