// `weir history`: what ran, the newest first.
#include <boost/json/parse.hpp>

#include "cmd/admin_client.h"
#include "cmd/commands.h"
#include "cmd/terminal.h"
#include "control/history_text.h"
#include "fmt/core.h"

namespace weir::cmd {

int history(const HistoryOptions& options) {
  const Asked asked = ask_gateway(
      options.where, {.path = fmt::format("/api/v1/revisions?limit={}", options.most)});
  if (!asked.ok()) return asked.code;
  print(options.output == Output::json ? asked.body
                                       : control::history_text(boost::json::parse(asked.body)));
  return kFine;
}

}  // namespace weir::cmd
