// The head of a request (RFC 9112 3): request line, forms of the target, and what the fields
// together must be: one Host that agrees with the target, one framing, a whole WebSocket upgrade or
// none.
#include <algorithm>
#include <cstring>
#include <optional>

#include "http/authority.h"
#include "http/http1.h"
#include "http/http1_lines.h"
#include "http/scan.h"

namespace weir::http {
namespace {

constexpr std::size_t kMaxMethod = 32;
constexpr std::string_view kVersion = "HTTP/1.1";

// A position in the request line, and where the line must have ended.
struct Cursor {
  const char* at;
  const char* end;
  LineLimit limit;
};

// `cursor.at` stands on a byte that cannot continue its part of the line; a line end here is a part
// too few.
HeadResult line_fault(const Cursor& cursor, Violation otherwise) {
  if (cursor.at == cursor.end) return ended_at(cursor.limit);
  switch (*cursor.at) {
    case '\n':
      return violated(Violation::bare_lf);
    case '\r':
      if (cursor.at + 1 == cursor.end) return ended_at(cursor.limit);
      return violated(cursor.at[1] == '\n' ? Violation::bad_request_line : Violation::bare_cr);
    case ' ':
    case '\t':
      return violated(Violation::bad_request_line);
    default:
      return violated(otherwise);
  }
}

HeadResult read_method(Cursor& cursor, std::string_view& method) {
  const char* const from = cursor.at;
  const char* const last = from + std::min<std::ptrdiff_t>(cursor.end - from, kMaxMethod + 1);
  while (cursor.at != last && scan::in<scan::Token>(*cursor.at)) ++cursor.at;
  const auto length = static_cast<std::size_t>(cursor.at - from);
  if (length > kMaxMethod) return violated(Violation::bad_method);
  if (cursor.at == cursor.end || *cursor.at != ' ' || length == 0)
    return line_fault(cursor, Violation::bad_method);
  method = {from, length};
  ++cursor.at;
  return {.status = ParseStatus::complete};
}

HeadResult read_target(Cursor& cursor, std::string_view& target) {
  const char* const from = cursor.at;
  cursor.at = scan::skip<scan::Target>(from, cursor.end);
  if (cursor.at == cursor.end || *cursor.at != ' ' || cursor.at == from) {
    return line_fault(cursor, Violation::bad_target);
  }
  target = {from, static_cast<std::size_t>(cursor.at - from)};
  ++cursor.at;
  return {.status = ParseStatus::complete};
}

HeadResult read_version(Cursor& cursor, Version& version) {
  const char* const from = cursor.at;
  constexpr std::string_view kUsual = "HTTP/1.1\r\n";
  if (std::string_view(from, cursor.end).starts_with(kUsual)) {
    cursor.at += kUsual.size();
    version = Version::http11;
    return {.status = ParseStatus::complete};
  }
  for (std::size_t i = 0; i < kVersion.size(); ++i, ++cursor.at) {
    if (cursor.at == cursor.end) return ended_at(cursor.limit);
    const bool digit = i == 5 || i == 7;
    const char c = *cursor.at;
    if (digit ? c < '0' || c > '9' : c != kVersion[i])
      return line_fault(cursor, Violation::bad_version);
  }
  if (cursor.end - cursor.at < 2 || cursor.at[0] != '\r' || cursor.at[1] != '\n') {
    return line_fault(cursor, Violation::bad_version);
  }
  cursor.at += 2;
  if (from[5] != '1' || from[7] > '1') return violated(Violation::version_not_supported);
  version = from[7] == '1' ? Version::http11 : Version::http10;
  return {.status = ParseStatus::complete};
}

void split_query(std::string_view rest, RequestHead& head) {
  const std::size_t mark = rest.find('?');
  head.has_query = mark != std::string_view::npos;
  head.path = rest.substr(0, mark);
  head.query = head.has_query ? rest.substr(mark + 1) : std::string_view();
}

// RFC 9112 3.2: which of the four forms, and its parts. authority-form is CONNECT's and refused
// with it.
Violation read_form(RequestHead& head) {
  if (head.method == "CONNECT") return Violation::connect_refused;
  head.authority = {};
  if (head.target.front() == '/') {
    split_query(head.target, head);
    return Violation::none;
  }
  if (head.target == "*") {
    split_query(head.target, head);
    return head.method == "OPTIONS" ? Violation::none : Violation::bad_target;
  }
  constexpr std::string_view kScheme = "http://";
  if (head.target.size() < kScheme.size() ||
      !same_name(head.target.substr(0, kScheme.size()), kScheme)) {
    return Violation::bad_target;
  }
  const std::string_view rest = head.target.substr(kScheme.size());
  head.authority = rest.substr(0, rest.find_first_of("/?"));
  if (!split_authority(head.authority)) return Violation::bad_host;
  split_query(rest.substr(head.authority.size()), head);
  // RFC 9112 3.2.1, 3.2.4: an empty path is "/", with OPTIONS and no query it is "*".
  if (head.path.empty()) head.path = head.method == "OPTIONS" && !head.has_query ? "*" : "/";
  return Violation::none;
}

HeadResult read_request_line(std::string_view input, const HeadCaps& caps, std::size_t start,
                             RequestHead& head) {
  const LineLimit limit = line_limit(input, caps, start, Violation::request_line_too_long);
  Cursor cursor{
      .at = input.data() + start, .end = input.data() + std::max(limit.end, start), .limit = limit};
  HeadResult result = read_method(cursor, head.method);
  if (result.status == ParseStatus::complete) result = read_target(cursor, head.target);
  if (result.status == ParseStatus::complete) result = read_version(cursor, head.version);
  if (result.status != ParseStatus::complete) return result;
  if (const Violation fault = read_form(head); fault != Violation::none) return violated(fault);
  result.consumed = static_cast<std::size_t>(cursor.at - input.data());
  return result;
}

// RFC 9112 3.2, 3.2.2: exactly one Host, absent only in HTTP/1.0, and no other place than an
// absolute target names.
Violation settle_host(RequestHead& head, const FieldFacts& facts) {
  if (facts.hosts > 1) return Violation::duplicate_host;
  if (facts.hosts == 0)
    return head.version == Version::http11 ? Violation::missing_host : Violation::none;
  if (head.authority.empty()) {
    head.authority = facts.host;
    return Violation::none;
  }
  if (head.authority == facts.host) return Violation::none;
  const auto target = split_authority(head.authority);
  const auto host = split_authority(facts.host);
  return target && host && same_authority(*target, *host) ? Violation::none
                                                          : Violation::host_conflict;
}

// Sixteen bytes in base64 (RFC 4648 4): 22 characters and two of padding.
bool is_websocket_key(std::string_view key) {
  return key.size() == 24 && key.ends_with("==") &&
         std::all_of(key.begin(), key.end() - 2, [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '+' || c == '/';
         });
}

// RFC 6455 4.1, 4.2.1.
bool is_websocket(const RequestHead& head, const FieldFacts& facts) {
  const Field* key = head.fields.find(FieldId::sec_websocket_key);
  const Field* version = head.fields.find(FieldId::sec_websocket_version);
  return head.method == "GET" && head.version == Version::http11 && head.path != "*" &&
         facts.upgrades == 1 && facts.upgrade_option && head.framing.kind == Framing::Kind::none &&
         key != nullptr && version != nullptr &&
         head.fields.count(FieldId::sec_websocket_key) == 1 &&
         head.fields.count(FieldId::sec_websocket_version) == 1 && is_websocket_key(key->value) &&
         version->value == "13";
}

// What the fields mean together, when all have been read.
Violation settle(RequestHead& head, const FieldFacts& facts) {
  if (const Violation fault = head_fault(facts, head.version); fault != Violation::none)
    return fault;
  if (const Violation fault = settle_host(head, facts); fault != Violation::none) return fault;
  if (facts.expects > 1) return Violation::bad_expect;

  head.framing = {};
  if (facts.encodings > 0) head.framing.kind = Framing::Kind::chunked;
  if (facts.length > 0) head.framing = {.kind = Framing::Kind::length, .length = facts.length};
  head.keep_alive = !facts.close && (head.version == Version::http11 || facts.keep_alive);
  // RFC 9110 10.1.1: ignored in HTTP/1.0, and nothing waits for it without a body.
  head.expect_continue = facts.expects == 1 && head.version == Version::http11 &&
                         head.framing.kind != Framing::Kind::none;
  head.accepts_trailers = facts.trailers;
  head.websocket = facts.upgrades > 0;
  return facts.upgrades == 0 || is_websocket(head, facts) ? Violation::none
                                                          : Violation::bad_websocket_upgrade;
}

}  // namespace

HeadResult RequestParser::parse(std::string_view input, const HeadCaps& caps, RequestHead& head) {
  FieldFacts facts;
  LineState state{.line = line_, .count = fields_};
  if (state.line >
      0) {  // not the first call: what came before is read again only when the head has ended
    const HeadResult rest = read_field_lines(input, caps, Side::request, state, nullptr, facts);
    line_ = state.line;
    fields_ = state.count;
    if (rest.status != ParseStatus::complete) return rest;
    facts = {};
  }

  std::size_t start = 0;
  if (!input.empty() && input[0] == '\r') {
    if (input.size() == 1) return {};
    if (input[1] != '\n') return violated(Violation::bare_cr);
    start = 2;
  }
  const HeadResult first = read_request_line(input, caps, start, head);
  if (first.status != ParseStatus::complete) return first;

  head.fields.clear();
  state = {.line = first.consumed, .count = 0};
  const HeadResult result =
      read_field_lines(input, caps, Side::request, state, &head.fields, facts);
  line_ = state.line;
  fields_ = state.count;
  if (result.status != ParseStatus::complete) return result;
  reset();
  const Violation fault = settle(head, facts);
  return fault == Violation::none ? result : violated(fault);
}

}  // namespace weir::http
