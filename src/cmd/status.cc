// `weir status`: what runs, what it listens on, how much it carried and refused.
#include <boost/json/parse.hpp>
#include <memory>

#include "cmd/admin_client.h"
#include "cmd/commands.h"
#include "cmd/shared_options.h"
#include "cmd/terminal.h"
#include "control/status_text.h"

namespace weir::cmd {
namespace {

struct StatusOptions {
  Where where;
  Output output = Output::text;
};

int status(const StatusOptions& options) {
  const Asked asked = ask_gateway(options.where, {.path = "/api/v1/status"});
  if (!asked.ok()) return asked.code;
  print(options.output == Output::json ? asked.body
                                       : control::status_text(boost::json::parse(asked.body)));
  return kFine;
}

}  // namespace

Command status_command() {
  auto options = std::make_shared<StatusOptions>();
  Command command{.name = "status",
                  .what = "Say what runs, what it carried and what it refused",
                  .footer = "Examples:\n  weir status\n  weir status -o json",
                  .does = [options] { return status(*options); }};
  where_options(command, options->where);
  output_option(command, options->output);
  return command;
}

}  // namespace weir::cmd
