#include "control/traffic_text.h"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include "control/json_read.h"
#include "control/text.h"
#include "fmt/core.h"

namespace weir::control {
namespace {

using boost::json::value;

constexpr std::size_t kName = 26, kHeadName = 44, kRule = 14;
constexpr double kMostTimes = 1000;  // beyond it a number says no more

std::string rate_or(const value& in, std::string_view key, std::string_view none) {
  return in.at(key).is_null() ? std::string(none) : rate_text(number_at(in, key));
}

std::string times(const value& row) {
  if (row.at("times_usual").is_null()) return "-";
  const double number = number_at(row, "times_usual");
  return number < kMostTimes ? fmt::format("{:.1f} ×", number) : "> 1000 ×";
}

std::string time_or_dash(const value& row, std::string_view key) {
  return row.at(key).is_null() ? "-" : milliseconds_text(number_at(row, key));
}

std::string short_name(const value& row, std::size_t most) {
  const std::string name = text_at(row, "name");
  return fitted(name, std::min(width(name), most));
}

std::string first_line(const value& traffic) {
  const std::string verdict = text_at(traffic, "verdict");
  if (verdict == "idle") {
    return number_at(traffic, "counted_s") == 0
               ? "IDLE    nothing was asked since the gateway began\n"
               : "IDLE    nothing was asked in the last seconds\n";
  }
  const value& row = traffic.at("rows").at(0);
  const std::string who =
      fmt::format("{}   {}", short_name(row, kHeadName), rate_text(number_at(row, "rate")));
  if (verdict == "young")
    return fmt::format("YOUNG   {}   what is usual is known after some seconds\n", who);
  if (verdict == "new") return fmt::format("NEW     {}   not seen before\n", who);
  const std::string usual =
      row.at("usual").is_null()
          ? "not seen before"
          : fmt::format("usual {} ({})", rate_text(number_at(row, "usual")), times(row));
  return fmt::format("{}   {}   {}\n", verdict == "above" ? "ABOVE" : "USUAL", who, usual);
}

std::string second_line(const value& traffic) {
  return fmt::format("all {}, usual {}   refused {}   bad {}   {} at {}, over {:.1f} s\n",
                     rate_text(number_at(traffic, "rate")), rate_or(traffic, "usual", "not known"),
                     rate_text(number_at(traffic, "refused_rate")),
                     percent_text(number_at(traffic, "bad_share")), text_at(traffic, "revision"),
                     text_at(traffic, "at"), number_at(traffic, "seconds"));
}

std::string refused_by(const value& row) {
  const value& by = row.at("refused_by");
  if (by.is_null()) return "";
  const std::string rule = text_at(by, "rule");
  return rule.empty() ? text_at(by, "cause") : rule;
}

std::string line(const value& row) {
  const double refused = number_at(row, "refused_rate");
  return fmt::format("{}{:>8}{:>8}{:>9}{:>8}{:>9}{:>9}{:>8}  {}\n",
                     fitted(text_at(row, "name"), kName), rate_text(number_at(row, "rate")),
                     rate_or(row, "usual", "new"), times(row),
                     percent_text(number_at(row, "bad_share")), time_or_dash(row, "p50_ms"),
                     time_or_dash(row, "p95_ms"), refused > 0 ? rate_text(refused) : "-",
                     fitted(refused_by(row), kRule));
}

std::string without_blanks_at_ends(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '\n') out.resize(out.find_last_not_of(' ') + 1);
    out += c;
  }
  return out;
}

}  // namespace

std::string traffic_text(const value& traffic) {
  std::string text = first_line(traffic) + second_line(traffic);
  const auto& rows = traffic.at("rows").as_array();
  if (!rows.empty()) {
    std::string heading = text_at(traffic, "by");
    for (char& c : heading) c = static_cast<char>(c - 'a' + 'A');
    text += fmt::format("\n{}{:>8}{:>8}{:>9}{:>8}{:>9}{:>9}{:>8}  {}\n", fitted(heading, kName),
                        "rate", "usual", "× usual", "bad", "p50", "p95", "refused", "by");
  }
  for (const value& row : rows) text += line(row);
  if (const std::uint64_t all = count_at(traffic, "subjects"); all > rows.size())
    text += fmt::format("… {} more: -n N\n", grouped(all - rows.size()));
  text += "next: weir callers show NAME | weir explain METHOD URL | weir top\n";
  return within_columns(without_blanks_at_ends(text));
}

}  // namespace weir::control
