// Bytes of a log in, entries out. The bytes come in pieces of any size; a line that is cut by the
// end of a piece is finished with the next one.
//
//   LogReader reader(format);
//   while (there are bytes) { reader.feed(bytes); while (reader.next(entry)) …; }
//   reader.finish(); while (reader.next(entry)) …;
//
// A line that cannot be read is skipped and counted by its reason. What carriers put around lines
// is taken off: CRI and Docker Compose prefixes, syslog headers (RFC 3164, RFC 5424), one pair of
// quotes around the whole line, CRLF, a BOM. Bounds: a line has at most kMaxLine bytes, longer ones
// are counted and passed over; memory is a few times that.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "foreign/entry.h"
#include "foreign/format.h"

namespace weir::foreign {

inline constexpr std::size_t kMaxLine = 64 * 1024;

enum class Skip : std::uint8_t {
  blank,      // nothing in it: not counted as malformed
  other,      // of another logger in the same stream: an error line, a start-up message
  malformed,  // does not have the shape of the format, or is binary
  json,       // begins as JSON and is none
  time,       // has the shape, but its time is none
  client,     // no client is in it
  partial,    // a CRI line that was cut into parts by the container runtime
  too_long,   // more than kMaxLine bytes
  count_,
};
std::string_view to_string(Skip why);

struct SkipCount {
  static constexpr std::size_t kFirst = 5;
  std::uint64_t lines = 0;
  std::array<std::uint64_t, kFirst> first{};  // line numbers, from 1; as many as min(lines, kFirst)
};

// What was read so far. `with_*` counts entries that have the fact: what a log can be judged by.
struct ReadReport {
  std::uint64_t lines = 0;
  std::uint64_t bytes = 0;
  std::uint64_t entries = 0;
  std::uint64_t odd_requests = 0;  // entries of the form no_protocol, none or not_http
  std::array<SkipCount, static_cast<std::size_t>(Skip::count_)> skipped{};
  Nanos coarsest{0};  // largest LogEntry::precision seen
  std::uint64_t with_address = 0, with_host = 0, with_status = 0, with_duration = 0,
                with_upstream_duration = 0;
  std::array<std::uint64_t, kMaxFieldMaps> with_field{};  // by FieldMap

  const SkipCount& of(Skip why) const { return skipped[static_cast<std::size_t>(why)]; }
  std::uint64_t skipped_lines() const;  // all but blank ones
};

class LogReader {
 public:
  explicit LogReader(Format format);
  LogReader(LogReader&&) noexcept;
  LogReader& operator=(LogReader&&) noexcept;
  ~LogReader();

  // `bytes` must stay until next() has answered false. Call it only then, and not after finish().
  void feed(std::span<const std::byte> bytes);
  // No more bytes: a last line without its newline is one too.
  void finish();
  bool finished() const;

  // False: feed more, or the end; `entry` means nothing then. Else its text is valid until the next call of any of the three,
  // or longer (LogEntry::in_input); `mapped` is not.
  bool next(LogEntry& entry);

  const ReadReport& report() const;
  // Whether times came without a zone: they were read as FormatOptions::zone says.
  bool zoneless() const;
  const Format& format() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace weir::foreign
