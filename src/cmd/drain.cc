// `weir drain`: the gateway takes no new connections, finishes what is under way and ends; as TERM
// does.
#include <boost/json/parse.hpp>
#include <memory>

#include "cmd/admin_client.h"
#include "cmd/commands.h"
#include "cmd/shared_options.h"
#include "cmd/terminal.h"
#include "fmt/core.h"

namespace weir::cmd {
namespace {

struct DrainOptions {
  Where where;
  Output output = Output::text;
};

int drain(const DrainOptions& options) {
  const Asked asked =
      ask_gateway(options.where, {.method = "POST", .path = "/api/v1/drain", .body = "{}"});
  if (!asked.ok()) return asked.code;
  if (options.output == Output::json) {
    print(asked.body);
    return kFine;
  }
  const boost::json::value answer = boost::json::parse(asked.body);
  print(fmt::format("draining {}: no new connections, {} s for what is under way\n",
                    std::string(answer.at("revision").as_string()),
                    answer.at("at_most_s").to_number<std::int64_t>()));
  return kFine;
}

}  // namespace

Command drain_command() {
  auto options = std::make_shared<DrainOptions>();
  Command command{.name = "drain",
                  .what = "Let the gateway finish what is under way and end",
                  .footer = "Examples:\n  weir drain",
                  .does = [options] { return drain(*options); }};
  where_options(command, options->where);
  output_option(command, options->output);
  return command;
}

}  // namespace weir::cmd
