// The table of violations. Statuses answer a client; an upstream that does the same is answered for
// with 502. 400 unless the fault has a status of its own: 414 for the request line, 431 for fields
// (RFC 6585 5), 417 (RFC 9110 10.1.1), 501 for a method never implemented (RFC 9110 9.1), 505 (RFC
// 9110 15.6.6).
#include "http/violation.h"

#include <cstddef>
#include <iterator>

namespace weir::http {
namespace {

constexpr ViolationInfo kTable[] = {
    {"none", "", "no violation", 200},
    {"bad_request_line", "RFC 9112 3",
     "the request line must be a method, a target and a version with exactly one space between "
     "them",
     400},
    {"bad_method", "RFC 9110 9.1", "the method must be a token of at most 32 bytes", 400},
    {"bad_target", "RFC 9112 3.2",
     "the target must be /path, http://host/path, or * with OPTIONS, of visible ASCII without '#'",
     400},
    {"bad_version", "RFC 9112 2.3", "the version must read HTTP/1.1 or HTTP/1.0", 400},
    {"line_too_long", "RFC 9112 3", "a field or status line is longer than this listener takes",
     431},
    {"head_too_large", "RFC 6585 5", "the head is larger than this listener takes", 431},
    {"too_many_fields", "RFC 6585 5", "the head has more fields than this listener takes", 431},
    {"bad_status_line", "RFC 9112 4",
     "the status line must be HTTP/1.x, a space, three digits from 100 to 599, a space and a "
     "reason, which may be empty",
     400},
    {"bare_cr", "RFC 9112 2.2", "a CR must be followed by LF", 400},
    {"bare_lf", "RFC 9112 2.2", "a line must end in CR LF, not in LF alone", 400},
    {"obs_fold", "RFC 9112 5.2",
     "a field line must not begin with whitespace: line folding is obsolete", 400},
    {"space_before_colon", "RFC 9112 5.1",
     "no whitespace may stand in a field's name or before its colon", 400},
    {"empty_field_name", "RFC 9110 5.1", "a field needs a name before the colon", 400},
    {"bad_field_name", "RFC 9110 5.1",
     "a field name must be a token: letters, digits and !#$%&'*+-.^_`|~", 400},
    {"bad_field_value", "RFC 9110 5.5",
     "a field value must not hold control characters other than tab", 400},
    {"missing_colon", "RFC 9112 5", "a field line needs a colon after the name", 400},
    {"missing_host", "RFC 9112 3.2", "an HTTP/1.1 request needs a Host field", 400},
    {"duplicate_host", "RFC 9112 3.2", "a request must have one Host field, not several", 400},
    {"bad_host", "RFC 9110 7.2",
     "the host must be a name, an IPv4 address or an [IPv6] address, with at most a port from 1 to "
     "65535",
     400},
    {"host_conflict", "RFC 9112 3.2.2",
     "the target's authority and the Host field must name the same host and port", 400},
    {"length_and_transfer_encoding", "RFC 9112 6.3",
     "a message must not have both Content-Length and Transfer-Encoding", 400},
    {"bad_content_length", "RFC 9110 8.6",
     "Content-Length must be one decimal number of at most 18 digits", 400},
    {"repeated_content_length", "RFC 9112 6.3",
     "Content-Length must be given once, not repeated or listed", 400},
    {"bad_transfer_encoding", "RFC 9112 6.1",
     "the only Transfer-Encoding taken is chunked, given once", 400},
    {"transfer_encoding_in_http10", "RFC 9112 6.1",
     "an HTTP/1.0 message must not have Transfer-Encoding", 400},
    {"bad_chunk_size", "RFC 9112 7.1",
     "a chunk size must be 1 to 16 hexadecimal digits and nothing else", 400},
    {"chunk_size_overflow", "RFC 9112 7.1", "the chunk size does not fit in 63 bits", 400},
    {"bad_chunk_extension", "RFC 9112 7.1.1",
     "a chunk extension must be ;name or ;name=value without spaces or quotes, at most 256 bytes a "
     "line and 16 KiB a message",
     400},
    {"bad_chunk_end", "RFC 9112 7.1", "chunk data must be followed by CR LF", 400},
    {"forbidden_trailer", "RFC 9110 6.5.1", "this field must not be sent as a trailer", 400},
    {"bad_connection", "RFC 9110 7.6.1",
     "Connection must list at most 32 tokens and may not name a field that is meant for all "
     "recipients",
     400},
    {"connect_refused", "RFC 9110 9.3.6", "CONNECT is not served by a gateway", 501},
    {"upgrade_refused", "RFC 9110 7.8", "no protocol but websocket can be upgraded to", 400},
    {"bad_expect", "RFC 9110 10.1.1", "the only expectation taken is 100-continue, given once",
     417},
    {"bad_websocket_upgrade", "RFC 6455 4.1",
     "a WebSocket upgrade must be an HTTP/1.1 GET without body, with Connection: upgrade, Upgrade: "
     "websocket, one "
     "Sec-WebSocket-Key of 16 bytes in base64 and Sec-WebSocket-Version: 13",
     400},
    {"body_truncated", "RFC 9112 8", "the connection ended before the message did", 400},
    {"surplus_bytes", "RFC 9112 6.3", "bytes follow the end of the message", 400},
    {"unasked_101", "RFC 9110 15.2.2",
     "101 answers only a request to upgrade to websocket, and must name it", 400},
    {"too_many_interim", "RFC 9110 15.2", "more interim responses than this gateway takes", 400},
    {"bad_path", "RFC 3986 3.3",
     "the path must begin with '/', have complete percent-encodings and no backslash, and not "
     "climb above its root",
     400},
    {"encoded_slash", "RFC 3986 2.2", "an encoded slash (%2F) in a path is not taken here", 400},
    {"encoded_nul", "RFC 3986 7.3", "an encoded NUL (%00) in a path is not taken", 400},
    {"version_not_supported", "RFC 9110 15.6.6", "only HTTP/1.1 and HTTP/1.0 are spoken here", 505},
    {"trailers_too_large", "RFC 6585 5", "the trailer section is larger than 8192 bytes", 431},
    {"request_line_too_long", "RFC 9112 3", "the request line is longer than this listener takes",
     414},
};
static_assert(std::size(kTable) == static_cast<std::size_t>(Violation::count_));

}  // namespace

const ViolationInfo& info(Violation violation) {
  return kTable[static_cast<std::size_t>(violation)];
}

}  // namespace weir::http
