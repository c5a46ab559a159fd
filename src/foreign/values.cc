#include "foreign/values.h"

#include <charconv>
#include <cstddef>

namespace weir::foreign {
namespace {

constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }

// How many decimal places stand between the unit and a nanosecond.
constexpr int places(TimeUnit unit) {
  switch (unit) {
    case TimeUnit::seconds:
      return 9;
    case TimeUnit::milliseconds:
      return 6;
    case TimeUnit::microseconds:
      return 3;
    case TimeUnit::nanoseconds:
      return 0;
  }
  return 0;
}

constexpr std::int64_t kLongest = 9'000'000'000'000'000'000;  // 285 years: more is no duration

// "12.345" as an integer of 10^-`decimals`; the decimals beyond are cut.
std::optional<std::int64_t> read_fixed(std::string_view text, int decimals) {
  std::int64_t value = 0;
  bool any = false;
  int left = -1;  // -1: before the point
  for (const char c : text) {
    if (c == '.' && left < 0) {
      left = decimals;
      continue;
    }
    if (!is_digit(c)) return std::nullopt;
    any = true;
    if (left == 0) continue;
    if (left > 0) --left;
    if (value > kLongest / 10) return std::nullopt;
    value = value * 10 + (c - '0');
  }
  if (!any) return std::nullopt;
  for (int i = left < 0 ? decimals : left; i > 0; --i) {
    if (value > kLongest / 10) return std::nullopt;
    value *= 10;
  }
  return value;
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

}  // namespace

std::optional<std::uint64_t> read_count(std::string_view text) {
  std::uint64_t value = 0;
  std::size_t digits = 0;
  while (digits < text.size() && is_digit(text[digits]))
    value = value * 10 + static_cast<std::uint64_t>(text[digits++] - '0');
  if (digits == 0 || digits > 19) return std::nullopt;  // 19 digits always fit
  const std::string_view rest = text.substr(digits);
  if (rest.empty()) return value;
  if (rest.front() != '.' || rest.size() == 1) return std::nullopt;
  return rest.find_first_not_of('0', 1) == std::string_view::npos ? std::optional(value)
                                                                  : std::nullopt;
}

std::optional<Nanos> read_duration(std::string_view text, TimeUnit unit) {
  if (const auto fixed = read_fixed(text, places(unit))) return Nanos(*fixed);
  // 1.5e-06, as JSON encoders write small numbers.
  if (text.find_first_of("eE") == std::string_view::npos) return std::nullopt;
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  for (int i = places(unit); i > 0; --i) value *= 10;
  if (!(value >= 0) || value > static_cast<double>(kLongest)) return std::nullopt;
  return Nanos(static_cast<std::int64_t>(value + 0.5));
}

std::optional<Nanos> read_go_duration(std::string_view text, TimeUnit bare) {
  if (const auto plain = read_duration(text, bare)) return plain;
  Nanos total{0};
  bool any = false;
  while (!text.empty()) {
    std::size_t digits = 0;
    while (digits < text.size() && (is_digit(text[digits]) || text[digits] == '.')) ++digits;
    const std::string_view number = text.substr(0, digits);
    text.remove_prefix(digits);
    const auto take = [&text](std::string_view unit) {
      if (!text.starts_with(unit)) return false;
      text.remove_prefix(unit.size());
      return true;
    };
    std::int64_t times = 1;
    TimeUnit unit = TimeUnit::seconds;
    if (take("ns"))
      unit = TimeUnit::nanoseconds;
    else if (take("us") || take("\xc2\xb5s") || take("\xce\xbcs"))
      unit = TimeUnit::microseconds;  // µ in its two forms
    else if (take("ms"))
      unit = TimeUnit::milliseconds;
    else if (take("s"))
      unit = TimeUnit::seconds;
    else if (take("m"))
      times = 60;
    else if (take("h"))
      times = 3600;
    else
      return std::nullopt;
    const auto part = read_duration(number, unit);
    if (!part || part->count() > kLongest / 2 / times || total.count() > kLongest / 2)
      return std::nullopt;
    total += *part * times;
    any = true;
  }
  return any ? std::optional(total) : std::nullopt;
}

std::optional<Nanos> read_duration_list(std::string_view text, TimeUnit unit) {
  if (const auto one = read_duration(text, unit)) return one;
  Nanos total{0};
  bool any = false;
  while (!text.empty()) {
    const std::size_t comma = text.find_first_of(",:");
    const std::string_view part = trimmed(text.substr(0, comma));
    text.remove_prefix(comma == std::string_view::npos ? text.size() : comma + 1);
    if (is_none(part)) continue;
    const auto value = read_duration(part, unit);
    if (!value || total.count() > kLongest / 2 || value->count() > kLongest / 2)
      return std::nullopt;
    total += *value;
    any = true;
  }
  return any ? std::optional(total) : std::nullopt;
}

std::string_view last_of_list(std::string_view text) {
  std::size_t from = text.rfind(", ");
  if (const std::size_t colon = text.rfind(" : ");
      colon != std::string_view::npos && (from == std::string_view::npos || colon > from)) {
    from = colon + 1;
  }
  return trimmed(from == std::string_view::npos ? text : text.substr(from + 2));
}

std::string_view first_of_list(std::string_view text) {
  return trimmed(text.substr(0, text.find(',')));
}

std::string_view without_last_port(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos || colon + 1 == text.size()) return text;
  return text.find_first_not_of("0123456789", colon + 1) == std::string_view::npos
             ? text.substr(0, colon)
             : text;
}

std::string_view without_port(std::string_view text) {
  if (text.starts_with('[')) {
    const std::size_t close = text.find(']');
    return close == std::string_view::npos ? text : text.substr(1, close - 1);
  }
  if (text.find(':') != text.rfind(':')) return text;  // IPv6 without brackets
  return without_last_port(text);
}

std::optional<Address> read_address(std::string_view text) {
  if (const auto v4 = Address::parse_v4(text)) return v4;
  if (text.size() < 2 || text.size() > 45 || text.find(':') == std::string_view::npos ||
      text.find_first_not_of("0123456789abcdefABCDEF:.") != std::string_view::npos)
    return std::nullopt;
  auto parsed = Address::parse(text);
  return parsed ? std::optional(*parsed) : std::nullopt;
}

}  // namespace weir::foreign
