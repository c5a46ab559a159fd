#include "drill/law.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <numbers>
#include <optional>
#include <vector>

#include "config/cases.h"
#include "config/complaint.h"
#include "config/diagnostic.h"
#include "fmt/core.h"

namespace weir::drill {
namespace {

using config::quote;

constexpr Nanos kLongest = std::chrono::hours(1);
constexpr double kWidest = 5;  // sigma: e^(3 * 5) is three million times the median
constexpr std::string_view kForms =
    "write 20ms, uniform(10ms, 30ms), exponential(20ms) or lognormal(20ms, 0.4)";

std::string_view trim(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  return text;
}

std::optional<double> read_number(std::string_view text) {
  double number = 0;
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

std::optional<Nanos> read_time(std::string_view text) {
  const auto time = config::read_moment(text);
  if (!time || time->value > kLongest) return std::nullopt;
  return time->value;
}

std::string print_time(Nanos time) { return config::print_moment({time}); }

Nanos bounded(double nanos) {
  return Nanos(
      static_cast<std::int64_t>(std::clamp(nanos, 0.0, static_cast<double>(kLongest.count()))));
}

}  // namespace

Nanos Law::value(double u, double v) const {
  const auto at = static_cast<double>(first.count());
  switch (kind) {
    case Kind::constant:
      return first;
    case Kind::uniform:
      return bounded(at + u * static_cast<double>((second - first).count()));
    case Kind::exponential:
      return bounded(-at * std::log(u));
    case Kind::lognormal: {  // Box and Muller, 1958: two uniform numbers make a normal one
      const double normal = std::sqrt(-2 * std::log(u)) * std::cos(2 * std::numbers::pi * v);
      return bounded(at * std::exp(sigma * normal));
    }
  }
  return first;
}

Nanos Law::mean() const {
  switch (kind) {
    case Kind::constant:
    case Kind::exponential:
      return first;
    case Kind::uniform:
      return (first + second) / 2;
    case Kind::lognormal:
      return bounded(static_cast<double>(first.count()) * std::exp(sigma * sigma / 2));
  }
  return first;
}

config::Read<Law> read_law(std::string_view text) {
  const auto wrong = [&] {
    return config::complain(fmt::format("{} is not a law of how long something takes", quote(text)),
                            std::string(kForms));
  };
  Law law;
  const std::size_t open = text.find('(');
  if (open == std::string_view::npos) {
    const auto time = read_time(trim(text));
    if (!time) return wrong();
    law.first = *time;
    return law;
  }
  if (!text.ends_with(')')) return wrong();
  const std::string_view name = trim(text.substr(0, open));
  const std::string_view inside = text.substr(open + 1, text.size() - open - 2);
  const std::string_view pair = trim(inside);  // apart by a comma or a blank
  const std::size_t apart = pair.find_first_of(", ");
  const auto first = read_time(pair.substr(0, apart));
  std::string_view second =
      apart == std::string_view::npos ? std::string_view() : trim(pair.substr(apart));
  if (second.starts_with(',')) second = trim(second.substr(1));
  if (!first) return wrong();
  law.first = *first;
  if (name == "exponential" && apart == std::string_view::npos) {
    law.kind = Law::Kind::exponential;
    return law;
  }
  if (name == "uniform") {
    const auto greatest = read_time(second);
    if (!greatest || *greatest < law.first) return wrong();
    law.kind = Law::Kind::uniform;
    law.second = *greatest;
    return law;
  }
  if (name == "lognormal") {
    const auto sigma = read_number(second);
    if (!sigma || !(*sigma >= 0 && *sigma <= kWidest)) return wrong();
    law.kind = Law::Kind::lognormal;
    law.sigma = *sigma;
    return law;
  }
  return wrong();
}

std::string print_law(const Law& law) {
  switch (law.kind) {
    case Law::Kind::constant:
      return print_time(law.first);
    case Law::Kind::uniform:
      return fmt::format("uniform({}, {})", print_time(law.first), print_time(law.second));
    case Law::Kind::exponential:
      return fmt::format("exponential({})", print_time(law.first));
    case Law::Kind::lognormal:
      return fmt::format("lognormal({}, {})", print_time(law.first), law.sigma);
  }
  return "";
}

config::Read<Factor> read_factor(std::string_view text) {
  const auto number = read_number(text);
  if (number && *number >= 0.001 && *number <= 100'000) return Factor{*number};
  return config::complain(fmt::format("{} is not a factor", quote(text)),
                          "write a number from 0.001 to 100000, such as 4 or 1.2");
}

std::string print_factor(Factor factor) { return fmt::format("{}", factor.value); }

}  // namespace weir::drill
