// The access log: one JSON object a line for every exchange, encoded by the worker that carried it into buffers that
// the scribe writes whole. Bytes of hostile requests are escaped (base/json.h), so a line is always valid JSON and
// never drives a terminal. Keys, in order:
//   time          RFC 3339 UTC with milliseconds: when the head was complete
//   request_id client method host path status   always; status 0 when nothing was sent
//   query user_agent caller   where there are any
//   listener route upstream endpoint   where there are any, by name
//   rule          of what was not simply forwarded, by name
//   cause         always; "none" for an answer of the upstream without fault
//   detail        a sentence more on the cause, where there is one
//   revision bytes_in bytes_out   always
//   duration_ms response_ms connect_ms   with microseconds; the last two where they happened (no connect_ms: a connection
//                 that was open already)
//   attempts upstream_status timeout_phase timeout_line violation hops   where they say something
//   auth auth_ms   what an auth service said, and how long it took
//   late late_status late_ms   what a late probe of a cut request found
//   traceparent   of a trace that came from elsewhere; one that began here has the request id as its trace id
// The cost goal is 200 ns a line (records_bench.cc).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "base/time.h"
#include "export/buffers.h"
#include "model/names.h"
#include "model/records.h"

namespace weir::exporting {

// Writes the RFC 3339 form of a time (UTC, milliseconds, 24 bytes) and remembers the second it was asked for last.
class TimeText {
 public:
  static constexpr std::size_t kSize = 24;
  char* write(char* out, WallTime time);

 private:
  std::int64_t second_ = INT64_MIN;
  std::array<char, 20> prefix_{};   // "2026-01-02T03:04:05."
};

// The most bytes that one line of this exchange can take.
std::size_t log_line_bound(const ExchangeText& text, const NameTable& names, const ExchangeRecord& record);

// One line with its newline. `out` has room for log_line_bound bytes.
char* write_log_line(char* out, const ExchangeRecord& record, const ExchangeText& text, const NameTable& names,
                     TimeText& time);

class AccessLog {
 public:
  AccessLog(Lane& lane, const NameTable& names) : lane_(lane), names_(names) {}

  void expect(const ExchangeRecord& record) const { names_.expect(record.route); }   // of names it is the one of many
  void write(const ExchangeRecord& record, const ExchangeText& text);
  void flush();                                        // hands on what is there
  std::uint64_t dropped() const { return dropped_; }   // lines, because no buffer was free

 private:
  bool make_room(std::size_t bytes);

  Lane& lane_;
  const NameTable& names_;
  Buffer* buffer_ = nullptr;
  std::uint64_t dropped_ = 0;
  TimeText time_;
};

}  // namespace weir::exporting
