#include "load/threshold.h"

#include <array>
#include <charconv>
#include <cmath>
#include <optional>
#include <utility>

#include "config/diagnostic.h"
#include "control/text.h"
#include "fmt/core.h"

namespace weir::load {
namespace {

using Figure = Threshold::Figure;
using Than = Threshold::Than;

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

// A number of digits with at most one point at the front of `text`, which is moved behind it.
std::optional<double> take_number(std::string_view& text) {
  double number = 0;
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed);
  if (error != std::errc() || !std::isfinite(number) || number < 0 || text.front() == '-')
    return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return number;
}

std::optional<double> read_time(std::string_view text) {
  static constexpr std::array<std::pair<std::string_view, double>, 5> kUnits = {
      {{"us", 1e3}, {"µs", 1e3}, {"ms", 1e6}, {"s", 1e9}, {"m", 60e9}}};
  const auto number = take_number(text);
  if (!number) return std::nullopt;
  for (const auto& [unit, nanos] : kUnits)
    if (text == unit) return *number * nanos;
  return std::nullopt;
}

std::optional<double> read_value(Figure figure, std::string_view text) {
  if (figure != Figure::errors && figure != Figure::rate) return read_time(text);
  const auto number = take_number(text);
  if (!number) return std::nullopt;
  if (figure == Figure::rate) return text.empty() || text == "/s" ? number : std::nullopt;
  if (text == "%" && *number <= 100) return *number / 100;
  return text.empty() && *number <= 1 ? number : std::nullopt;
}

bool read_figure(std::string_view word, Threshold& into) {
  if (word.starts_with("service.")) {
    into.of_service = true;
    word.remove_prefix(8);
  }
  if (word == "mean") {
    into.figure = Figure::mean;
  } else if (word == "max") {
    into.figure = Figure::longest;
  } else if (word == "errors" || word == "rate") {
    into.figure = word == "errors" ? Figure::errors : Figure::rate;
    return !into.of_service;
  } else if (word.starts_with('p')) {
    word.remove_prefix(1);
    const auto percent = word.empty() ? std::nullopt : take_number(word);
    if (!percent || !word.empty() || *percent <= 0 || *percent >= 100) return false;
    into.quantile = *percent / 100;
  } else {
    return false;
  }
  return true;
}

std::unexpected<Error> wrong(std::string_view text) {
  return fail(ErrorKind::invalid,
              fmt::format("{} is no threshold: write FIGURE < or > VALUE, such as 'p99 > 200ms', "
                          "'service.p50 > 5ms', "
                          "'max > 2s', 'errors > 0.1%' or 'rate < 950/s'",
                          config::quote(text)),
              Origin::config);
}

Result<Threshold> read_one(std::string_view text) {
  const std::size_t at = text.find_first_of("<>");
  if (at == std::string_view::npos) return wrong(text);
  Threshold made{.text = std::string(text)};
  const bool or_equal = at + 1 < text.size() && text[at + 1] == '=';
  made.than = text[at] == '<' ? (or_equal ? Than::at_most : Than::less)
                              : (or_equal ? Than::at_least : Than::more);
  if (!read_figure(trimmed(text.substr(0, at)), made)) return wrong(text);
  const auto value = read_value(made.figure, trimmed(text.substr(at + (or_equal ? 2 : 1))));
  if (!value) return wrong(text);
  made.value = *value;
  return made;
}

}  // namespace

bool Threshold::holds(double found) const {
  switch (than) {
    case Than::less:
      return found < value;
    case Than::at_most:
      return found <= value;
    case Than::more:
      return found > value;
    case Than::at_least:
      return found >= value;
  }
  return false;
}

Result<std::vector<Threshold>> read_thresholds(std::string_view text) {
  std::vector<Threshold> all;
  for (std::string_view rest = text;;) {
    const std::size_t comma = rest.find(',');
    auto one = read_one(trimmed(rest.substr(0, comma)));
    if (!one) return std::unexpected(one.error());
    all.push_back(std::move(*one));
    if (all.size() > Threshold::kMost)
      return fail(ErrorKind::too_large, fmt::format("at most {} thresholds", Threshold::kMost),
                  Origin::config);
    if (comma == std::string_view::npos) return all;
    rest.remove_prefix(comma + 1);
  }
}

double found(const Threshold& threshold, const Outcome& outcome) {
  const Tally all = outcome.all();
  const Times& times = threshold.of_service ? all.service : all.latency;
  switch (threshold.figure) {
    case Figure::quantile:
      return static_cast<double>(times.quantile(threshold.quantile).count());
    case Figure::mean:
      return static_cast<double>(times.mean().count());
    case Figure::longest:
      return static_cast<double>(times.longest.count());
    case Figure::errors:
      return all.error_share();
    case Figure::rate:
      return outcome.per_second(all.sent());
  }
  return 0;
}

std::string found_text(const Threshold& threshold, const Outcome& outcome) {
  const double value = found(threshold, outcome);
  switch (threshold.figure) {
    case Figure::errors:
      return fmt::format("{:.3g} %", value * 100);
    case Figure::rate:
      return control::rate_text(value);
    default:
      return control::milliseconds_text(value / 1e6);
  }
}

}  // namespace weir::load
