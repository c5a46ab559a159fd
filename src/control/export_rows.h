// Recorded arrivals as lines for other programs: one JSON object a line (RFC 8259, jsonlines.org)
// or CSV (RFC 4180 with "\n" as the end of a line). Both hold the same columns, in this order:
//   time        RFC 3339 UTC, milliseconds
//   request_id  as the client was told
//   listener, method, host
//   path        with {n} {hex} {uuid} {s} {rest} for what varies
//   caller      name, else the address (IPv6 by /64)
//   proof       the identity rule that proved the name; nothing where the caller is an address
//   client      address, or network where only that was recorded
//   route, action, cause, rule, revision, endpoint, head_bytes, hops
// and of its flight record (record/flight.h), where one was kept:
//   status, upstream_status, attempts, connect_us, response_us, total_us, bytes_in, bytes_out
//   stands_for  how many exchanges it stands for
// What was not recorded, or does not apply, is null in JSON and empty in CSV. Valid UTF-8 without
// control characters, whatever was recorded.
#pragma once

#include <string>
#include <string_view>

#include "model/records.h"
#include "record/recording.h"

namespace weir::control {

enum class ExportForm : std::uint8_t { jsonl, csv };

// The line of names that CSV begins with; "" for JSON lines.
std::string_view export_heading(ExportForm form);

// Appends one line.
void append_exported(std::string& out, ExportForm form, const record::Recording& recording,
                     const record::RecordedArrival& arrival, const record::Flight* flight);

}  // namespace weir::control
