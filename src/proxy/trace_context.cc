#include "proxy/trace_context.h"

#include <algorithm>

#include "fmt/core.h"

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

std::string next_traceparent(std::string_view received, HashKey seed, InstallationId installation, ExchangeId exchange) {
  const std::uint64_t span = std::max<std::uint64_t>(1, draw(seed, exchange, Purpose::trace, 0));
  if (valid(received)) {
    return fmt::format("00-{}-{:016x}-{}", received.substr(3, 32), span, received.substr(53, 2));
  }
  return fmt::format("00-{}-{:016x}-00", request_id(installation, exchange).view(), span);
}

}  // namespace weir::proxy
