// For fuzzers only: the properties that every input must have, requests and responses alike.
//   cut         however the bytes are cut, weir reads the same
//   agree       what weir takes, Beast and llhttp take too and read the same: method, target,
//               status, fields, body, end; but for kExceptions, each with its clause
//   round trip  what the writers write of what was read, the parser takes and reads the same
// A broken property prints both readings and aborts. Nothing is asked of what weir refuses: a
// gateway may refuse.
#pragma once

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <span>
#include <string>
#include <string_view>

#include "base/hash.h"
#include "http/http1_oracles_fuzz.h"

namespace weir::http::oracle {

enum class Foreign : std::uint8_t { beast, llhttp };

// Where a foreign parser refuses, or reads otherwise, what weir takes with reason.
struct Exception {
  Foreign foreign;
  std::string_view clause;
  std::string_view why;
  bool (*applies)(std::string_view input, Asked asked, const Reading& weir, const Reading& foreign);
};

bool is_llhttp_method(std::string_view method);
bool has_field(const Reading& reading, std::string_view name);
bool has_extension_behind_value(std::string_view input);

inline constexpr Exception kExceptions[] = {
    {Foreign::llhttp, "RFC 9110 9.1",
     "any token is a method; llhttp knows a list and refuses the rest",
     [](std::string_view, Asked asked, const Reading& weir, const Reading&) {
       return asked.request && !is_llhttp_method(weir.method);
     }},
    {Foreign::llhttp, "RFC 9112 6.3",
     "1xx, 204 and 304 have no body whatever their fields say; llhttp leaves that to its "
     "user and would wait for one",
     [](std::string_view, Asked asked, const Reading& weir, const Reading&) {
       return !asked.request && (weir.status < 200 || weir.status == 204 || weir.status == 304);
     }},
    {Foreign::beast, "RFC 9112 2.2",
     "an empty line before the request line is skipped; Beast refuses it",
     [](std::string_view input, Asked asked, const Reading&, const Reading&) {
       return asked.request && input.starts_with("\r\n");
     }},
    {Foreign::beast, "RFC 9112 C.2.2",
     "Proxy-Connection is no field of the standard and is dropped unread; Beast wants a "
     "list of tokens there, as in Connection",
     [](std::string_view, Asked, const Reading& weir, const Reading& foreign) {
       return foreign.why == "bad value" && has_field(weir, "proxy-connection");
     }},
    {Foreign::llhttp, "RFC 9110 5.6.3",
     "a tab is whitespace that may stand around a value; llhttp refuses it beside a length or a "
     "transfer coding",
     [](std::string_view input, Asked, const Reading&, const Reading& foreign) {
       return input.find('\t') != std::string_view::npos &&
              (foreign.why.starts_with("HPE_INVALID_TRANSFER_ENCODING") ||
               foreign.why.starts_with("HPE_INVALID_CONTENT_LENGTH"));
     }},
    {Foreign::llhttp, "RFC 9112 7.1.1",
     "an extension may follow one that has a value, 1;a=b;c; llhttp 8.1 wants ;; there",
     [](std::string_view input, Asked, const Reading&, const Reading& foreign) {
       return foreign.why.starts_with("HPE_INVALID_CHUNK_SIZE") &&
              has_extension_behind_value(input);
     }},
};

inline bool is_llhttp_method(std::string_view method) {
  constexpr std::string_view kKnown[] = {
      "DELETE",   "GET",        "HEAD",     "POST",   "PUT",       "OPTIONS",     "TRACE",
      "COPY",     "LOCK",       "MKCOL",    "MOVE",   "PROPFIND",  "PROPPATCH",   "SEARCH",
      "UNLOCK",   "BIND",       "REBIND",   "UNBIND", "ACL",       "REPORT",      "MKACTIVITY",
      "CHECKOUT", "MERGE",      "M-SEARCH", "NOTIFY", "SUBSCRIBE", "UNSUBSCRIBE", "PATCH",
      "PURGE",    "MKCALENDAR", "LINK",     "UNLINK"};
  return std::find(std::begin(kKnown), std::end(kKnown), method) != std::end(kKnown);
}

inline bool has_field(const Reading& reading, std::string_view name) {
  return std::any_of(reading.fields.begin(), reading.fields.end(),
                     [name](const auto& field) { return same_name(field.first, name); });
}

// ";name=value;" somewhere.
inline bool has_extension_behind_value(std::string_view input) {
  for (std::size_t at = input.find(';'); at != std::string_view::npos;
       at = input.find(';', at + 1)) {
    const std::string_view line = input.substr(at + 1, input.find('\r', at) - at - 1);
    const std::size_t equals = line.find('=');
    if (equals != std::string_view::npos && line.find(';', equals) != std::string_view::npos)
      return true;
  }
  return false;
}

inline void print(std::string_view who, const Reading& reading) {
  constexpr const char* kEnds[] = {"refused", "unfinished", "complete"};
  std::fprintf(stderr,
               "%.*s: %s%s, consumed %zu, %s%s, method '%s' target '%s' status %u, body %zu '%s'\n",
               static_cast<int>(who.size()), who.data(), kEnds[static_cast<int>(reading.end)],
               reading.head ? " with head" : "", reading.consumed,
               info(reading.violation).name.data(), reading.why.c_str(), reading.method.c_str(),
               reading.target.c_str(), reading.status, reading.body.size(), reading.body.c_str());
  for (const auto& [name, value] : reading.fields)
    std::fprintf(stderr, "  '%s': '%s'\n", name.c_str(), value.c_str());
}

[[noreturn]] inline void broken(std::string_view property, std::string_view input,
                                const Reading& weir, std::string_view who, const Reading& other) {
  std::fprintf(stderr, "property broken: %.*s\ninput, %zu bytes:\n%.*s\n",
               static_cast<int>(property.size()), property.data(), input.size(),
               static_cast<int>(input.size()), input.data());
  print("weir", weir);
  print(who, other);
  std::abort();
}

inline void check_agreement(std::string_view input, Asked asked, const Reading& weir,
                            Foreign foreign, std::string_view who, const Reading& other) {
  if (weir.end == End::refused || !weir.head) return;
  for (const Exception& exception : kExceptions) {
    if (exception.foreign == foreign && exception.applies(input, asked, weir, other)) return;
  }
  const bool same = other.end == weir.end && other.head && other.method == weir.method &&
                    other.target == weir.target && other.status == weir.status &&
                    other.fields == weir.fields && other.body == weir.body &&
                    (weir.end != End::complete || other.consumed == weir.consumed);
  if (!same) broken("agree", input, weir, who, other);
}

// What of `fields` a writer passes on.
inline std::vector<std::pair<std::string, std::string>> forwarded(Fields fields) {
  strip_hop_by_hop(fields);
  std::vector<std::pair<std::string, std::string>> result;
  for (const Field& field : fields.all()) result.emplace_back(field.name, field.value);
  return result;
}

// Names and values survive; lines may grow by a space behind the colon, so the second reading has
// wider bounds.
inline constexpr HeadCaps kWideCaps{
    .head = 128 * 1024, .line = 16 * 1024, .fields = Fields::kMaxParsed};

inline void check_request_round_trip(std::string_view input, const Reading& weir,
                                     const RequestHead& head) {
  if (head.fields.count(FieldId::host) == 0)
    return;  // HTTP/1.0: the gateway would refuse or add one
  RequestHead stripped = head;
  strip_hop_by_hop(stripped.fields);
  std::string written;
  if (head.websocket) {
    write_upgrade_request_head(head.target, stripped.fields, written);
  } else {
    write_request_head(head.method, head.target, stripped.fields, head.framing, written);
  }
  static thread_local RequestHead again;
  RequestParser parser;
  const HeadResult result = parser.parse(written, kWideCaps, again);
  const bool same =
      result.status == ParseStatus::complete && result.consumed == written.size() &&
      again.method == head.method && again.target == head.target && again.framing == head.framing &&
      again.version == Version::http11 && again.keep_alive && again.authority == head.authority &&
      again.websocket == head.websocket && forwarded(again.fields) == forwarded(head.fields);
  if (!same)
    broken("round trip of\n" + written, input, weir, "again", {.violation = result.violation});
}

inline void check_response_round_trip(std::string_view input, Asked asked, const Reading& weir,
                                      const ResponseHead& head) {
  ResponseHead stripped = head;
  strip_hop_by_hop(stripped.fields);
  Framing framing = head.framing;
  if (head.declared_length)
    framing = {.kind = Framing::Kind::length, .length = *head.declared_length};
  const bool bodyless = asked.response.head || head.status == 304;
  std::string written;
  write_response_head(head.status, head.reason, stripped.fields, framing,
                      {.keep_alive = head.keep_alive, .head_request = asked.response.head},
                      written);
  static thread_local ResponseHead again;
  ResponseParser parser;
  const HeadResult result = parser.parse(written, kWideCaps, asked.response, again);
  const bool same = result.status == ParseStatus::complete && result.consumed == written.size() &&
                    again.status == head.status && again.framing == head.framing &&
                    (!bodyless || again.declared_length == head.declared_length) &&
                    (head.status < 200 || again.keep_alive == head.keep_alive) &&
                    forwarded(again.fields) == forwarded(head.fields);
  if (!same)
    broken("round trip of\n" + written, input, weir, "again", {.violation = result.violation});
}

// Payload written in chunks is read back, whatever the pieces.
inline void check_body_round_trip(std::string_view input, const Reading& weir) {
  if (weir.end != End::complete) return;
  std::string written;
  Cutter cutter(static_cast<std::uint32_t>(weir.body.size() | 1));
  for (std::string_view rest = weir.body; !rest.empty();) {
    const std::string_view piece = rest.substr(0, cutter.next(rest.size()));
    write_chunk_start(piece.size(), written);
    written += piece;
    written += kChunkEnd;
    rest.remove_prefix(piece.size());
  }
  written += kLastChunk;
  Reading again;
  read_body(written, {.kind = Framing::Kind::chunked, .length = 0}, cutter, again);
  if (again.end != End::complete || again.body != weir.body || again.consumed != written.size()) {
    broken("round trip of a body", input, weir, "again", again);
  }
}

// All properties of the message at the front of `input`. How far it reached; 0: there is nothing
// behind it to look at.
inline std::size_t check_message(std::string_view input, Asked asked) {
  static thread_local Heads heads;
  static thread_local Heads cut_heads;
  const Reading weir = read_with_weir(input, asked, 0, heads);
  const auto seed = static_cast<std::uint32_t>(keyed_hash({.k0 = 1, .k1 = 2}, input)) | 1;
  const Reading cut = read_with_weir(input, asked, seed, cut_heads);
  if (cut != weir) broken("cut", input, weir, "in pieces", cut);

  check_agreement(input, asked, weir, Foreign::beast, "Beast", read_with_beast(input, asked));
#ifdef WEIR_HAVE_LLHTTP
  check_agreement(input, asked, weir, Foreign::llhttp, "llhttp", read_with_llhttp(input, asked));
#endif
  if (!weir.head) return 0;
  if (asked.request) {
    check_request_round_trip(input, weir, heads.request);
  } else {
    check_response_round_trip(input, asked, weir, heads.response);
  }
  check_body_round_trip(input, weir);
  return weir.end == End::complete ? weir.consumed : 0;
}

inline constexpr int kMaxPipelined = 8;

inline void check_connection(std::string_view input, Asked asked) {
  for (int i = 0; i < kMaxPipelined && !input.empty(); ++i) {
    const std::size_t used = check_message(input, asked);
    if (used == 0) return;
    input.remove_prefix(used);
  }
}

}  // namespace weir::http::oracle
