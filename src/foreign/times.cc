#include "foreign/times.h"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdlib>
#include <cstring>

#include "fmt/core.h"

namespace weir::foreign {
namespace {

using std::chrono::day;
using std::chrono::month;
using std::chrono::year;

constexpr std::int64_t kDay = 86'400;
constexpr std::int64_t kSecond = 1'000'000'000;

// Two, or four, decimal digits; -1 when they are none.
int two(const char* at) {
  const unsigned tens = static_cast<unsigned char>(at[0]) - '0',
                 ones = static_cast<unsigned char>(at[1]) - '0';
  return tens > 9 || ones > 9 ? -1 : static_cast<int>(tens * 10 + ones);
}
int four(const char* at) {
  const int high = two(at), low = two(at + 2);
  return high < 0 || low < 0 ? -1 : high * 100 + low;
}

std::optional<std::int64_t> start_of_day(int y, int m, int d) {
  if (y < 1970 || y > 2199 || m < 1 || d < 1) return std::nullopt;
  const std::chrono::year_month_day date(year(y), month(static_cast<unsigned>(m)),
                                         day(static_cast<unsigned>(d)));
  if (!date.ok()) return std::nullopt;
  return std::chrono::sys_days(date).time_since_epoch().count() * kDay;
}

int month_of(const char* name) {
  static constexpr std::string_view kNames = "JanFebMarAprMayJunJulAugSepOctNovDec";
  for (std::size_t i = 0; i < 12; ++i) {
    if (std::memcmp(kNames.data() + 3 * i, name, 3) == 0) return static_cast<int>(i) + 1;
  }
  return -1;
}

// HH:MM:SS as seconds; -1 when it is none.
std::int64_t clock_of(const char* at) {
  const int h = two(at), m = two(at + 3), s = two(at + 6);
  if (at[2] != ':' || at[5] != ':' || h < 0 || h > 23 || m < 0 || m > 59 || s < 0 || s > 60)
    return -1;
  return h * 3600 + m * 60 + s;
}

// .123 or ,123456 at the front of `rest`, taken off. False: a point without digits.
bool take_fraction(std::string_view& rest, std::int64_t& nanos, Nanos& precision) {
  nanos = 0;
  if (rest.empty() || (rest[0] != '.' && rest[0] != ',')) return true;
  std::size_t digits = 0;
  std::int64_t step = kSecond;
  rest.remove_prefix(1);
  for (; digits < rest.size() && rest[digits] >= '0' && rest[digits] <= '9'; ++digits) {
    if (step == 1) continue;  // beyond nanoseconds
    step /= 10;
    nanos += (rest[digits] - '0') * step;
  }
  if (digits == 0) return false;
  // 1 s, 1 ms, 1 us, 1 ns: a clock that drops closing zeros is no finer for it.
  precision = Nanos(step >= 1'000'000 ? 1'000'000 : step >= 1'000 ? 1'000 : 1);
  rest.remove_prefix(digits);
  return true;
}

// Of a time that ends with `text`; seconds east of UTC.
std::optional<std::int64_t> east_of(std::string_view text, Nanos zone) {
  if (text.empty()) return zone.count() / kSecond;
  if (text == "Z" || text == "z" || text == "UTC" || text == "GMT") return 0;
  if ((text[0] != '+' && text[0] != '-') || text.size() < 3) return std::nullopt;
  const int hours = two(text.data() + 1);
  std::string_view rest = text.substr(3);
  if (rest.starts_with(':')) rest.remove_prefix(1);
  const int minutes = rest.empty() ? 0 : rest.size() == 2 ? two(rest.data()) : -1;
  if (hours < 0 || hours > 15 || minutes < 0 || minutes > 59) return std::nullopt;
  const std::int64_t east = hours * 3600 + minutes * 60;
  return text[0] == '-' ? -east : east;
}

WallTime at(std::int64_t seconds, std::int64_t nanos) {
  return wall_from_nanos(seconds * kSecond + nanos);
}

constexpr std::int64_t kLatest = 7'258'118'400;  // 2200-01-01

}  // namespace

std::optional<Nanos> read_zone(std::string_view text) {
  const auto east = text.empty() ? std::nullopt : east_of(text, Nanos(0));
  return east ? std::optional(Nanos(*east * kSecond)) : std::nullopt;
}

std::string zone_text(Nanos zone) {
  if (zone == Nanos(0)) return "UTC";
  const std::int64_t minutes = std::abs(zone.count()) / kSecond / 60;
  return fmt::format("{}{:02}:{:02}", zone < Nanos(0) ? '-' : '+', minutes / 60, minutes % 60);
}

std::optional<LogTime> ClfTimes::read_anew(std::string_view text) {
  const std::string_view whole = text;
  if (text.size() >= 2 && text.front() == '[' && text.back() == ']')
    text = text.substr(1, text.size() - 2);
  if (text.size() < 20 || text[2] != '/' || text[6] != '/' || text[11] != ':') return std::nullopt;
  if (std::memcmp(text.data(), day_.data(), day_.size()) != 0) {
    const auto start =
        start_of_day(four(text.data() + 7), month_of(text.data() + 3), two(text.data()));
    if (!start) return std::nullopt;
    day_start_ = *start;
    std::memcpy(day_.data(), text.data(), day_.size());
  }
  const std::int64_t clock = clock_of(text.data() + 12);
  if (clock < 0) return std::nullopt;
  LogTime result;
  std::int64_t nanos = 0;
  std::string_view rest = text.substr(20);
  if (!take_fraction(rest, nanos, result.precision)) return std::nullopt;
  if (rest.starts_with(' ')) rest.remove_prefix(1);
  const auto east = east_of(rest, zone_);
  if (!east) return std::nullopt;
  result.zoneless = rest.empty();
  result.time = at(day_start_ + clock - *east, nanos);
  if (whole.size() == last_text_.size()) {
    std::memcpy(last_text_.data(), whole.data(), whole.size());
    last_ = result;
    has_last_ = true;
  }
  return result;
}

std::optional<LogTime> read_iso_time(std::string_view text, Nanos zone) {
  if (text.size() < 19) return std::nullopt;
  const char* const p = text.data();
  const bool dashes = p[4] == '-' && p[7] == '-';
  const bool slashes = p[4] == '/' && p[7] == '/';
  if ((!dashes && !slashes) || (p[10] != 'T' && p[10] != ' ' && p[10] != 't')) return std::nullopt;
  const auto start = start_of_day(four(p), two(p + 5), two(p + 8));
  const std::int64_t clock = clock_of(p + 11);
  if (!start || clock < 0) return std::nullopt;
  LogTime result;
  std::int64_t nanos = 0;
  std::string_view rest = text.substr(19);
  if (!take_fraction(rest, nanos, result.precision)) return std::nullopt;
  if (rest.starts_with(' ')) rest.remove_prefix(1);
  const auto east = east_of(rest, zone);
  if (!east) return std::nullopt;
  result.zoneless = rest.empty();
  result.time = at(*start + clock - *east, nanos);
  return result;
}

std::optional<LogTime> read_epoch(std::string_view text, TimeUnit unit) {
  const auto since = read_duration(text, unit);
  if (!since || since->count() / kSecond >= kLatest) return std::nullopt;
  LogTime result{.time = wall_from_nanos(since->count()), .precision = Nanos(1), .zoneless = false};
  if (unit == TimeUnit::nanoseconds) return result;
  const std::size_t point = text.find('.');
  const std::size_t decimals = point == std::string_view::npos ? 0 : text.size() - point - 1;
  const std::size_t digits = decimals + (unit == TimeUnit::seconds        ? 0
                                         : unit == TimeUnit::milliseconds ? 3
                                                                          : 6);
  result.precision = Nanos(digits == 0   ? kSecond
                           : digits <= 3 ? 1'000'000
                           : digits <= 7 ? 1'000
                                         : 1);
  return result;
}

std::optional<LogTime> read_any_time(std::string_view text, Nanos zone) {
  if (text.size() >= 2 && text.front() == '[' && text.back() == ']')
    text = text.substr(1, text.size() - 2);
  if (text.size() > 10 && (text[4] == '-' || text[4] == '/')) return read_iso_time(text, zone);
  if (text.size() > 11 && text[2] == '/') return ClfTimes(zone).read(text);
  const std::size_t digits = std::min(text.find('.'), text.size());
  if (digits >= 18) return read_epoch(text, TimeUnit::nanoseconds);
  if (digits >= 15) return read_epoch(text, TimeUnit::microseconds);
  if (digits >= 12) return read_epoch(text, TimeUnit::milliseconds);
  return read_epoch(text, TimeUnit::seconds);
}

}  // namespace weir::foreign
