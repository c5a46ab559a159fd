// The text of a plan (SCREENS, first screen): verdict and people first, the next command last.
#include "control/plan_text.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <iterator>
#include <set>
#include <string_view>
#include <tuple>
#include <utility>

#include "config/diagnostic.h"
#include "config/values.h"
#include "control/forms.h"
#include "control/text.h"
#include "fmt/core.h"

namespace weir::control {
namespace {

using replay::Bounded;
using replay::PlanReport;
using replay::PlanVerdict;

constexpr std::size_t kShownHurt = 2, kShownRoutes = 4, kSparks = 24;

// 12, or "9 to 12" where two readings differ.
std::string range(const Bounded& count) {
  return count.low == count.high ? grouped(count.value)
                                 : fmt::format("{} to {}", grouped(count.low), grouped(count.high));
}

// Small shares are not rounded to nothing.
std::string percent(double share) {
  return share > 0 && share < 0.001 ? fmt::format("{:.2g} %", share * 100) : percent_text(share);
}

double of(std::uint64_t part, std::uint64_t whole) {
  return whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole);
}

std::string change_text(const PlanAnswer& answer) {
  return fmt::format("{} → {}", config::printable(answer.base), config::printable(answer.subject));
}

std::string headline(const PlanReport& report) {
  const std::uint64_t active = report.callers.active;
  if (report.input.rows == 0) return "NOT ENOUGH DATA   the input holds no request";
  if (report.verdict == PlanVerdict::harmless && report.callers.newly_refused.high == 0) {
    return fmt::format("HARMLESS   none of {} would be newly refused", counted(active, "caller"));
  }
  const char* const word = report.verdict == PlanVerdict::harmless ? "HARMLESS"
                           : report.verdict == PlanVerdict::harm   ? "HARM"
                                                                   : "NOT ENOUGH DATA";
  const Bounded& people = report.by_known() ? report.callers.known_newly_refused
                                            : report.callers.established_newly_refused;
  return fmt::format("{}   {} of {} would be newly refused, {} of them {}", word,
                     range(report.callers.newly_refused), counted(active, "caller"), range(people),
                     report.by_known() ? "known" : "established");
}

std::string hour_text(WallTime time) { return time_text(time).substr(11, 5); }

std::string sparkline(const std::vector<PlanReport::Minute>& minutes) {
  static constexpr std::array<std::string_view, 8> kBars = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
  const std::size_t count = std::min(kSparks, minutes.size());
  std::vector<std::uint64_t> sums(count);
  for (std::size_t i = 0; i < minutes.size(); ++i)
    sums[i * count / minutes.size()] += minutes[i].newly_refused;
  const std::uint64_t most = *std::ranges::max_element(sums);
  std::string text;
  for (const std::uint64_t sum : sums) {
    const auto height = most == 0 ? 0 : static_cast<std::size_t>(std::ceil(of(sum, most) * 7));
    text += kBars[height];
  }
  return text;
}

std::string over_time(const PlanReport& report) {
  const auto& minutes = report.minutes;
  const auto worst = std::ranges::max_element(
      minutes, {}, [](const auto& minute) { return minute.newly_refused; });
  const auto index = worst - minutes.begin();
  const WallTime at = *report.input.from + std::chrono::minutes(index);
  return fmt::format("{} {} {}          worst {}, {}", hour_text(*report.input.from),
                     sparkline(minutes), hour_text(*report.input.to), hour_text(at),
                     percent(of(worst->newly_refused, worst->requests)));
}

std::string routes_text(const PlanReport& report) {
  std::vector<PlanReport::RoutePart> hurt;
  std::ranges::copy_if(report.routes, std::back_inserter(hurt),
                       [](const auto& route) { return route.newly_refused.high > 0; });
  std::ranges::sort(hurt, [](const auto& a, const auto& b) {
    return std::tuple(b.newly_refused.value, a.name) < std::tuple(a.newly_refused.value, b.name);
  });
  std::string text;
  for (std::size_t i = 0; i < std::min(hurt.size(), kShownRoutes); ++i) {
    const std::string name = hurt[i].name.empty() ? "(no route)" : config::printable(hurt[i].name);
    text += fmt::format("{}{} {}", i == 0 ? "" : "   ", name,
                        percent(of(hurt[i].newly_refused.value,
                                   std::max(hurt[i].before, hurt[i].newly_refused.value))));
  }
  if (hurt.size() > kShownRoutes) text += fmt::format("   … {} more", hurt.size() - kShownRoutes);
  return text;
}

std::string longer_text(const PlanReport::TimeoutPart& timeout) {
  const replay::Timeouts::Passed& longer = *timeout.longer;
  return fmt::format(
      "{}  response {} lets pass {:.0f} of {} that were cut ({:.0f} to {:.0f}, modelled)",
      config::printable(timeout.route), config::print_duration(timeout.timeout), longer.allowed,
      grouped(longer.cut_then), longer.low, longer.high);
}

std::string late_text(const replay::Timeouts::Passed& longer) {
  return fmt::format("{} of {} came in time", grouped(longer.in_time),
                     counted(longer.known, "late answer"));
}

std::string limit_text(const PlanReport::LimitPart& limit) {
  const std::string rate = limit.learned
                               ? fmt::format("learned, default {}", config::print_rate(limit.rate))
                               : fmt::format("{} burst {}", config::print_rate(limit.rate), grouped(limit.burst));
  const std::string does = limit.refused.high == 0
                               ? fmt::format("nobody, fullest bucket {} full", percent(1 - limit.headroom))
                               : fmt::format("{} of {}", range(limit.refused), counted(limit.callers_refused, "caller"));
  return fmt::format("{}  {}   refuses {}", config::printable(limit.name), rate, does);
}

std::string hurt_text(const PlanReport::HurtPart& hurt) {
  std::string text =
      fmt::format("{} {:>9} → {} of {}", fitted(config::printable(hurt.caller), 20),
                  grouped(hurt.before_refused), grouped(hurt.after_refused), grouped(hurt.of));
  text += fmt::format("  ({})", percent(of(hurt.after_refused, hurt.of)));
  if (hurt.known)
    text += fmt::format("   known {}", counted(hurt.days, "day"));
  else if (hurt.established)
    text += "   established";
  return text;
}

// Ends of what the input can tell, and what it cannot.
std::string judged_text(const PlanReport& report) {
  const PlanReport::Input& input = report.input;
  const double step = static_cast<double>(input.clock_resolution.count()) / 1e6;
  const std::string clock = milliseconds_text(std::max(step, 0.000001));
  std::string text = input.two_readings ? fmt::format("limits ±{} (the log's clock)", clock)
                     : report.how.carried_over.empty()
                         ? fmt::format("limits exact ({} clock)", clock)
                         : "limits exact";
  text += " · routes yes";
  for (const char* what : {"timeouts", "balance"}) {
    const auto no =
        std::ranges::find(input.cannot_judge, what, &PlanReport::Input::CannotJudge::what);
    text += fmt::format(" · {} {}", what, no == input.cannot_judge.end() ? "yes" : "NO");
  }
  return text;
}

std::string cannot_text(const PlanReport::Input::CannotJudge& cannot) {
  if (cannot.requests == 0) return fmt::format("{}: {}", cannot.what, cannot.hint);
  return fmt::format("{} ({}): {}", counted(cannot.requests, "request"), percent(cannot.share),
                     cannot.what == "no_facts" ? "never became a request" : cannot.hint);
}

std::string hurt_lines(const PlanAnswer& answer, const PlanTextOptions& options) {
  const auto& hurt = answer.report.hurt;
  const std::size_t shown = options.all_callers ? hurt.size() : std::min(hurt.size(), kShownHurt);
  std::string text;
  for (std::size_t i = 0; i < shown; ++i)
    text += screen_line(i == 0 ? "most hurt" : "", hurt_text(hurt[i]));
  if (shown < hurt.size())
    text += screen_line("", fmt::format("… {} more: --callers", grouped(hurt.size() - shown)));
  return text;
}

std::string refused_text(const PlanReport& report) {
  const auto& requests = report.requests;
  std::string share = percent(of(requests.newly_refused.low, requests.judged));
  const std::string most = percent(of(requests.newly_refused.high, requests.judged));
  if (most != share) share += " to " + most;
  return fmt::format("{} of {} ({}), today {}", range(requests.newly_refused),
                     counted(requests.judged, "request"), share, grouped(requests.before_refused));
}

}  // namespace

std::string input_text(const PlanAnswer& answer) {
  const PlanReport::Input& input = answer.report.input;
  std::string text = fmt::format("{} of a {}", counted(input.rows, "request"), answer.input);
  if (input.from) {
    const std::string from = time_text(*input.from), to = time_text(*input.to);
    text += fmt::format(", {} {} – {} {} UTC", from.substr(0, 10), from.substr(11, 5),
                        from.substr(0, 10) == to.substr(0, 10) ? "" : to.substr(0, 10),
                        to.substr(11, 5));
    if (const std::size_t blanks = text.find("–  "); blanks != std::string::npos)
      text.erase(blanks + 3, 1);
  }
  if (input.skipped > 0) text += fmt::format(", {} skipped", grouped(input.skipped));
  if (input.late > 0) text += fmt::format(", {} late", grouped(input.late));
  return text;
}

std::string nearest_text(const replay::NearestSafe& nearest) {
  return fmt::format("rate {} burst {}", config::print_rate(nearest.rate), grouped(nearest.burst));
}

std::string limit_words(const replay::NearestSafe& nearest) {
  return fmt::format("{} burst={}", config::print_rate(nearest.rate), nearest.burst);
}

std::string changed_value(const PlanReport::LimitPart& limit) {
  if (limit.nearest_safe->burst != limit.burst)
    return fmt::format("burst={}", limit.nearest_safe->burst);
  return fmt::format("rate={}", config::print_rate(limit.nearest_safe->rate));
}

int plan_exit_code(PlanVerdict verdict) {
  return verdict == PlanVerdict::harmless ? 0 : verdict == PlanVerdict::harm ? 3 : 4;
}

std::string plan_text(const PlanAnswer& answer, const PlanTextOptions& options,
                      std::string_view next) {
  const PlanReport& report = answer.report;
  // What is judged stands at the end of the first line, or on the next one where it is long.
  const std::string head = headline(report), change = change_text(answer);
  const bool fits = width(head) + width(change) + 4 <= kColumns;
  std::string out = (fits ? both_ends(head, change) : head) + "\n";
  if (!fits) out += screen_line("change", change);
  out += screen_line("input", input_text(answer));
  if (report.input.rows > 0) {
    const std::string refused = refused_text(report),
                      allowed = "newly allowed " + range(report.requests.newly_allowed);
    const bool together = width(refused) + width(allowed) + 19 <= kColumns;
    out += screen_line("refused", together ? refused + "   " + allowed : refused);
    if (!together) out += screen_line("", allowed);
    if (report.requests.newly_expected.high > 0)
      out += screen_line("", fmt::format("{} more as `expect` wants, which is no harm",
                                         range(report.requests.newly_expected)));
    if (report.requests.carried_over > 0)
      out += screen_line("", fmt::format("{} for health or admission, carried over from the recording",
                                         grouped(report.requests.carried_over)));
    if (options.sparkline && report.requests.newly_refused.value > 0)
      out += screen_line("over time", over_time(report));
    if (report.requests.route_changed > 0)
      out += screen_line("route changed", counted(report.requests.route_changed, "request"));
    bool first = true;
    for (const auto& limit : report.limits)
      out += screen_line(std::exchange(first, false) ? "limits" : "", limit_text(limit));
    if (const std::string routes = routes_text(report); !routes.empty())
      out += screen_line("routes", routes);
    first = true;
    for (const auto& cause : report.causes) {
      if (cause.name != "limit_rejected")
        out += screen_line(std::exchange(first, false) ? "causes" : "",
                           fmt::format("{} {}", cause.name, grouped(cause.newly_refused)));
    }
    out += hurt_lines(answer, options);
    for (const auto& timeout : report.timeouts) {
      if (timeout.longer) {
        out += screen_line("timeouts", longer_text(timeout));
        out += screen_line("", late_text(*timeout.longer));
      }
      if (timeout.cut == 0) continue;
      out += screen_line(
          "timeouts",
          fmt::format("{}  response {} would cut {} of {} ({} to {}, modelled)",
                      config::printable(timeout.route), config::print_duration(timeout.timeout),
                      grouped(timeout.cut), counted(timeout.of, "request"), percent(timeout.low),
                      percent(timeout.high)));
    }
    std::set<std::string_view> seen;  // one that is in several upstreams gets all of theirs
    for (const auto& part : report.balance) {
      if (!part.sustained_known || part.picks_per_s <= 1.5 * part.sustained_per_s) continue;
      if (!seen.insert(part.endpoint).second) continue;
      out += screen_line("balance",
                         fmt::format("{}  {} in its busiest minute, best so far {} (modelled)",
                                     config::printable(part.endpoint), rate_text(part.picks_per_s),
                                     rate_text(part.sustained_per_s)));
    }
    if (report.retries.modelled && report.requests.newly_refused.value > 0) {
      out += screen_line(
          "with retries",
          fmt::format("{} refused if refused callers retry 3 times (modelled, not counted above)",
                      grouped(report.retries.newly_refused_with)));
    }
    out += screen_line("can judge", judged_text(report));
    for (const auto& cannot : report.input.cannot_judge)
      out += screen_line("cannot judge", cannot_text(cannot));
    for (const auto& limit : report.limits) {
      if (limit.nearest_safe) {
        out += screen_line("nearest safe",
                           fmt::format("{}  {} refuses no {} caller", config::printable(limit.name),
                                       nearest_text(*limit.nearest_safe),
                                       report.by_known() ? "known" : "established"));
      }
    }
  }
  for (const std::string& note : answer.notes) out += screen_line("read", note);
  // The first reason stands in the last line where there is room.
  std::vector<std::string> reasons;
  for (const std::string& reason : report.reasons) reasons.push_back(config::printable(reason));
  if (reasons.empty()) reasons.push_back("within the budget");
  std::string last = fmt::format("exit {}: {}", plan_exit_code(report.verdict), reasons.front());
  if (width(last) + width(next) + 4 > kColumns) {
    last = fmt::format("exit {}", plan_exit_code(report.verdict));
  } else {
    reasons.erase(reasons.begin());
  }
  for (const std::string& reason : reasons) out += screen_line("because", reason);
  out += both_ends(last, std::string(next)) + "\n";
  return within_columns(out);
}

}  // namespace weir::control
