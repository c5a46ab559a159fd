// The values that only files of cases have: times from zero, amounts, shares.
#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <optional>

#include "config/cases.h"
#include "config/complaint.h"

namespace weir::config {
namespace {

struct Unit {
  std::string_view name;
  Nanos size;
};
constexpr std::array<Unit, 5> kUnits = {{{"us", std::chrono::microseconds(1)},
                                         {"ms", std::chrono::milliseconds(1)},
                                         {"s", std::chrono::seconds(1)},
                                         {"m", std::chrono::minutes(1)},
                                         {"h", std::chrono::hours(1)}}};

}  // namespace

Read<Moment> read_moment(std::string_view text) {
  if (text == "0") return Moment{};
  const std::size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
  const auto number = whole_number(text.substr(0, digits));
  const std::string_view unit = text.substr(digits);
  const auto named = std::ranges::find(kUnits, unit, &Unit::name);
  if (number && unit.empty()) {
    return complain(fmt::format("{} has no unit", quote(text)),
                    fmt::format("write {0}s or {0}ms", *number));
  }
  if (!number || named == kUnits.end()) {
    return complain(fmt::format("{} is not a time", quote(text)),
                    "write one whole number and one unit of us, ms, s, m, h, such as 20ms; or 0");
  }
  if (*number > static_cast<std::uint64_t>(Nanos(std::chrono::hours(366 * 24)) / named->size))
    return beyond(fmt::format("{} is longer than a year", quote(text)), "write at most 8784h");
  return Moment{named->size * static_cast<std::int64_t>(*number)};
}

Read<Amount> read_amount(std::string_view text) {
  const bool share = text.ends_with('%');
  const std::size_t dots = text.find("..");
  const auto one = [&](std::string_view part, std::uint64_t open) -> std::optional<std::uint64_t> {
    if (part.empty() && dots != std::string_view::npos) return open;
    if (share && part.ends_with('%')) part.remove_suffix(1);
    return share ? read_thousandths(part) : whole_number(part);
  };
  const std::string_view body = share ? text.substr(0, text.size() - 1) : text;
  const auto low = one(body.substr(0, dots), 0);
  const auto high = dots == std::string_view::npos
                        ? low
                        : one(body.substr(dots + 2), share ? Share::kWhole : Amount::kOpen);
  if (!low || !high || body.empty() || body == "..") {
    return complain(fmt::format("{} is not an amount", quote(text)),
                    "write a count or a share, or a range of them: 120, 100..120, 75%, 70..80%");
  }
  if (*low > *high) {
    return beyond(fmt::format("{} ends below its beginning", quote(text)),
                  "write the smaller number first");
  }
  return Amount{.share = share, .low = *low, .high = *high};
}

std::string print_moment(Moment value) {
  if (value.value.count() == 0) return "0s";
  for (auto unit = kUnits.rbegin(); unit != kUnits.rend(); ++unit) {
    if (value.value % unit->size == Nanos(0))
      return fmt::format("{}{}", value.value / unit->size, unit->name);
  }
  return fmt::format("{}us", value.value / kUnits[0].size);
}

std::string print_amount(const Amount& value) {
  const auto digits = [&](std::uint64_t n) {
    return value.share ? print_thousandths(n) : fmt::format("{}", n);
  };
  const std::string_view sign = value.share ? "%" : "";
  if (value.low == value.high) return fmt::format("{}{}", digits(value.low), sign);
  if (!value.share && value.high == Amount::kOpen) return fmt::format("{}..", value.low);
  return fmt::format("{}..{}{}", digits(value.low), digits(value.high), sign);
}

}  // namespace weir::config
