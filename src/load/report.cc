#include "load/report.h"

#include "control/text.h"
#include "fmt/core.h"

namespace weir::load {
namespace {

using control::counted;
using control::grouped;
using control::milliseconds_text;

std::string time_text(Nanos time) {
  return milliseconds_text(static_cast<double>(time.count()) / 1e6);
}

bool is_broken(const Report& report, const Threshold& each) {
  return each.holds(found(each, report.outcome));
}

std::string pace_text(const Report& report, const Tally& all) {
  const Outcome& outcome = report.outcome;
  const double rate = outcome.per_second(all.sent());
  std::string text =
      fmt::format("{} in {}, {}", counted(all.calls, "call"),
                  control::span_text(static_cast<double>(outcome.sending.count()) / 1e9),
                  control::rate_text(rate));
  if (outcome.closed_loop) return text + ", as fast as answers came";
  if (!report.subject.asked || outcome.interrupted) return text;
  // By chance alone a Poisson run is off by this much, and more, one time in three.
  return rate >= *report.subject.asked * 0.999
             ? text + " as asked"
             : text + " of " + control::rate_text(*report.subject.asked) + " asked";
}

}  // namespace

std::string_view to_string(Ending ending) {
  switch (ending) {
    case Ending::answered:
      return "answered";
    case Ending::timeout:
      return "timeout";
    case Ending::connect:
      return "connect failed";
    case Ending::closed:
      return "closed early";
    case Ending::protocol:
      return "not HTTP";
    case Ending::unfinished:
      return "unfinished";
    case Ending::unsent:
      return "never sent";
    case Ending::count_:
      break;
  }
  return "";
}

std::string quantile_name(double q) { return fmt::format("p{:.6g}", q * 100); }

Judgement judge(const Report& report) {
  const Tally all = report.outcome.all();
  if (all.of(Ending::answered) == 0) return Judgement::no_answer;
  for (const Threshold& each : report.subject.thresholds)
    if (is_broken(report, each)) return Judgement::broken;
  return report.outcome.is_of_generator() ? Judgement::not_the_server : Judgement::done;
}

int exit_code(Judgement judgement) {
  switch (judgement) {
    case Judgement::done:
      return 0;
    case Judgement::broken:
      return 99;
    case Judgement::not_the_server:
      return 4;
    case Judgement::no_answer:
      break;
  }
  return 1;
}

std::string headline(const Report& report) {
  const Tally all = report.outcome.all();
  switch (judge(report)) {
    case Judgement::no_answer:
      return fmt::format("NO ANSWER   to any of {}: {}", counted(all.calls, "call"),
                         answers_text(all));
    case Judgement::broken: {
      std::string text;
      for (const Threshold& each : report.subject.thresholds) {
        if (is_broken(report, each))
          text += fmt::format("{}{} ({})", text.empty() ? "" : ", ", each.text,
                              found_text(each, report.outcome));
      }
      return "BROKEN   " + text;
    }
    case Judgement::not_the_server:
      if (!report.outcome.generator.fell_behind())
        return "LATE   out of processor time: these figures are of this machine, not of the server";
      return fmt::format(
          "LATE   calls went out up to {} late: these figures are of this machine, not of the "
          "server",
          time_text(report.outcome.generator.late.longest));
    case Judgement::done:
      break;
  }
  return fmt::format("{}   {}", report.outcome.interrupted ? "CUT SHORT" : "DONE",
                     pace_text(report, all));
}

std::string answers_text(const Tally& tally) {
  std::string text;
  const auto add = [&](std::string_view name, std::uint64_t count) {
    if (count > 0) text += fmt::format("{}{} {}", text.empty() ? "" : "   ", name, grouped(count));
  };
  for (std::size_t i = 0; i < tally.statuses.size(); ++i) add(std::to_string(i), tally.statuses[i]);
  for (std::size_t i = 1; i < tally.endings.size(); ++i)
    add(to_string(static_cast<Ending>(i)), tally.endings[i]);
  return text.empty() ? "none" : text;
}

std::string quantiles_text(const Times& times) {
  std::string text;
  for (const double q : kQuantiles)
    if (q < 0.9999) text += fmt::format("{} {}   ", quantile_name(q), time_text(times.quantile(q)));
  return text + fmt::format("max {}   mean {}", time_text(times.longest), time_text(times.mean()));
}

std::string generator_text(const Outcome& outcome) {
  const Generator& generator = outcome.generator;
  const std::string cpu = fmt::format("{:.0f} % of a core", outcome.cpu_share() * 100);
  if (outcome.closed_loop) {
    return outcome.is_out_of_cpu() ? cpu + ": it could not ask faster, the server may have more"
                                   : cpu;
  }
  std::string text =
      fmt::format("{}: sends {} late at p99, {} at most; {}",
                  generator.fell_behind()     ? "FELL BEHIND"
                  : outcome.is_of_generator() ? "OUT OF PROCESSOR TIME"
                                              : "kept up",
                  time_text(generator.late.quantile(0.99)), time_text(generator.late.longest), cpu);
  return text;
}

}  // namespace weir::load
