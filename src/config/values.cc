#include "config/values.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <initializer_list>
#include <utility>

#include "config/complaint.h"
#include "config/diagnostic.h"

namespace weir::config {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr Nanos kLongest = hours(366 * 24);
constexpr std::uint64_t kLargest = std::uint64_t{1} << 50;  // a pebibyte
constexpr std::uint64_t kFastest = 100'000'000'000;  // thousandths a second: 100 million a second

// "12.5ms" -> digits "12.5", unit "ms".
struct Quantity {
  std::string_view number, unit;
};
Quantity split_quantity(std::string_view text) {
  std::size_t i = 0;
  while (i < text.size() && (is_digit(text[i]) || text[i] == '.')) ++i;
  std::size_t unit = i;
  while (unit < text.size() && text[unit] == ' ') ++unit;
  return {text.substr(0, i), text.substr(unit)};
}

// "0.6" -> 600; nothing when finer than a thousandth or not a number.
std::optional<std::uint64_t> thousandths(std::string_view text) {
  const std::size_t dot = text.find('.');
  const auto units = whole_number(text.substr(0, dot));
  if (!units || *units > 1'000'000'000'000) return std::nullopt;
  if (dot == std::string_view::npos) return *units * 1000;
  std::string fraction(text.substr(dot + 1));
  if (fraction.empty() || fraction.size() > 3) return std::nullopt;
  fraction.resize(3, '0');
  const auto part = whole_number(fraction);
  if (!part) return std::nullopt;
  return *units * 1000 + *part;
}

template <class T>
struct Unit {
  std::string_view name;
  T size;
};
constexpr std::array<Unit<Nanos>, 5> kTimes = {{{"d", hours(24)},
                                                {"h", hours(1)},
                                                {"m", minutes(1)},
                                                {"s", seconds(1)},
                                                {"ms", milliseconds(1)}}};
constexpr std::array<Unit<std::uint64_t>, 4> kSizes = {
    {{"GiB", 1u << 30}, {"MiB", 1u << 20}, {"KiB", 1u << 10}, {"B", 1}}};
constexpr std::array<Unit<Nanos>, 3> kPeriods = {
    {{"h", hours(1)}, {"min", minutes(1)}, {"s", seconds(1)}}};

// What people write for a unit, and how it is spelled here.
using Synonyms = std::initializer_list<std::pair<std::string_view, std::string_view>>;
std::string_view meant(std::string_view word, Synonyms synonyms) {
  const std::string folded = lower_case(word);
  for (const auto& [from, to] : synonyms) {
    if (folded == from) return to;
  }
  return "";
}

std::string_view meant_time(std::string_view unit) {
  return meant(unit, {{"sec", "s"},     {"secs", "s"},    {"second", "s"},        {"seconds", "s"},
                      {"s", "s"},       {"min", "m"},     {"mins", "m"},          {"minute", "m"},
                      {"minutes", "m"}, {"hour", "h"},    {"hours", "h"},         {"h", "h"},
                      {"hr", "h"},      {"day", "d"},     {"days", "d"},          {"d", "d"},
                      {"msec", "ms"},   {"millis", "ms"}, {"milliseconds", "ms"}, {"ms", "ms"}});
}

std::string_view meant_size(std::string_view unit) {
  return meant(unit, {{"k", "KiB"},
                      {"kb", "KiB"},
                      {"ki", "KiB"},
                      {"kib", "KiB"},
                      {"m", "MiB"},
                      {"mb", "MiB"},
                      {"mi", "MiB"},
                      {"mib", "MiB"},
                      {"g", "GiB"},
                      {"gb", "GiB"},
                      {"gi", "GiB"},
                      {"gib", "GiB"},
                      {"bytes", "B"},
                      {"byte", "B"},
                      {"b", "B"}});
}

std::string_view meant_period(std::string_view unit) {
  return meant(unit, {{"sec", "s"},
                      {"second", "s"},
                      {"seconds", "s"},
                      {"1s", "s"},
                      {"s", "s"},
                      {"m", "min"},
                      {"minute", "min"},
                      {"minutes", "min"},
                      {"1m", "min"},
                      {"min", "min"},
                      {"hour", "h"},
                      {"hours", "h"},
                      {"hr", "h"},
                      {"1h", "h"},
                      {"h", "h"}});
}

}  // namespace

std::optional<std::uint64_t> whole_number(std::string_view digits) {
  std::uint64_t value = 0;
  if (digits.empty() || digits.size() > 18) return std::nullopt;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  return value;
}

Read<Nanos> read_duration(std::string_view text) {
  const auto [digits, unit] = split_quantity(text);
  const auto named =
      std::find_if(kTimes.begin(), kTimes.end(), [&](const auto& u) { return u.name == unit; });
  const auto number = whole_number(digits);
  if (number && named != kTimes.end() && digits.size() + unit.size() == text.size()) {
    if (*number == 0) {
      return beyond(fmt::format("{} is no time at all, and zero never means infinite", quote(text)),
                    "write a time above zero, such as 250ms, or none where the key may go without");
    }
    if (*number > static_cast<std::uint64_t>(kLongest / named->size)) {
      return beyond(fmt::format("{} is longer than a year", quote(text)), "write at most 8784h");
    }
    return named->size * static_cast<std::int64_t>(*number);
  }
  if (text == "none" || text == "never" || text == "infinite" || text == "off") {
    return complain(
        fmt::format("{} is not a duration, and this one cannot be left out", quote(text)),
        "write a time, such as 2s; long ones end at 8784h");
  }
  if (number && unit.empty()) {
    return complain(fmt::format("{} has no unit", quote(text)),
                    *number == 0
                        ? "write a time above zero, such as 250ms; zero never means infinite"
                        : fmt::format("write {0}s or {0}ms", digits));
  }
  if (number && named == kTimes.end() && !meant_time(unit).empty()) {
    return complain(fmt::format("{} is not written as a duration", quote(text)),
                    fmt::format("write {}{}", digits, meant_time(unit)));
  }
  if (const auto fine = thousandths(digits);
      fine && !number && named != kTimes.end() && named->name != "ms") {
    return complain(fmt::format("{} is not a whole number of {}", quote(text), named->name),
                    "write " + print_duration(named->size / 1000 *
                                              static_cast<std::int64_t>(
                                                  std::min(*fine, std::uint64_t{31'000'000}))));
  }
  return complain(fmt::format("{} is not a duration", quote(text)),
                  "write one whole number and one unit of ms, s, m, h, d, such as 250ms or 90s");
}

Read<Rate> read_rate(std::string_view text) {
  const std::size_t slash = text.find('/');
  const std::string_view digits = text.substr(0, slash);
  const std::string_view unit =
      slash == std::string_view::npos ? std::string_view() : text.substr(slash + 1);
  const auto named =
      std::find_if(kPeriods.begin(), kPeriods.end(), [&](const auto& u) { return u.name == unit; });
  const auto count = thousandths(digits);
  if (count && named != kPeriods.end()) {
    if (*count == 0) {
      return beyond(
          fmt::format("{} would refuse everything, and zero never means infinite", quote(text)),
          "write a rate above zero; to close a route, let it `respond` with a status");
    }
    if (*count / static_cast<std::uint64_t>(named->size / seconds(1)) > kFastest) {
      return beyond(fmt::format("{} is more than any gateway serves", quote(text)),
                    "write at most 100000000/s");
    }
    return Rate{.count = *count, .period = named->size};
  }
  const auto [number, word] = split_quantity(text);
  if (slash == std::string_view::npos && thousandths(number)) {
    if (word.empty()) {
      return complain(fmt::format("{} has no period", quote(text)),
                      thousandths(number) == 0u
                          ? "write a rate above zero, such as 60/s; zero never means infinite"
                          : fmt::format("write {0}/s, {0}/min or {0}/h", number));
    }
    if (lower_case(word) == "rps" || lower_case(word) == "r") {
      return complain(fmt::format("{} is not written as a rate", quote(text)),
                      fmt::format("write {}/s", number));
    }
  }
  if (count && !meant_period(unit).empty()) {
    return complain(fmt::format("{} is not written as a rate", quote(text)),
                    fmt::format("write {}/{}", digits, meant_period(unit)));
  }
  if (count && (unit == "d" || lower_case(unit) == "day")) {
    return complain(
        fmt::format("{} counts by the day, which is a quota; quotas are not in this version",
                    quote(text)),
        "write a rate by s, min or h");
  }
  if (number.size() > 4 && number.find('.') != std::string_view::npos && !thousandths(number)) {
    return complain(fmt::format("{} is finer than a thousandth", quote(text)),
                    "take a longer period: 1.8/h in place of 0.0005/s, for example");
  }
  return complain(fmt::format("{} is not a rate", quote(text)),
                  "write a number and a period, such as 60/s, 0.6/s, 30/min or 1000/h");
}

Read<Bytes> read_size(std::string_view text) {
  const auto [digits, unit] = split_quantity(text);
  const auto named =
      std::find_if(kSizes.begin(), kSizes.end(), [&](const auto& u) { return u.name == unit; });
  const auto number = whole_number(digits);
  if (number && named != kSizes.end() && digits.size() + unit.size() == text.size()) {
    if (*number == 0) {
      return beyond(fmt::format("{} is no size at all, and zero never means infinite", quote(text)),
                    "write a size above zero, such as 16KiB, or none where the key may go without");
    }
    if (*number > kLargest / named->size) {
      return beyond(fmt::format("{} is more than a pebibyte", quote(text)), "write a smaller size");
    }
    return Bytes{*number * named->size};
  }
  if (number && unit.empty()) {
    return complain(fmt::format("{} has no unit", quote(text)),
                    *number >= 1024
                        ? fmt::format("write {} for {} bytes", print_size({*number}), *number)
                        : fmt::format("write {0}B for bytes, or {0}KiB", digits));
  }
  if (number && !meant_size(unit).empty()) {
    return complain(fmt::format("{} is not written as a size", quote(text)),
                    fmt::format("write {}{} (1 KiB is 1,024 bytes)", digits, meant_size(unit)));
  }
  return complain(fmt::format("{} is not a size", quote(text)),
                  "write one whole number and one unit of B, KiB, MiB, GiB, such as 16KiB");
}

Read<Bytes> read_size_rate(std::string_view text) {
  if (text.ends_with("/s")) return read_size(text.substr(0, text.size() - 2));
  return complain(fmt::format("{} is not a size in a second", quote(text)), "write it like 1KiB/s");
}

Read<std::uint64_t> read_count(std::string_view text, std::uint64_t low, std::uint64_t high) {
  const auto number = whole_number(text);
  if (low == high && number != low)
    return beyond(fmt::format("{} is not {}", quote(text), low), fmt::format("write {}", low));
  if (!number) {
    return complain(fmt::format("{} is not a whole number", quote(text)),
                    fmt::format("write a number from {} to {}", low, high));
  }
  if (*number < low || *number > high) {
    return beyond(fmt::format("{} is not between {} and {}", *number, low, high),
                  fmt::format("write a number from {} to {}{}", low, high,
                              *number == 0 ? "; zero never means infinite" : ""));
  }
  return *number;
}

std::string print_duration(Nanos value) {
  for (const auto& [name, size] : kTimes) {
    const bool usual =
        (value != minutes(1) || size < minutes(1)) && (size < hours(24) || value >= hours(48));
    if (value % size == Nanos(0) && usual) return fmt::format("{}{}", value / size, name);
  }
  return fmt::format("{}ms", value / Nanos(milliseconds(1)));
}

std::string print_rate(Rate value) {
  const auto period = std::find_if(kPeriods.begin(), kPeriods.end(),
                                   [&](const auto& u) { return u.size == value.period; });
  std::string number = fmt::format("{}", value.count / 1000);
  if (value.count % 1000 != 0) {
    number += fmt::format(".{:03}", value.count % 1000);
    while (number.back() == '0') number.pop_back();
  }
  return fmt::format("{}/{}", number, period == kPeriods.end() ? "s" : period->name);
}

std::string print_size(Bytes value) {
  for (const auto& [name, size] : kSizes) {
    if (value.count % size == 0) return fmt::format("{}{}", value.count / size, name);
  }
  return fmt::format("{}B", value.count);
}

std::optional<std::uint64_t> read_thousandths(std::string_view digits) {
  const std::size_t dot = digits.find('.');
  const auto units = whole_number(digits.substr(0, dot));
  if (!units || *units > 100) return std::nullopt;
  std::string fraction(dot == std::string_view::npos ? "0" : digits.substr(dot + 1));
  if (fraction.empty() || fraction.size() > 3) return std::nullopt;
  fraction.resize(3, '0');
  const auto part = whole_number(fraction);
  if (!part || *units * 1000 + *part > Share::kWhole) return std::nullopt;
  return *units * 1000 + *part;
}

std::string print_thousandths(std::uint64_t thousandths) {
  if (thousandths % 1000 == 0) return fmt::format("{}", thousandths / 1000);
  std::string out = fmt::format("{}.{:03}", thousandths / 1000, thousandths % 1000);
  while (out.ends_with('0')) out.pop_back();
  return out;
}

Read<Share> read_share(std::string_view text) {
  const auto read =
      text.ends_with('%') ? read_thousandths(text.substr(0, text.size() - 1)) : std::nullopt;
  if (read) return Share{*read};
  return complain(fmt::format("{} is not a share", quote(text)),
                  "write a percentage from 0% to 100%, such as 1% or 0.5%");
}

Read<StatusCode> read_status(std::string_view text) {
  const auto read = read_count(text, 200, 599);
  if (read) return StatusCode{static_cast<std::uint16_t>(*read)};
  return complain(fmt::format("{} is not the status of an answer", quote(text)),
                  "write a number from 200 to 599, such as 204");
}

std::string print_status(StatusCode value) { return fmt::format("{}", value.value); }

std::string print_share(Share value) { return print_thousandths(value.thousandths) + "%"; }

}  // namespace weir::config
