// `weir plan`: what going over to a configuration would do to the people in a log or a recording.
#include <algorithm>
#include <boost/json/parse.hpp>
#include <string>
#include <utility>

#include "cmd/admin_client.h"
#include "cmd/commands.h"
#include "cmd/configuration.h"
#include "cmd/progress.h"
#include "cmd/terminal.h"
#include "config/diagnostic.h"
#include "control/plan_run.h"
#include "control/plan_text.h"
#include "control/text.h"
#include "control/version.h"
#include "fmt/core.h"

namespace weir::cmd {
namespace {

std::string next_command(const control::PlanAnswer& answer, const PlanOptions& options) {
  for (const auto& limit : answer.report.limits) {
    if (!limit.nearest_safe) continue;
    if (options.file.empty()) {
      const std::string key = options.limits.size() == 1
                                  ? options.limits[0].substr(0, options.limits[0].find(' '))
                                  : limit.name;
      return fmt::format("try: weir plan --limit '{} {}'", config::printable(key),
                         control::limit_words(*limit.nearest_safe));
    }
    return fmt::format("try: weir plan --set limits.{}.{}", config::printable(limit.name),
                       control::changed_value(limit));
  }
  if (answer.report.verdict == replay::PlanVerdict::not_enough_data) return "see: weir help plan";
  if (answer.report.verdict == replay::PlanVerdict::harm) return "see: weir plan … --callers";
  return options.file.empty() ? "next: weir init"
                              : fmt::format("next: weir apply {}", config::printable(options.file));
}

}  // namespace

int plan(const PlanOptions& options) {
  control::PlanQuestion question{
      .file = options.file,
      .limits = options.limits,
      .sets = options.sets,
      .unsets = options.unsets,
      .base = options.base,
      .logs = options.logs,
      .recordings = options.recordings,
      .log_format = options.log_format,
      .fields = options.fields,
      .host = options.host,
      .budget_known = options.budget_known,
      .budget_requests = options.budget_requests,
      .directories = {},
      .retries = options.retries,
      .progress = {}};
  if (question.file.empty() && question.limits.empty()) {
    auto found = find_configuration(options.where.config);
    if (!found) return failed(found.error(), kUsage);
    question.file = std::move(*found);
  }
  if (question.base == "live") {
    Where where = options.where;
    if (where.config.empty()) where.config = question.file;
    const Asked asked = ask_gateway(where, {.path = "/api/v1/config"});
    if (!asked.ok()) return asked.code;
    question.base_text = boost::json::parse(asked.body).at("text").as_string();
  }
  question.directories = caller_directories(
      question.recordings, options.where.config.empty() ? question.file : options.where.config);
  Progress progress;
  question.progress = progress.teller();
  auto answer = control::run_plan(question);
  progress.clear();
  if (!answer) return failed(answer.error());
  PlanOptions named = options;
  named.file = question.file;
  switch (options.output) {
    case Output::json:
      print(control::plan_json(*answer));
      break;
    case Output::sarif:
      print(control::plan_sarif(*answer, control::kVersion));
      break;
    case Output::md:
      print(control::plan_markdown(*answer));
      break;
    case Output::text:
      print(control::plan_text(*answer, {.all_callers = options.all_callers, .sparkline = true},
                               next_command(*answer, named)));
  }
  return control::plan_exit_code(answer->report.verdict);
}

}  // namespace weir::cmd
