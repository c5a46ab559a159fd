// A plan as Markdown (a comment on a pull request) and as SARIF 2.1.0 (a code host's list of
// findings).
#include <string>

#include "config/diagnostic.h"
#include "config/values.h"
#include "control/forms.h"
#include "control/plan_text.h"
#include "control/text.h"
#include "fmt/core.h"

namespace weir::control {
namespace {

using replay::PlanReport;
using replay::PlanVerdict;

std::string range(const replay::Bounded& count) {
  return count.low == count.high ? grouped(count.value)
                                 : fmt::format("{} to {}", grouped(count.low), grouped(count.high));
}

std::vector<SarifResult> findings_of(const PlanReport& report) {
  std::vector<SarifResult> all;
  const std::string level = report.verdict == PlanVerdict::harm ? "error" : "warning";
  for (const auto& limit : report.limits) {
    if (limit.refused.high == 0) continue;
    std::string text =
        fmt::format("limit {} would refuse {} requests of {}", config::printable(limit.name),
                    range(limit.refused), counted(limit.callers_refused, "caller"));
    if (limit.nearest_safe)
      text += fmt::format("; {} refuses no {} caller", nearest_text(*limit.nearest_safe),
                          report.by_known() ? "known" : "established");
    all.push_back({.rule = "limit-refuses", .level = level, .text = text, .at = limit.source});
  }
  for (const auto& timeout : report.timeouts) {
    if (timeout.cut == 0) continue;
    all.push_back({.rule = "timeout-cuts",
                   .level = level,
                   .text = fmt::format(
                       "response timeout {} of route {} would cut {} of {} requests",
                       config::print_duration(timeout.timeout), config::printable(timeout.route),
                       grouped(timeout.cut), grouped(timeout.of)),
                   .at = timeout.source});
  }
  for (const std::string& reason : report.reasons)
    all.push_back({.rule = std::string(replay::to_string(report.verdict)),
                   .level = level,
                   .text = config::printable(reason),
                   .at = {}});
  return all;
}

}  // namespace

std::string plan_markdown(const PlanAnswer& answer) {
  const PlanReport& report = answer.report;
  const char* const word = report.verdict == PlanVerdict::harm       ? "Harm"
                           : report.verdict == PlanVerdict::harmless ? "Harmless"
                                                                     : "Not enough data";
  std::string out = fmt::format(
      "### weir plan: {}\n\n{} → {}: {} of {} newly refused, {} of {} newly refused ({} known, {} "
      "established).\n\n",
      word, markdown_cell(answer.base), markdown_cell(answer.subject),
      range(report.requests.newly_refused), counted(report.requests.judged, "request"),
      range(report.callers.newly_refused), counted(report.callers.active, "caller"),
      range(report.callers.known_newly_refused), range(report.callers.established_newly_refused));
  for (const std::string& reason : report.reasons)
    out += fmt::format("- {}\n", config::printable(reason));
  if (!report.limits.empty()) {
    out +=
        "\n| limit | rate | burst | refused | callers | nearest safe "
        "|\n|---|---|---|---|---|---|\n";
    for (const auto& limit : report.limits) {
      out += fmt::format("| {} | {} | {} | {} | {} | {} |\n", markdown_cell(limit.name),
                         limit.learned ? "learned" : config::print_rate(limit.rate),
                         limit.learned ? "" : grouped(limit.burst), range(limit.refused),
                         grouped(limit.callers_refused),
                         limit.nearest_safe ? nearest_text(*limit.nearest_safe) : "");
    }
  }
  if (!report.hurt.empty()) {
    out += "\n| most hurt | refused before | after | of | |\n|---|---|---|---|---|\n";
    for (std::size_t i = 0; i < std::min<std::size_t>(report.hurt.size(), 10); ++i) {
      const auto& hurt = report.hurt[i];
      out +=
          fmt::format("| {} | {} | {} | {} | {} |\n", markdown_cell(hurt.caller),
                      grouped(hurt.before_refused), grouped(hurt.after_refused), grouped(hurt.of),
                      hurt.known         ? "known"
                      : hurt.established ? "established"
                                         : "");
    }
  }
  for (const auto& cannot : report.input.cannot_judge)
    out += fmt::format("\nCannot judge {}: {}.\n", cannot.what, cannot.hint);
  return out;
}

std::string plan_sarif(const PlanAnswer& answer, std::string_view version) {
  return sarif_text("weir plan", version, answer.files, findings_of(answer.report));
}

}  // namespace weir::control
