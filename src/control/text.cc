#include "control/text.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "export/access_log.h"
#include "fmt/core.h"

namespace weir::control {
namespace {

bool begins_character(char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }

// The first `count` characters.
std::string_view first_characters(std::string_view text, std::size_t count) {
  std::size_t at = 0;
  while (at < text.size() && (count > 0 || !begins_character(text[at]))) {
    if (begins_character(text[at])) --count;
    ++at;
  }
  return text.substr(0, at);
}

// One digit after the point below ten, none above.
std::string few_digits(double number) {
  return number < 9.95 ? fmt::format("{:.1f}", number)
                       : grouped(static_cast<std::uint64_t>(std::llround(number)));
}

}  // namespace

std::string grouped(std::uint64_t number) {
  std::string digits = std::to_string(number);
  for (std::size_t at = digits.size(); at > 3;) digits.insert(at -= 3, 1, ',');
  return digits;
}

std::string rate_text(double per_second) { return few_digits(per_second) + "/s"; }

std::string milliseconds_text(double milliseconds) {
  if (milliseconds < 0.0995) return few_digits(milliseconds * 1000) + " µs";
  if (milliseconds < 0.995) return fmt::format("{:.2f} ms", milliseconds);
  if (milliseconds < 999.5) return few_digits(milliseconds) + " ms";
  return fmt::format("{:.1f} s", milliseconds / 1000);
}

std::string span_text(double seconds) {
  const auto whole = static_cast<std::uint64_t>(std::max(0.0, seconds));
  if (whole < 60) return fmt::format("{} s", whole);
  if (whole < 3600) return fmt::format("{} m {} s", whole / 60, whole % 60);
  if (whole < 86400) return fmt::format("{} h {} m", whole / 3600, whole / 60 % 60);
  return fmt::format("{} d {} h", whole / 86400, whole / 3600 % 24);
}

std::string bytes_text(std::uint64_t bytes) {
  if (bytes < 1024) return fmt::format("{} B", bytes);
  static constexpr std::array<std::string_view, 5> kUnits = {"KiB", "MiB", "GiB", "TiB", "PiB"};
  double value = static_cast<double>(bytes) / 1024;
  std::size_t unit = 0;
  for (; value >= 1024 && unit + 1 < kUnits.size(); ++unit) value /= 1024;
  return fmt::format("{:.1f} {}", value, kUnits[unit]);
}

std::string counted(std::uint64_t number, std::string_view word) {
  return fmt::format("{} {}{}", grouped(number), word, number == 1 ? "" : "s");
}

std::string percent_text(double share) { return fmt::format("{:.1f} %", share * 100); }

std::string time_text(WallTime time) {
  if (time == WallTime()) return "";
  std::string text(exporting::TimeText::kSize, '\0');
  exporting::TimeText().write(text.data(), time);
  return text;
}

std::size_t width(std::string_view text) {
  std::size_t count = 0;
  for (const char c : text) count += begins_character(c) ? 1 : 0;
  return count;
}

std::string fitted(std::string_view text, std::size_t columns) {
  const std::size_t have = width(text);
  if (have > columns)
    return columns == 0 ? "" : std::string(first_characters(text, columns - 1)) + "…";
  return std::string(text) + std::string(columns - have, ' ');
}

std::vector<std::string> wrapped_lines(std::string_view text, std::size_t columns) {
  std::vector<std::string> lines;
  while (width(text) > columns) {
    const std::size_t room = first_characters(text, columns).size();
    const std::size_t space = text.rfind(' ', room);
    const std::size_t end = space == std::string_view::npos || space == 0 ? room : space;
    lines.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(text.size(), text.find_first_not_of(' ', end)));
  }
  if (!text.empty()) lines.emplace_back(text);
  return lines;
}

std::string within_columns(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    out += width(line) > kColumns ? fitted(line, kColumns) : std::string(line);
    if (end < text.size()) out += '\n';
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

}  // namespace weir::control
