// What the tests of this room share: a log from text, entries kept as values.
#pragma once

#include <gtest/gtest.h>

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "foreign/format.h"
#include "foreign/in_input_for_tests.h"
#include "foreign/inflate.h"
#include "foreign/log_reader.h"

namespace weir::foreign {

// An entry whose text is its own.
struct Kept {
  WallTime time, start;
  Nanos precision{0};
  bool time_is_end = false;
  RequestForm form = RequestForm::unknown;
  std::string client, user, request_line, method, target, protocol, host, upstream, route, referer,
      agent, request_id, forwarded_for;
  std::optional<Address> address;
  std::optional<std::uint16_t> status;
  std::optional<std::uint64_t> bytes_in, bytes_out;
  std::optional<Nanos> duration, upstream_duration;
  std::vector<std::optional<std::string>> mapped;
  std::uint64_t line = 0;
};

inline Kept kept(const LogEntry& e) {
  const auto text = [](std::string_view view) { return std::string(view); };
  Kept k{.time = e.time,
         .start = e.start(),
         .precision = e.precision,
         .time_is_end = e.time_is_end,
         .form = e.form,
         .client = text(e.client),
         .user = text(e.user),
         .request_line = text(e.request_line),
         .method = text(e.method),
         .target = text(e.target),
         .protocol = text(e.protocol),
         .host = text(e.host),
         .upstream = text(e.upstream),
         .route = text(e.route),
         .referer = text(e.referer),
         .agent = text(e.agent),
         .request_id = text(e.request_id),
         .forwarded_for = text(e.forwarded_for),
         .address = e.address,
         .status = e.status,
         .bytes_in = e.bytes_in,
         .bytes_out = e.bytes_out,
         .duration = e.duration,
         .upstream_duration = e.upstream_duration,
         .mapped = {},
         .line = e.line};
  for (const MappedFact& fact : e.mapped) {
    k.mapped.push_back(fact.given ? std::optional(std::string(fact.value)) : std::nullopt);
  }
  return k;
}

struct ReadLog {
  std::vector<Kept> entries;
  ReadReport report;
  std::uint64_t malformed() const { return report.skipped_lines() - report.of(Skip::other).lines; }
};

// `piece`: how many bytes are fed at once.
inline ReadLog read_log(const Format& format, std::string_view text, std::size_t piece = 1 << 20) {
  LogReader reader(format);
  ReadLog log;
  const auto drain = [&](std::span<const std::byte> fed) {
    for (LogEntry entry; reader.next(entry);) {
      EXPECT_TRUE(stands_where_it_says(entry, fed)) << "line " << entry.line;
      log.entries.push_back(kept(entry));
    }
  };
  while (!text.empty()) {
    const std::string own(text.substr(0, piece));  // gone after this round, as a caller's buffer is
    reader.feed(std::as_bytes(std::span(own)));
    drain(std::as_bytes(std::span(own)));
    text.remove_prefix(own.size());
  }
  reader.finish();
  drain({});
  log.report = reader.report();
  return log;
}

inline ReadLog read_as(std::string_view name, std::string_view text,
                       const FormatOptions& options = {}) {
  const auto format = format_named(name, options);
  EXPECT_TRUE(format) << to_string(format ? Error{} : format.error());
  return format ? read_log(*format, text) : ReadLog{};
}

// One line of a format, which must be an entry.
inline Kept one(std::string_view name, std::string_view line, const FormatOptions& options = {}) {
  ReadLog log = read_as(name, line, options);
  EXPECT_EQ(log.entries.size(), 1u) << line;
  return log.entries.empty() ? Kept{} : log.entries[0];
}

// 2022-01-24T16:51:02Z and the like, to nanoseconds: worked out by date(1), not by this room.
constexpr WallTime at_seconds(std::int64_t seconds, std::int64_t nanos = 0) {
  return wall_from_nanos(seconds * 1'000'000'000 + nanos);
}

inline std::string unpacked(std::string_view bytes) {
  const auto all = std::as_bytes(std::span(bytes));
  Inflate inflate(packing_of(all));
  std::string text;
  std::size_t taken = 0;
  for (;;) {
    std::string piece(1 << 16, '\0');
    const auto step = inflate.step(all.subspan(taken), std::as_writable_bytes(std::span(piece)));
    taken += step.taken;
    text.append(piece, 0, step.given);
    if (step.taken == 0 && step.given == 0) break;
  }
  EXPECT_TRUE(inflate.finish());
  return text;
}

}  // namespace weir::foreign
