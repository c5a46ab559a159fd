#include "export/access_log.h"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <cstring>

#include "base/address.h"
#include "base/json.h"
#include "base/put.h"
#include "http/violation.h"

namespace weir::exporting {
namespace {

constexpr std::size_t kFixed = 1024;   // keys, numbers, punctuation, address, time: under 900 bytes together

std::string_view phase_name(Phase phase) {
  switch (phase) {
    case Phase::none: return "none";
    case Phase::head: return "head";
    case Phase::connect: return "connect";
    case Phase::send: return "send";
    case Phase::response: return "response";
    case Phase::idle: return "idle";
    case Phase::body: return "body";
    case Phase::total: return "total";
  }
  return "none";
}

// Appends to memory that is known to suffice.
struct Line {
  char* at;

  template <std::size_t N>
  void raw(const char (&text)[N]) {
    std::memcpy(at, text, N - 1);
    at += N - 1;
  }
  void raw(std::string_view text) { at = put(at, text); }
  void text(std::string_view text) { at = escape_json(at, text); }
  void number(std::uint64_t n) { at = std::to_chars(at, at + 20, n).ptr; }
  // `,"key":"text"` where there is a text.
  template <std::size_t N>
  void optional(const char (&open)[N], std::string_view value) {
    if (value.empty()) return;
    raw(open);
    text(value);
    *at++ = '"';
  }
  // Milliseconds with three decimals: "12.345".
  void milliseconds(Nanos duration) {
    const std::uint64_t us = static_cast<std::uint64_t>(std::max<std::int64_t>(duration.count(), 0)) / 1000;
    number(us / 1000);
    const std::uint64_t part = us % 1000;
    *at++ = '.';
    *at++ = static_cast<char>('0' + part / 100);
    *at++ = static_cast<char>('0' + part / 10 % 10);
    *at++ = static_cast<char>('0' + part % 10);
  }
  void address(const Address& address) { at = put(at, address); }
};

}  // namespace

char* TimeText::write(char* out, WallTime time) {
  const std::int64_t millis = std::chrono::floor<std::chrono::milliseconds>(time.time_since_epoch()).count();
  const std::int64_t second = millis >= 0 ? millis / 1000 : (millis - 999) / 1000;
  if (second != second_) {
    second_ = second;
    const auto day = std::chrono::floor<std::chrono::days>(std::chrono::seconds(second));
    const std::chrono::year_month_day date{std::chrono::sys_days(day)};
    const auto of_day = std::chrono::seconds(second) - day;
    const auto put = [this](std::size_t at, unsigned value, unsigned digits) {
      for (unsigned i = digits; i > 0; --i, value /= 10) prefix_[at + i - 1] = static_cast<char>('0' + value % 10);
    };
    prefix_ = {'0', '0', '0', '0', '-', '0', '0', '-', '0', '0', 'T', '0', '0', ':', '0', '0', ':', '0', '0', '.'};
    put(0, static_cast<unsigned>(std::clamp(static_cast<int>(date.year()), 0, 9999)), 4);
    put(5, static_cast<unsigned>(date.month()), 2);
    put(8, static_cast<unsigned>(date.day()), 2);
    const auto seconds = static_cast<unsigned>(of_day.count());
    put(11, seconds / 3600, 2);
    put(14, seconds / 60 % 60, 2);
    put(17, seconds % 60, 2);
  }
  std::memcpy(out, prefix_.data(), prefix_.size());
  const auto part = static_cast<unsigned>(millis - second * 1000);
  out[20] = static_cast<char>('0' + part / 100);
  out[21] = static_cast<char>('0' + part / 10 % 10);
  out[22] = static_cast<char>('0' + part % 10);
  out[23] = 'Z';
  return out + kSize;
}

std::size_t log_line_bound(const ExchangeText& text, const NameTable& names, const ExchangeRecord& record) {
  std::size_t bytes = text.request_id.size() + text.method.size() + text.host.size() + text.path.size() +
                      text.query.size() + text.user_agent.size() + text.caller.size() + text.detail.size() +
                      text.traceparent.size();
  for (const NameId name : {record.listener, record.route, record.upstream, record.endpoint, record.rule}) {
    bytes += names.text(name).size();
  }
  return kFixed + kJsonEscapeFactor * bytes;
}

char* write_log_line(char* out, const ExchangeRecord& record, const ExchangeText& text, const NameTable& names,
                     TimeText& time) {
  Line line{out};
  line.raw("{\"time\":\"");
  line.at = time.write(line.at, record.arrived_wall);
  line.raw("\",\"request_id\":\"");
  line.text(text.request_id);
  line.raw("\",\"client\":\"");
  line.address(record.client);
  line.raw("\",\"method\":\"");
  line.text(text.method);
  line.raw("\",\"host\":\"");
  line.text(text.host);
  line.raw("\",\"path\":\"");
  line.text(text.path);
  line.raw("\",\"status\":");
  line.number(record.status);
  line.optional(",\"query\":\"", text.query);
  line.optional(",\"user_agent\":\"", text.user_agent);
  line.optional(",\"caller\":\"", text.caller);
  line.optional(",\"listener\":\"", names.text(record.listener));
  line.optional(",\"route\":\"", names.text(record.route));
  line.optional(",\"upstream\":\"", names.text(record.upstream));
  line.optional(",\"endpoint\":\"", names.text(record.endpoint));
  if (record.cause != Cause::none) line.optional(",\"rule\":\"", names.text(record.rule));
  line.raw(",\"cause\":\"");
  line.raw(info(record.cause).name);
  *line.at++ = '"';
  line.optional(",\"detail\":\"", text.detail);
  line.raw(",\"revision\":");
  line.number(record.revision);
  line.raw(",\"bytes_in\":");
  line.number(record.bytes_in);
  line.raw(",\"bytes_out\":");
  line.number(record.bytes_out);
  line.raw(",\"duration_ms\":");
  line.milliseconds(record.total_time);
  if (record.response_time.count() > 0) {
    line.raw(",\"response_ms\":");
    line.milliseconds(record.response_time);
  }
  if (record.connect_time.count() > 0) {
    line.raw(",\"connect_ms\":");
    line.milliseconds(record.connect_time);
  }
  if (record.auth.result != AuthResult::none) {
    line.raw(",\"auth\":\"");
    line.raw(to_string(record.auth.result));
    line.raw("\",\"auth_ms\":");
    line.milliseconds(std::chrono::microseconds(record.auth.call.micros));
  }
  if (record.late.result != LateResult::not_asked) {
    line.raw(",\"late\":\"");
    line.raw(to_string(record.late.result));
    line.raw("\",\"late_status\":");
    line.number(record.late.status);
    line.raw(",\"late_ms\":");
    line.milliseconds(std::chrono::microseconds(record.late.micros));
  }
  if (record.attempts > 1) {
    line.raw(",\"attempts\":");
    line.number(record.attempts);
  }
  if (record.upstream_status != 0 && record.upstream_status != record.status) {
    line.raw(",\"upstream_status\":");
    line.number(record.upstream_status);
  }
  if (record.hops > 0) {
    line.raw(",\"hops\":");
    line.number(record.hops);
  }
  if (record.timeout_phase != Phase::none) {
    line.raw(",\"timeout_phase\":\"");
    line.raw(phase_name(record.timeout_phase));
    line.raw("\",\"timeout_line\":");
    line.number(record.timeout_line);
  }
  if (record.violation != 0 && record.violation < static_cast<std::uint8_t>(http::Violation::count_)) {
    line.raw(",\"violation\":\"");
    line.raw(http::info(static_cast<http::Violation>(record.violation)).name);
    *line.at++ = '"';
  }
  // A trace that began here is named by the request id (model/request_id.h).
  if (!text.traceparent.substr(std::min<std::size_t>(text.traceparent.size(), 3)).starts_with(text.request_id)) {
    line.optional(",\"traceparent\":\"", text.traceparent);
  }
  line.raw("}\n");
  return line.at;
}

bool AccessLog::make_room(std::size_t bytes) {
  if (buffer_ != nullptr && kBufferSize - buffer_->used >= bytes) return true;
  flush();
  buffer_ = lane_.take();
  return buffer_ != nullptr && bytes <= kBufferSize;
}

void AccessLog::write(const ExchangeRecord& record, const ExchangeText& text) {
  if (!make_room(log_line_bound(text, names_, record))) {
    ++dropped_;
    return;
  }
  char* const begin = reinterpret_cast<char*>(buffer_->bytes.data()) + buffer_->used;
  buffer_->used += static_cast<std::uint32_t>(write_log_line(begin, record, text, names_, time_) - begin);
}

void AccessLog::flush() {
  if (buffer_ == nullptr || buffer_->used == 0) return;
  lane_.submit(buffer_);
  buffer_ = nullptr;
}

}  // namespace weir::exporting
