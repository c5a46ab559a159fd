// `weir advise`: the regular review of a configuration, by the traffic that it has seen.
#include <chrono>
#include <string>
#include <utility>

#include "cmd/commands.h"
#include "cmd/configuration.h"
#include "cmd/progress.h"
#include "cmd/terminal.h"
#include "config/diagnostic.h"
#include "control/advise_run.h"
#include "control/advise_text.h"
#include "control/version.h"
#include "fmt/core.h"

namespace weir::cmd {
namespace {

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

}  // namespace

int advise(const AdviseOptions& options) {
  control::AdviseQuestion question{.plan = {.file = options.file,
                                            .logs = options.logs,
                                            .recordings = options.recordings,
                                            .log_format = options.log_format,
                                            .fields = options.fields,
                                            .host = options.host},
                                   .skip = {},
                                   .now = now()};
  if (question.plan.file.empty()) {
    auto found = find_configuration("");
    if (!found) return failed(found.error(), kUsage);
    question.plan.file = std::move(*found);
  }
  if (options.logs.empty() && options.recordings.empty()) {  // what this gateway recorded
    auto folder = find_data_dir("", question.plan.file);
    if (!folder) return failed(folder.error());
    question.plan.recordings = {std::move(*folder)};
  }
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

}  // namespace weir::cmd
