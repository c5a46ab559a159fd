#include "load/capacity.h"

#include <algorithm>

#include "base/json.h"
#include "config/diagnostic.h"
#include "control/forms.h"
#include "control/text.h"
#include "fmt/core.h"

namespace weir::load {
namespace {

constexpr double kErrorsMost = 0.01;

std::string ms_text(Nanos time) {
  return control::milliseconds_text(static_cast<double>(time.count()) / 1e6);
}

std::string answer_text(const Capacity& each) {
  if (each.trials.empty()) return "not tried";
  if (each.done && !each.holds)
    return "none: not even " + control::rate_text(each.fails.value_or(each.trials.back().rate));
  std::string text = each.holds ? control::rate_text(*each.holds) : "not known";
  if (each.holds && !(each.done && each.fails)) text = "at least " + text;
  if (!each.done) text += each.by_generator ? ": this machine sends no faster" : ": cut short";
  if (each.fails) text += fmt::format("   ({} did not hold)", control::rate_text(*each.fails));
  return text;
}

}  // namespace

Trial judge_trial(double rate, const std::vector<Threshold>& goals, const Outcome& outcome) {
  const Tally all = outcome.all();
  Trial trial{.rate = rate,
              .held = true,
              .is_void = outcome.is_of_generator(),
              .p50 = all.latency.quantile(0.5),
              .p99 = all.latency.quantile(0.99),
              .error_share = all.error_share()};
  const auto broken = [&](std::string why) {
    trial.held = false;
    trial.why += (trial.why.empty() ? "" : ", ") + why;
  };
  for (const Threshold& goal : goals)
    if (!goal.holds(found(goal, outcome)))
      broken(fmt::format("not {} ({})", goal.text, found_text(goal, outcome)));
  const bool speaks_of_errors = std::ranges::any_of(
      goals, [](const Threshold& goal) { return goal.figure == Threshold::Figure::errors; });
  if (!speaks_of_errors && trial.error_share > kErrorsMost)
    broken(fmt::format("{:.3g} % errors", trial.error_share * 100));
  if (all.of(Ending::unsent) > 0)
    broken(fmt::format("{} never sent", control::counted(all.of(Ending::unsent), "call")));
  return trial;
}

int exit_code(const CapacityReport& report) {
  int code = 0;
  for (const Capacity& each : report.routes) {
    if (each.done && !each.holds) return 99;
    if (!each.done && !each.by_generator)
      code = 1;
    else if (code == 0 && !(each.done && each.fails))
      code = 4;
  }
  return code;
}

std::string capacity_text(const CapacityReport& report) {
  std::string text;
  for (const Capacity& each : report.routes) {
    text += control::both_ends(fmt::format("CAPACITY   {}", answer_text(each)),
                               config::printable(each.route)) +
            "\n";
  }
  text += control::screen_line("goal", config::printable(report.goals));
  text += control::screen_line("target", config::printable(report.target));
  for (const Capacity& each : report.routes) {
    text += fmt::format("  {:<13} {:>12} {:>9} {:>9} {:>9}   {}\n", "trials", "rate", "p50", "p99",
                        "errors", config::printable(each.route));
    for (const Trial& trial : each.trials) {
      text += fmt::format("  {:<13} {:>12} {:>9} {:>9} {:>7.3g} %   {}\n", "",
                          control::rate_text(trial.rate), ms_text(trial.p50), ms_text(trial.p99),
                          trial.error_share * 100,
                          trial.is_void ? "this machine's: not counted"
                          : trial.held  ? "holds"
                                        : config::printable(trial.why));
    }
  }
  if (report.interrupted) text += control::screen_line("note", "cut short");
  return control::within_columns(text + fmt::format("exit {}\n", exit_code(report)));
}

std::string capacity_json(const CapacityReport& report) {
  std::string out;
  JsonWriter json(out);
  const auto rate = [&](std::string_view name, std::optional<double> value) {
    json.key(name);
    value ? json.value(*value) : json.null();
  };
  json.begin_object()
      .field("target", report.target)
      .field("goals", report.goals)
      .field("exit", exit_code(report));
  json.field("interrupted", report.interrupted).key("routes").begin_array();
  for (const Capacity& each : report.routes) {
    json.begin_object().field("name", each.route);
    rate("holds", each.holds);
    rate("fails", each.fails);
    json.field("by_generator", each.by_generator).key("trials").begin_array();
    for (const Trial& trial : each.trials) {
      json.begin_object()
          .field("rate", trial.rate)
          .field("held", trial.held)
          .field("void", trial.is_void)
          .field("why", trial.why);
      json.field("p50_ms", static_cast<double>(trial.p50.count()) / 1e6);
      json.field("p99_ms", static_cast<double>(trial.p99.count()) / 1e6);
      json.field("error_share", trial.error_share).end_object();
    }
    json.end_array().end_object();
  }
  json.end_array().end_object();
  return out + "\n";
}

}  // namespace weir::load
