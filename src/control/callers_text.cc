#include "control/callers_text.h"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include "control/json_read.h"
#include "control/keys_file.h"
#include "control/text.h"
#include "fmt/core.h"

namespace weir::control {
namespace {

using boost::json::value;

constexpr std::size_t kShownRoutes = 6, kShownRefusals = 6, kName = 26, kRule = 16;

std::string line(std::string_view label, std::string_view text) {
  return fmt::format("  {:<11}{}\n", label, text);
}

// 2026-10-04T14:30:02.123Z -> 2026-10-04 14:30:02
std::string when(const value& in, std::string_view key) {
  std::string text = text_at(in, key);
  if (text.size() < 19) return "never";
  text[10] = ' ';
  return text.substr(0, 19);
}

double seconds_between(const value& a, std::string_view from, const value& b, std::string_view to) {
  const auto moment = [](const value& in, std::string_view key) {
    const auto read = read_time(text_at(in, key).substr(0, 19) + "Z");
    return read ? *read : WallTime();
  };
  return std::chrono::duration<double>(moment(b, to) - moment(a, from)).count();
}

// What refused: the rule, else what there is to say.
std::string by(const value& refusal) {
  if (const std::string rule = text_at(refusal, "rule"); !rule.empty()) return rule;
  if (!refusal.at("cause").is_null()) return text_at(refusal, "cause");
  return fmt::format("status {}", count_at(refusal, "status"));  // of an upstream, or a log
}

std::string short_name(const std::string& name) {
  return fitted(name, std::min(width(name), kName));
}

std::string headline(const value& caller, const value& answer) {
  const std::string name = text_at(caller, "caller");
  const value& now = caller.at("refused_now");
  const bool is_new = text_at(caller, "standing") == "new";
  if (!now.is_null()) {
    return fmt::format("{}   {} is being refused by {} since {} ({}), {}\n",
                       is_new ? "REFUSED" : "HURT", short_name(name), by(now), when(now, "since"),
                       span_text(seconds_between(now, "since", answer, "at")),
                       counted(count_at(now, "count_since"), "request"));
  }
  const auto& refusals = caller.at("refusals").as_array();
  return fmt::format("FINE   {} is not being refused   last: {}\n", short_name(name),
                     refusals.empty() ? "never refused"
                                      : fmt::format("{} by {}", when(refusals.front(), "last"),
                                                    by(refusals.front())));
}

std::string standing(const value& caller) {
  const std::string kind = text_at(caller, "kind"), word = text_at(caller, "standing");
  std::string text = word == "known"
                         ? fmt::format("known since {}, {}", when(caller, "known_since"),
                                       counted(count_at(caller, "active_days"), "active day"))
                     : word == "established" ? "established, not known yet"
                                             : "neither known nor established";
  return line("who", fmt::format("{}   by {}", text,
                                 kind == "credential" ? "its credential" : "its address"));
}

std::string rates(const value& caller) {
  const value& rate = caller.at("rate_per_min");
  const double usual = number_at(rate, "usual"), now = number_at(rate, "now");
  std::string text =
      fmt::format("{:.1f}/min now, usual {:.1f}/min, busiest {}/min at {}", now, usual,
                  grouped(count_at(rate, "busiest")), when(rate, "busiest_at"));
  if (usual > 0 && now >= 2 * usual) text += fmt::format("   {:.1f} × usual", now / usual);
  std::string out = line("rate", text);
  if (const value& peak = caller.at("peak"); !peak.is_null())
    out += line("peak", fmt::format("{}/s, its p99 by the second over {}", grouped(count_at(peak, "per_s")),
                                    counted(count_at(peak, "days"), "active day")));
  return out;
}

std::string refusals(const value& caller) {
  std::string out;
  const auto& all = caller.at("refusals").as_array();
  for (std::size_t i = 0; i < std::min(all.size(), kShownRefusals); ++i) {
    const value& each = all[i];
    const std::string since = when(each, "since"), last = when(each, "last");
    const bool one_day = since.substr(0, 10) == last.substr(0, 10);
    out += line(i == 0 ? "refused by" : "",
                fmt::format("{} {:>7}   since {}, last {}  {} {}", fitted(by(each), kRule),
                            grouped(count_at(each, "count")), since,
                            one_day ? last.substr(11) : last.substr(0, 16), text_at(each, "cause"),
                            text_at(each, "revision")));
  }
  return out;
}

std::string routes(const value& caller) {
  std::string text;
  const auto& all = caller.at("routes").as_array();
  std::uint64_t others = count_at(caller, "other_routes");
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (i < kShownRoutes)
      text += fmt::format("{}{} {}", i == 0 ? "" : "   ", text_at(all[i], "route"),
                          grouped(count_at(all[i], "requests")));
    else
      others += count_at(all[i], "requests");
  }
  if (others > 0) text += fmt::format("   others {}", grouped(others));
  return text.empty() ? "" : line("routes", text);
}

std::string one(const value& caller, const value& answer) {
  std::string out = headline(caller, answer) + standing(caller);
  out +=
      line("seen", fmt::format("{} – {}", when(caller, "first_seen"), when(caller, "last_seen")));
  out += line("requests",
              fmt::format("{}   {} good, {} bad, {} refused", grouped(count_at(caller, "requests")),
                          grouped(count_at(caller, "good")), grouped(count_at(caller, "bad")),
                          grouped(count_at(caller, "refused"))));
  return out + rates(caller) + refusals(caller) + routes(caller);
}

}  // namespace

std::string caller_text(const value& answer) {
  std::string out;
  bool refused = false;
  for (const value& each : answer.at("callers").as_array()) {
    out += one(each, answer);
    refused = refused || !each.at("refused_now").is_null();
  }
  return within_columns(
      out +
      (refused
           ? "next: weir top | weir explain METHOD URL -H … | weir plan --set limits.NAME.rate=…\n"
           : "next: weir callers | weir top\n"));
}

std::string callers_text(const value& answer) {
  std::string out = fmt::format(
      "{}, {} known, {} established   {} being refused now   {} – {}\n",
      counted(count_at(answer, "total"), "caller"), grouped(count_at(answer, "known")),
      grouped(count_at(answer, "established")), grouped(count_at(answer, "refused_now")),
      when(answer, "from").substr(0, 16), when(answer, "to").substr(0, 16));
  const auto& all = answer.at("callers").as_array();
  if (!all.empty())
    out += fmt::format("  {} {:>11} {:>9}   {} {:<11}   {}\n", fitted("caller", kName), "requests",
                       "refused", fitted("by", kRule), "standing", "last seen");
  for (const value& each : all) {
    const value& now = each.at("refused_now");
    const auto& ever = each.at("refusals").as_array();
    const std::string rule = !now.is_null() ? by(now) : ever.empty() ? "" : by(ever.front());
    out += fmt::format("{} {} {:>11} {:>9}   {} {:<11}   {}\n", now.is_null() ? " " : "!",
                       fitted(text_at(each, "caller"), kName), grouped(count_at(each, "requests")),
                       grouped(count_at(each, "refused")), fitted(rule, kRule),
                       text_at(each, "standing"), when(each, "last_seen").substr(0, 16));
  }
  if (count_at(answer, "total") > all.size())
    out += fmt::format("  … {} more: --limit N\n", grouped(count_at(answer, "total") - all.size()));
  return within_columns(out + (all.empty() ? "next: weir import --log access.log | weir status\n"
                                           : "next: weir callers show NAME\n"));
}

}  // namespace weir::control
