// `weir check FILE`: what is wrong or unwise in a configuration, without running it. Files that it
// names are read too, and the newest part of what its data_dir has recorded.
#include <memory>
#include <string>
#include <utility>

#include "cmd/commands.h"
#include "cmd/configuration.h"
#include "cmd/shared_options.h"
#include "cmd/terminal.h"
#include "config/report.h"
#include "control/check_recording.h"
#include "control/load.h"
#include "control/text.h"
#include "control/version.h"
#include "fmt/core.h"
#include "model/names.h"

namespace weir::cmd {
namespace {

struct CheckOptions {
  std::string file;  // or folder
  Output output = Output::text;
  bool no_recording = false;
};

int check(const CheckOptions& options) {
  auto input = control::read_configuration(options.file);
  if (!input) return failed(input.error());
  const std::string state = input->data_dir = data_dir_of(*input);
  NameTable names;
  control::Loaded loaded = control::load(std::move(*input), names);
  std::string note;
  if (const Policy* const policy = loaded.outcome.policy.get(); policy != nullptr && !options.no_recording) {
    const std::string& folder = policy->data_dir.empty() ? state : policy->data_dir;
    note = control::check_recording(folder, names, loaded.outcome);
  }
  const auto& [read, outcome, keys] = loaded;
  switch (options.output) {
    case Output::json:
      print(config::render_json(outcome, read.files));
      break;
    case Output::sarif:
      print(config::render_sarif(outcome, read.files, control::kVersion));
      break;
    case Output::md:  // not offered by check
    case Output::text: {
      std::string text = config::render_text(outcome, read.files);
      if (!note.empty()) text += note + "\n";
      if (outcome.policy != nullptr) {
        const Policy& policy = *outcome.policy;
        text += fmt::format(
            "{}, {}, {}\nnext: weir run -c {}\n", control::counted(policy.routes.size(), "route"),
            control::counted(policy.upstreams.size(), "upstream"),
            control::counted(policy.limits.size(), "limit"), config::printable(options.file));
      }
      print(text);
    }
  }
  return outcome.errors == 0 ? kFine : kFailed;
}

}  // namespace

Command check_command() {
  auto options = std::make_shared<CheckOptions>();
  Command command{
      .name = "check",
      .what = "Say what is wrong or unwise in a file",
      .footer =
          "Examples:\n  weir check gateway.yaml\n"
          "  weir check conf.d/                      all *.yaml, *.yml, *.json of a folder\n"
          "  weir check gateway.yaml -o sarif        for a code host",
      .does = [options] { return check(*options); }};
  command.add("FILE", &options->file, "a file or a folder").required = true;
  output_option(command, options->output, {"text", "json", "sarif"});
  command.add("--no-recording", &options->no_recording,
              "judge the text alone, not what its data_dir has recorded lately");
  // The file is the question here: what other commands are told of one is no mistake.
  command.add("-c,--config", [](const std::string&) {}, "").hidden = true;
  return command;
}

}  // namespace weir::cmd
