// `weir drain`: the gateway takes no new connections, finishes what is under way and ends; as TERM
// does.
#include <boost/json/parse.hpp>

#include "cmd/admin_client.h"
#include "cmd/commands.h"
#include "cmd/terminal.h"
#include "fmt/core.h"

namespace weir::cmd {

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

}  // namespace weir::cmd
