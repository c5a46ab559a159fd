#include "proxy/trace_context.h"

#include <algorithm>

#include "base/hex.h"

namespace weir::proxy {
namespace {

bool lower_hex(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}
bool all_zero(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c == '0'; });
}

// Trace context 3.2.2: version 00 has exactly this form; a later version may be longer, after one more dash.
bool valid(std::string_view text) {
  if (text.size() < 55 || text[2] != '-' || text[35] != '-' || text[52] != '-') return false;
  const std::string_view version = text.substr(0, 2), trace = text.substr(3, 32), parent = text.substr(36, 16);
  if (!lower_hex(version) || version == "ff" || !lower_hex(trace) || !lower_hex(parent) || !lower_hex(text.substr(53, 2))) {
    return false;
  }
  if (version == "00" ? text.size() != 55 : text.size() > 55 && text[55] != '-') return false;
  return !all_zero(trace) && !all_zero(parent);
}

}  // namespace

TraceParent next_traceparent(std::string_view received, HashKey seed, const RequestIdText& own, ExchangeId exchange) {
  const bool goes_on = valid(received);
  const std::string_view trace = goes_on ? received.substr(3, 32) : own.view();
  const std::string_view flags = goes_on ? received.substr(53, 2) : "00";
  const std::uint64_t span = std::max<std::uint64_t>(1, draw(seed, exchange, Purpose::trace, 0));
  TraceParent next;
  std::ranges::copy(std::string_view("00-"), next.text.begin());
  std::ranges::copy(trace, next.text.begin() + 3);
  next.text[35] = '-';
  put_hex(next.text.data() + 36, span);
  next.text[52] = '-';
  std::ranges::copy(flags, next.text.begin() + 53);
  return next;
}

}  // namespace weir::proxy
