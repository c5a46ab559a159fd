// `weir advise`: the regular review of a configuration, by the traffic that it has seen.
#include <algorithm>
#include <chrono>
#include <memory>
#include <string>
#include <utility>

#include "cmd/commands.h"
#include "cmd/configuration.h"
#include "cmd/progress.h"
#include "cmd/shared_options.h"
#include "cmd/terminal.h"
#include "config/diagnostic.h"
#include "control/advise_run.h"
#include "control/advise_text.h"
#include "control/version.h"
#include "fmt/core.h"

namespace weir::cmd {
namespace {

struct AdviseOptions {
  std::string file;  // "": the default configuration
  Traffic traffic;
  std::vector<std::string> skip;  // topics
  Output output = Output::text;
};

WallTime now() {
  return wall_from_nanos(
      std::chrono::duration_cast<Nanos>(std::chrono::system_clock::now().time_since_epoch())
          .count());
}

// As a shell takes it.
std::string quoted(const std::string& word) {
  const bool plain = word.find_first_not_of(
                         "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                         "0123456789./_-=:,") == std::string::npos;
  return plain ? word : "'" + word + "'";
}

std::string next_command(const control::AdviseAnswer& answer, const std::string& file) {
  for (const control::Advised& advised : answer.findings) {
    if (!advised.proposal) continue;
    std::string command = fmt::format("try: weir plan {} …", file);
    for (const std::string& set : advised.proposal->sets) command += " --set " + quoted(set);
    for (const std::string& unset : advised.proposal->unsets)
      command += " --unset " + quoted(unset);
    return config::printable(command);
  }
  return answer.findings.empty() && answer.cannot_judge.empty() ? "next: weir advise, next week"
                                                                : "see: weir help advise";
}

int advise(const AdviseOptions& options) {
  const Traffic& traffic = options.traffic;
  one_kind_of_traffic(traffic.logs, traffic.recordings);
  if (std::ranges::count(traffic.logs, "-") > 0)
    throw UsageError{"advise reads its input once for each value it proposes: --log FILE, not -"};
  control::AdviseQuestion question{.plan = {.file = options.file,
                                            .logs = traffic.logs,
                                            .recordings = traffic.recordings,
                                            .log_format = traffic.log_format,
                                            .fields = traffic.fields,
                                            .host = traffic.host,
                                            .zone = traffic.zone},
                                   .skip = {},
                                   .now = now()};
  if (question.plan.file.empty()) {
    auto found = find_configuration("");
    if (!found) return failed(found.error(), kUsage);
    question.plan.file = std::move(*found);
  }
  if (traffic.logs.empty() && traffic.recordings.empty()) {  // what this gateway recorded
    auto folder = find_data_dir("", question.plan.file);
    if (!folder) return failed(folder.error());
    question.plan.recordings = {std::move(*folder)};
  }
  question.plan.directories = caller_directories(question.plan.recordings, question.plan.file);
  for (std::size_t i = 0; i < static_cast<std::size_t>(replay::Topic::count_); ++i) {
    const auto topic = static_cast<replay::Topic>(i);
    for (const std::string& skip : options.skip) {
      if (skip == replay::to_string(topic)) question.skip.push_back(topic);
    }
  }
  Progress progress;
  question.plan.progress = progress.teller();
  const auto answer = control::run_advise(question);
  progress.clear();
  if (!answer) return failed(answer.error());
  switch (options.output) {
    case Output::json:
      print(control::advise_json(*answer));
      break;
    case Output::sarif:
      print(control::advise_sarif(*answer, control::kVersion));
      break;
    case Output::md:
      print(control::advise_markdown(*answer));
      break;
    case Output::text:
      print(control::advise_text(*answer, next_command(*answer, question.plan.file)));
  }
  return control::advise_exit_code(*answer);
}

}  // namespace

Command advise_command() {
  auto options = std::make_shared<AdviseOptions>();
  Command command{
      .name = "advise",
      .what = "Review a configuration by the traffic it has seen: what is worth changing",
      .footer =
          "Examples:\n  weir advise                               by what this gateway recorded in its data_dir\n"
          "  weir advise gateway.yaml --log /var/log/nginx/access.log*\n"
          "  weir advise gateway.yaml --log access.log --skip timeouts -o md\n"
          "Looks at limits, unused rules, timeouts, weights, capacity, keys and expiry. What it proposes\n"
          "was planned over the same input, and is harmless there.\n"
          "Exit codes: 0 nothing found, 3 something found, 4 nothing found but not all could be judged;\n"
          "1 and 2 as ever. What a log should hold: weir help log-format",
      .does = [options] { return advise(*options); }};
  command.add("FILE", &options->file,
              "the configuration (default: ./gateway.yaml, then /etc/weir/gateway.yaml)");
  traffic_options(command, options->traffic);
  command
      .add_many("--skip", &options->skip,
                "do not look at: limits, unused, timeouts, weights, capacity, keys, expiry",
                "TOPIC")
      .only = {"limits", "unused", "timeouts", "weights", "capacity", "keys", "expiry"};
  output_option(command, options->output, {"text", "json", "md", "sarif"});
  return command;
}

}  // namespace weir::cmd
