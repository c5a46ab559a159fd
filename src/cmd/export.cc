// `weir export`: recorded arrivals as JSON lines or CSV on standard output; what was damaged is
// said on standard error.
#include <cstdio>
#include <utility>

#include "cmd/commands.h"
#include "cmd/configuration.h"
#include "cmd/terminal.h"
#include "control/export_run.h"
#include "control/keys_file.h"
#include "control/text.h"
#include "fmt/core.h"

namespace weir::cmd {
namespace {

bool write(std::string_view lines) {
  return std::fwrite(lines.data(), 1, lines.size(), stdout) == lines.size();
}

}  // namespace

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

}  // namespace weir::cmd
