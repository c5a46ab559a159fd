// Every way in which a peer can break HTTP/1.1, by name, with the clause it breaks. A violation by
// a client answers 400 (or 431/413/501/505 as the table says) with this text and closes; by an
// upstream it is 502 upstream_protocol_error.
#pragma once

#include <cstdint>
#include <string_view>

namespace weir::http {

// clang-format off
enum class Violation : std::uint8_t {
  none = 0,
  // The names are part of metrics and answers (weir_violations_total{violation}).
  bad_request_line, bad_method, bad_target, bad_version, line_too_long, head_too_large,
  too_many_fields, bad_status_line, bare_cr, bare_lf, obs_fold, space_before_colon,
  empty_field_name, bad_field_name, bad_field_value, missing_colon, missing_host, duplicate_host,
  bad_host, host_conflict, length_and_transfer_encoding, bad_content_length,
  repeated_content_length, bad_transfer_encoding, transfer_encoding_in_http10, bad_chunk_size,
  chunk_size_overflow, bad_chunk_extension, bad_chunk_end, forbidden_trailer, bad_connection,
  connect_refused, upgrade_refused, bad_expect, bad_websocket_upgrade, body_truncated,
  surplus_bytes, unasked_101, too_many_interim, bad_path, encoded_slash, encoded_nul,
  version_not_supported, trailers_too_large, request_line_too_long, count_,
};
// clang-format on

struct ViolationInfo {
  std::string_view name;    // snake_case, as in the enum
  std::string_view clause;  // "RFC 9112 6.1"
  std::string_view text;    // one sentence: what is wrong and what would be right
  std::uint16_t status;     // answer when a client did it
};

const ViolationInfo& info(Violation violation);

}  // namespace weir::http
