#include "control/top_text.h"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include "control/json_read.h"
#include "control/text.h"
#include "fmt/core.h"

namespace weir::control {
namespace {

using boost::json::value;

// Right-aligned; "-" where there is none.
std::string rate(const value& row, std::string_view key) {
  const double number = number_at(row, key);
  return number == 0 ? "-" : rate_text(number);
}
std::string row_time(const value& row, std::string_view key) {
  return row.at(key).is_null() ? "-" : milliseconds_text(number_at(row, key));
}

std::string headline(const value& top) {
  const double all = number_at(top, "rate"), refused = number_at(top, "refused_rate");
  std::string text = fmt::format("{}   refused {}", rate_text(all), rate_text(refused));
  if (all > 0) text += fmt::format(" ({})", percent_text(refused / all));
  text += fmt::format("   failed {}   p99 {}   in flight {}\n",
                      rate_text(number_at(top, "failed_rate")), row_time(top, "p99_ms"),
                      grouped(count_at(top, "in_flight")));
  return text + fmt::format("{} at {}, over {:.1f} s\n", text_at(top, "revision"),
                            text_at(top, "at"), number_at(top, "seconds"));
}

std::string routes(const value& top, std::size_t rows) {
  std::string out = fmt::format("{:<36}{:>12}{:>12}{:>12}{:>12}{:>12}\n", "ROUTE", "rate",
                                "refused", "failed", "p50", "p99");
  for (const value& row : top.at("routes").as_array()) {
    if (rows-- == 0) break;
    out += fmt::format("{} {:>11}{:>12}{:>12}{:>12}{:>12}\n", fitted(text_at(row, "name"), 36),
                       rate(row, "rate"), rate(row, "refused_rate"), rate(row, "failed_rate"),
                       row_time(row, "p50_ms"), row_time(row, "p99_ms"));
  }
  return out;
}

std::string callers(const value& top, std::size_t rows) {
  const auto all = count_at(top, "exchanges"), seen = count_at(top, "exchanges_seen");
  const std::string how =
      seen < all ? fmt::format("   estimated from {} of {} exchanges", grouped(seen), grouped(all))
                 : "";
  std::string out = fmt::format("{:<36}{:>12}{:>12}   of {}{}\n", "CALLER", "rate", "refused",
                                grouped(count_at(top, "callers_seen")), how);
  for (const value& row : top.at("callers").as_array()) {
    if (rows-- == 0) break;
    out += fmt::format("{} {:>11}{:>12}\n", fitted(text_at(row, "name"), 36), rate(row, "rate"),
                       rate(row, "refused_rate"));
  }
  return out;
}

std::string endpoints(const value& top, std::size_t rows) {
  std::string out = fmt::format("{:<36}{:>12}{:>12}{:>12}{:>12}\n", "ENDPOINT", "rate", "share",
                                "in flight", "p99");
  for (const value& row : top.at("endpoints").as_array()) {
    if (rows-- == 0) break;
    out += fmt::format("{} {:>11}{:>12}{:>12}{:>12}\n",
                       fitted(text_at(row, "upstream") + " " + text_at(row, "endpoint"), 36),
                       rate(row, "rate"), percent_text(number_at(row, "share")),
                       grouped(count_at(row, "in_flight")), row_time(row, "p99_ms"));
  }
  return out;
}

std::string causes(const value& top, std::size_t rows) {
  std::string out = fmt::format("{:<36}{:>12}   {:<10}{}\n", "CAUSE", "rate", "side", "by rule");
  for (const value& row : top.at("causes").as_array()) {
    if (rows-- == 0) break;
    std::string rules;
    for (const value& rule : row.at("rules").as_array())
      rules += (rules.empty() ? "" : ", ") + config::printable(std::string_view(rule.as_string()));
    out += fmt::format("{} {:>11}   {:<10}{}\n", fitted(text_at(row, "cause"), 36),
                       rate(row, "rate"), text_at(row, "side"), rules);
  }
  return out;
}

}  // namespace

std::string top_text(const value& top, std::size_t rows) {
  std::string text = headline(top);
  for (const auto part : {routes, callers, endpoints, causes}) text += "\n" + part(top, rows);
  return within_columns(text);
}

}  // namespace weir::control
