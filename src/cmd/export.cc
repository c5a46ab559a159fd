// `weir export`: recorded arrivals as JSON lines or CSV on standard output; what was damaged is
// said on standard error.
#include <cstdio>
#include <memory>
#include <string>
#include <utility>

#include "cmd/commands.h"
#include "cmd/configuration.h"
#include "cmd/shared_options.h"
#include "cmd/terminal.h"
#include "control/export_run.h"
#include "control/keys_file.h"
#include "control/text.h"
#include "fmt/core.h"

namespace weir::cmd {
namespace {

struct ExportOptions {
  std::string folder;  // data_dir; "": that of the configuration
  std::string config;
  std::string since, until;  // RFC 3339; "": all
  bool csv = false;          // else JSON lines
};

bool write(std::string_view lines) {
  return std::fwrite(lines.data(), 1, lines.size(), stdout) == lines.size();
}

int export_arrivals(const ExportOptions& options) {
  control::ExportQuestion question{
      .folder = {},
      .form = options.csv ? control::ExportForm::csv : control::ExportForm::jsonl,
      .since = {},
      .until = {},
      .write = write};
  for (const auto& [text, into] :
       {std::pair(&options.since, &question.since), std::pair(&options.until, &question.until)}) {
    if (text->empty()) continue;
    const auto time = control::read_time(*text);
    if (!time) return failed(time.error(), kUsage);
    *into = *time;
  }
  auto folder = find_data_dir(options.folder, options.config);
  if (!folder) return failed(folder.error());
  question.folder = std::move(*folder);
  const auto answer = control::run_export(question);
  if (!answer) return failed(answer.error());
  for (const std::string& each : answer->left_out) complain(each);
  if (answer->damaged_blocks > 0 || answer->lost_shapes > 0) {
    complain(fmt::format("{} ({}) and {} were damaged and are left out",
                         control::counted(answer->damaged_blocks, "block"),
                         control::bytes_text(answer->skipped_bytes),
                         control::counted(answer->lost_shapes, "shape")));
  }
  if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0) {
    complain("standard output takes no more");
    return kFailed;
  }
  return kFine;
}

}  // namespace

Command export_command() {
  auto options = std::make_shared<ExportOptions>();
  Command command{.name = "export",
                  .what = "Print recorded arrivals as JSON lines or CSV",
                  .footer =
                      "Examples:\n  weir export | jq -r 'select(.cause != \"none\") | .caller'\n"
                      "  weir export /var/lib/weir -o csv > arrivals.csv\n"
                      "  weir export --since 2026-10-04T14:00:00Z --until 2026-10-04T15:00:00Z",
                  .does = [options] { return export_arrivals(*options); }};
  command.add("DIR", &options->folder,
              "a data_dir, or its folder of segments (default: that of the configuration)");
  config_option(command, options->config);
  command.add("--since", &options->since, "from this time on: 2026-10-04T14:00:00Z", "TIME");
  command.add("--until", &options->until, "before this time", "TIME");
  form_option(command, {"jsonl", "csv"},
              [options = options.get()](const std::string& word) { options->csv = word == "csv"; });
  return command;
}

}  // namespace weir::cmd
