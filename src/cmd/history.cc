// `weir history`: what ran, the newest first.
#include <boost/json/parse.hpp>
#include <memory>

#include "cmd/admin_client.h"
#include "cmd/commands.h"
#include "cmd/shared_options.h"
#include "cmd/terminal.h"
#include "control/history_text.h"
#include "control/overrides_text.h"
#include "fmt/core.h"

namespace weir::cmd {
namespace {

struct HistoryOptions {
  Where where;
  unsigned most = 20;
  Output output = Output::text;
};

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

}  // namespace

Command history_command() {
  auto options = std::make_shared<HistoryOptions>();
  Command command{.name = "history",
                  .what = "List what ran: which revision, from when, by whom, why",
                  .footer = "Examples:\n  weir history\n  weir history -n 100 -o json",
                  .does = [options] { return history(*options); }};
  Option& most = command.add("-n", &options->most, "how many, the newest first", "N");
  most.range = {1, 1000};
  most.shows_default = true;
  where_options(command, options->where);
  output_option(command, options->output);
  return command;
}

}  // namespace weir::cmd
