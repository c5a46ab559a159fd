// `weir plan`: what going over to a configuration would do to the people in a log or a recording.
#include <algorithm>
#include <boost/json/parse.hpp>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "cmd/admin_client.h"
#include "cmd/commands.h"
#include "cmd/configuration.h"
#include "cmd/progress.h"
#include "cmd/shared_options.h"
#include "cmd/terminal.h"
#include "config/diagnostic.h"
#include "control/plan_policy.h"
#include "control/plan_run.h"
#include "control/plan_text.h"
#include "control/text.h"
#include "control/version.h"
#include "fmt/core.h"

namespace weir::cmd {
namespace {

struct PlanOptions {
  std::string file;  // "": limits alone, else the default configuration
  std::vector<std::string> limits, sets, unsets;
  std::string base = "as-recorded";  // or live, or a configuration
  Where where;                       // of the gateway, for live
  Traffic traffic;
  std::optional<std::uint64_t> budget_known;
  std::string budget_requests;  // "0.1%"; "": that of the configuration
  bool retries = false;         // modelled
  bool all_callers = false;
  Output output = Output::text;
};

// The limits as they were given, but for one of them, which has its nearest safe value.
std::string limits_with(const std::vector<std::string>& limits,
                        const replay::PlanReport::LimitPart& part) {
  const std::vector<std::string> names = control::names_of_limits(limits);
  std::string words;
  for (std::size_t i = 0; i < limits.size(); ++i) {
    const std::string limit = names[i] == part.name
                                  ? fmt::format("{} {}", control::limit_key(limits[i]),
                                                control::limit_words(*part.nearest_safe))
                                  : limits[i];
    words += fmt::format(" --limit '{}'", config::printable(limit));
  }
  return words;
}

std::string next_command(const control::PlanAnswer& answer, const PlanOptions& options) {
  for (const auto& limit : answer.report.limits) {
    if (!limit.nearest_safe) continue;
    if (options.file.empty())
      return fmt::format("try: weir plan{}", limits_with(options.limits, limit));
    return fmt::format("try: weir plan --set limits.{}.{}", config::printable(limit.name),
                       control::changed_value(limit));
  }
  if (answer.report.verdict == replay::PlanVerdict::not_enough_data) return "see: weir help plan";
  if (answer.report.verdict == replay::PlanVerdict::harm) return "see: weir plan … --callers";
  return options.file.empty() ? "next: weir init"
                              : fmt::format("next: weir apply {}", config::printable(options.file));
}

// "0.1%" or "0.001"; none where nothing is said.
std::optional<double> share_of(const std::string& text) {
  if (text.empty()) return std::nullopt;
  const bool percent = text.ends_with('%');
  char* end = nullptr;
  const double number = std::strtod(text.c_str(), &end);
  const std::string_view rest(end);
  if (end == text.c_str() || !(rest.empty() || rest == "%") || !(number >= 0) ||
      number > (percent ? 100 : 1)) {
    throw UsageError{
        fmt::format("--budget-requests takes a share such as 0.1%, not {}", config::quote(text))};
  }
  return percent ? number / 100 : number;
}

void check_words(const PlanOptions& options) {
  const Traffic& traffic = options.traffic;
  if (traffic.logs.empty() && traffic.recordings.empty())
    throw UsageError{"plan needs traffic to judge by: --log LOG or --recording DIR"};
  one_kind_of_traffic(traffic.logs, traffic.recordings);
  if (!options.file.empty() && !options.limits.empty())
    throw UsageError{"--limit judges one rule with nothing else: not with FILE"};
  if (!options.limits.empty() && (!options.sets.empty() || !options.unsets.empty()))
    throw UsageError{"--set and --unset change a FILE: not with --limit"};
}

int plan(const PlanOptions& options) {
  check_words(options);
  control::PlanQuestion question{.file = options.file,
                                 .limits = options.limits,
                                 .sets = options.sets,
                                 .unsets = options.unsets,
                                 .base = options.base,
                                 .logs = options.traffic.logs,
                                 .recordings = options.traffic.recordings,
                                 .log_format = options.traffic.log_format,
                                 .fields = options.traffic.fields,
                                 .host = options.traffic.host,
                                 .zone = options.traffic.zone,
                                 .budget_known = options.budget_known,
                                 .budget_requests = share_of(options.budget_requests),
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

}  // namespace

Command plan_command() {
  auto options = std::make_shared<PlanOptions>();
  Command command{.name = "plan",
                  .what = "Say whom a configuration would have hurt, from a log or a recording",
                  .footer =
                      "Examples:\n  weir plan --limit 'client_ip 10/s burst=20' --log access.log*\n"
                      "  weir plan gateway.yaml --log access.log.gz --host api.example.com\n"
                      "  weir plan gateway.yaml --base old.yaml --recording /var/lib/weir\n"
                      "  zcat logs/*.gz | weir plan --limit 'all 900/s' --log - -o json\n"
                      "Exit codes: 0 harmless, 3 above the budget, 4 not enough data to tell; 1 and 2 as ever.\n"
                      "What a log should hold: weir help log-format",
                  .does = [options] { return plan(*options); }};
  command.add("FILE", &options->file,
              "the configuration to judge (left out: --limit alone, else ./gateway.yaml)");
  traffic_options(command, options->traffic);
  command.add(
      "--base", &options->base,
      "what to compare with: as-recorded (default), live (what runs now), or a configuration",
      "FILE");
  command.add_many("--limit", &options->limits,
                   "one rule with nothing else: 'client_ip 10/s burst=20'", "RULE");
  command.add_many("--set", &options->sets, "one value of FILE anew: limits.per-caller.rate=5/s",
                   "PATH=VALUE");
  command.add_many("--unset", &options->unsets, "one part of FILE taken out: routes.old", "PATH");
  command.add("--budget-known", &options->budget_known,
              "known callers that may be hurt (default: rollout.harm_budget of FILE, else 0)", "N");
  command.add(
      "--budget-requests", &options->budget_requests,
      "share of requests that may be hurt (default: rollout.harm_budget of FILE, else 0.1%)",
      "SHARE");
  where_options(command, options->where);
  command.add("--retries", &options->retries, "model that refused callers retry 3 times");
  command.add("--callers", &options->all_callers, "list all who are hurt");
  output_option(command, options->output, {"text", "json", "md", "sarif"});
  return command;
}

}  // namespace weir::cmd
