// `weir import --log` and `--recording`: traffic of before into recorder and caller directory.
#include "cmd/commands.h"
#include "cmd/configuration.h"
#include "cmd/progress.h"
#include "cmd/terminal.h"
#include "control/import_log.h"
#include "io/epoll_kernel.h"

namespace weir::cmd {

int import_traffic(const ImportOptions& options) {
  auto configuration = find_configuration(options.config);
  if (!configuration) return failed(configuration.error(), kUsage);
  auto folder = find_data_dir(options.data_dir, *configuration);
  if (!folder) return failed(folder.error());
  io::EpollKernel kernel;
  Progress progress;
  const auto answer =
      control::run_import({.configuration = std::move(*configuration),
                           .data_dir = std::move(*folder),
                           .logs = options.logs,
                           .recordings = options.recordings,
                           .log_format = options.log_format,
                           .fields = options.fields,
                           .host = options.host,
                           .random = [&](std::span<std::byte> out) { kernel.random(out); },
                           .progress = progress.teller()});
  progress.clear();
  if (!answer) return failed(answer.error());
  print(options.report == Output::json ? control::import_json(*answer)
                                       : control::import_text(*answer));
  return kFine;
}

}  // namespace weir::cmd
