// The screen of a run: how it went first, the next command last.
#include "config/diagnostic.h"
#include "control/forms.h"
#include "control/text.h"
#include "fmt/core.h"
#include "load/report.h"

namespace weir::load {
namespace {

constexpr std::size_t kShownRoutes = 20;

using control::grouped;
using control::screen_line;

std::string time_text(Nanos time) {
  return control::milliseconds_text(static_cast<double>(time.count()) / 1e6);
}

std::string routes_text(const Report& report) {
  const Outcome& outcome = report.outcome;
  if (outcome.routes.size() < 2) return "";
  std::string text = fmt::format("  {:<13} {:>11} {:>9} {:>9} {:>9} {:>8}   {}\n", "routes",
                                 "calls", "p50", "p99", "max", "errors", "");
  for (std::size_t i = 0; i < outcome.routes.size() && i < kShownRoutes; ++i) {
    const Tally& each = outcome.routes[i];
    text += fmt::format("  {:<13} {:>11} {:>9} {:>9} {:>9} {:>6.3g} %   {}\n", "",
                        grouped(each.calls), time_text(each.latency.quantile(0.5)),
                        time_text(each.latency.quantile(0.99)), time_text(each.latency.longest),
                        each.error_share() * 100, config::printable(report.subject.routes[i]));
  }
  if (outcome.routes.size() > kShownRoutes)
    text +=
        screen_line("", fmt::format("… {} more: -o json", outcome.routes.size() - kShownRoutes));
  return text;
}

}  // namespace

std::string report_text(const Report& report, std::string_view next_command) {
  const Outcome& outcome = report.outcome;
  const Tally all = outcome.all();
  std::string text =
      control::both_ends(headline(report), config::printable(report.subject.target)) + "\n";
  text += screen_line("asked", config::printable(report.subject.how));
  text += screen_line("latency", quantiles_text(all.latency));
  if (outcome.closed_loop) {
    text += screen_line(
        "", "a closed loop hides stalls: a stalled server is asked less; --rate asks on");
  } else {
    text += screen_line("service", quantiles_text(all.service));
    text += screen_line("", "latency: from when a call was due; service: from when it was sent");
  }
  text += screen_line("answers", answers_text(all));
  text +=
      screen_line("errors", fmt::format("{:.3g} %   {} of {}", all.error_share() * 100,
                                        grouped(all.errors), control::counted(all.calls, "call")));
  text += routes_text(report);
  text += screen_line(
      "connections",
      fmt::format("{} at once of at most {}, {} opened{}", outcome.most_open,
                  report.subject.connections, grouped(outcome.opened),
                  outcome.reopened == 0 ? std::string()
                                        : fmt::format(", {} sent again on a new one",
                                                      control::counted(outcome.reopened, "call"))));
  if (outcome.generator.held > 0)
    text += screen_line(
        "", fmt::format("{} waited for a free connection: {}",
                        control::counted(outcome.generator.held, "call"),
                        outcome.is_out_of_cpu() ? "this machine reads answers no faster"
                                                : "a slow server, or too few --connections"));
  text += screen_line("generator", generator_text(outcome));
  for (const std::string& note : report.subject.notes)
    text += screen_line("note", config::printable(note));
  const int code = exit_code(judge(report));
  return control::within_columns(
      text + control::both_ends(fmt::format("exit {}", code), std::string(next_command)) + "\n");
}

}  // namespace weir::load
