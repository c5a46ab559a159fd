#include "foreign/log_reader.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/check.h"
#include "foreign/line_parser.h"

namespace weir::foreign {

std::string_view to_string(Skip why) {
  switch (why) {
    case Skip::blank:
      return "blank";
    case Skip::other:
      return "of another logger";
    case Skip::malformed:
      return "not in this format";
    case Skip::json:
      return "broken JSON";
    case Skip::time:
      return "without a readable time";
    case Skip::client:
      return "without a client";
    case Skip::partial:
      return "cut into parts by the container runtime";
    case Skip::too_long:
      return "longer than 64 KiB";
    case Skip::count_:
      break;
  }
  return "";
}

std::uint64_t ReadReport::skipped_lines() const {
  std::uint64_t sum = 0;
  for (const SkipCount& count : skipped) sum += count.lines;
  return sum - of(Skip::blank).lines;
}

struct LogReader::State {
  explicit State(Format which) : format(std::move(which)), parser(format.recipe) {}

  Format format;
  LineParser parser;
  ReadReport report;
  std::string_view rest;  // of the bytes that were fed
  std::unique_ptr<char[]> carry = std::make_unique_for_overwrite<char[]>(kMaxLine + 1);
  std::size_t carried = 0;  // bytes of a line whose end has not come
  bool too_long = false;    // it is passed over until its end
  bool finished = false;

  void skip(Skip why) {
    SkipCount& count = report.skipped[static_cast<std::size_t>(why)];
    if (count.lines < SkipCount::kFirst) count.first[count.lines] = report.lines;
    ++count.lines;
  }

  void note(const LogEntry& entry) {
    ++report.entries;
    if (entry.form == RequestForm::no_protocol || entry.form == RequestForm::none ||
        entry.form == RequestForm::not_http) {
      ++report.odd_requests;
    }
    report.coarsest = std::max(report.coarsest, entry.precision);
    report.with_address += entry.address.has_value();
    report.with_host += !entry.host.empty();
    report.with_status += entry.status.has_value();
    report.with_duration += entry.duration.has_value();
    report.with_upstream_duration += entry.upstream_duration.has_value();
    for (const MappedFact& fact : entry.mapped) report.with_field[fact.map] += fact.given;
  }

  bool read(std::string_view line, LogEntry& entry) {
    ++report.lines;
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (report.lines == 1 && line.starts_with("\xef\xbb\xbf")) line.remove_prefix(3);
    if (line.size() > kMaxLine) {
      skip(Skip::too_long);
      return false;
    }
    if (const auto why = parser.parse(line, entry)) {
      skip(*why);
      return false;
    }
    entry.line = report.lines;
    entry.raw = line;
    note(entry);
    return true;
  }

  // The last piece of a line that began in bytes fed before; what goes beyond the bound is dropped.
  void keep(std::string_view piece) {
    if (too_long) return;
    if (carried + piece.size() > kMaxLine + 1) {  // one more for a CR
      too_long = true;
      return;
    }
    if (piece.empty()) return;
    std::memcpy(carry.get() + carried, piece.data(), piece.size());
    carried += piece.size();
  }

  bool end_carried(LogEntry& entry) {
    const std::string_view line(carry.get(), std::exchange(carried, 0));
    if (std::exchange(too_long, false)) {
      ++report.lines;
      skip(Skip::too_long);
      return false;
    }
    if (!read(line, entry)) return false;
    entry.in_input = false;
    return true;
  }
};

LogReader::LogReader(Format format) : state_(std::make_unique<State>(std::move(format))) {}
LogReader::LogReader(LogReader&&) noexcept = default;
LogReader& LogReader::operator=(LogReader&&) noexcept = default;
LogReader::~LogReader() = default;

const ReadReport& LogReader::report() const { return state_->report; }
const Format& LogReader::format() const { return state_->format; }
bool LogReader::zoneless() const { return state_->parser.zoneless(); }

void LogReader::feed(std::span<const std::byte> bytes) {
  WEIR_CHECK(state_->rest.empty() && !state_->finished);
  state_->rest = {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  state_->report.bytes += bytes.size();
}

void LogReader::finish() { state_->finished = true; }
bool LogReader::finished() const { return state_->finished; }

bool LogReader::next(LogEntry& entry) {
  State& s = *state_;
  while (!s.rest.empty()) {
    const void* const newline = std::memchr(s.rest.data(), '\n', s.rest.size());
    if (newline == nullptr) {
      s.keep(std::exchange(s.rest, {}));
      break;
    }
    const auto size = static_cast<std::size_t>(static_cast<const char*>(newline) - s.rest.data());
    const std::string_view piece = s.rest.substr(0, size);
    s.rest.remove_prefix(size + 1);
    if (s.carried > 0 || s.too_long) {
      s.keep(piece);
      if (s.end_carried(entry)) return true;
    } else if (s.read(piece, entry)) {
      return true;
    }
  }
  return s.finished && (s.carried > 0 || s.too_long) && s.end_carried(entry);
}

}  // namespace weir::foreign
