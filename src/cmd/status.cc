// `weir status`: what runs, what it listens on, how much it carried and refused.
#include <boost/json/parse.hpp>

#include "cmd/admin_client.h"
#include "cmd/commands.h"
#include "cmd/terminal.h"
#include "control/status_text.h"

namespace weir::cmd {

int status(const StatusOptions& options) {
  const Asked asked = ask_gateway(options.where, {.path = "/api/v1/status"});
  if (!asked.ok()) return asked.code;
  print(options.output == Output::json ? asked.body
                                       : control::status_text(boost::json::parse(asked.body)));
  return kFine;
}

}  // namespace weir::cmd
