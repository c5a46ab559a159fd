// `weir history`: what ran, the newest first.
#include <boost/json/parse.hpp>

#include "cmd/admin_client.h"
#include "cmd/commands.h"
#include "cmd/terminal.h"
#include "control/history_text.h"
#include "control/overrides_text.h"
#include "fmt/core.h"

namespace weir::cmd {

int history(const HistoryOptions& options) {
  const Asked asked = ask_gateway(
      options.where, {.path = fmt::format("/api/v1/revisions?limit={}", options.most)});
  if (!asked.ok()) return asked.code;
  if (options.output == Output::json) {
    print(asked.body);
    return kFine;
  }
  print(control::history_text(boost::json::parse(asked.body)));
  const Asked laid = ask_gateway(options.where, {.path = "/api/v1/overrides"});
  if (!laid.ok()) return laid.code;
  for (const boost::json::value& each : boost::json::parse(laid.body).at("overrides").as_array())
    print(fmt::format("laid over it: {}\n", control::override_line(each)));
  return kFine;
}

}  // namespace weir::cmd
