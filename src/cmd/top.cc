// `weir top`: routes, callers, endpoints and refusals by rate, drawn anew every few seconds. Where
// standard output is no terminal, or colour is not wanted, pictures follow each other instead.
#include <boost/json/parse.hpp>

#include "cmd/admin_client.h"
#include "cmd/commands.h"
#include "cmd/terminal.h"
#include "control/top_text.h"
#include "fmt/core.h"

namespace weir::cmd {

int top(const TopOptions& options) {
  const bool redraw = !options.once && options.output == Output::text && is_lively();
  const std::string path = fmt::format("/api/v1/top?seconds={}", options.seconds);
  for (;;) {
    const Asked asked = ask_gateway(
        options.where, {.path = path, .patience = std::chrono::seconds(options.seconds + 10)});
    if (!asked.ok()) return asked.code;
    // Home, then what is left of the old picture is cleared: no flicker.
    const std::string_view before = redraw ? "\x1b[H" : "", after = redraw ? "\x1b[J" : "";
    const std::string picture =
        options.output == Output::json
            ? asked.body
            : control::top_text(boost::json::parse(asked.body), {.clear_lines = redraw});
    print(fmt::format("{}{}{}", before, picture, after));
    if (options.once) return kFine;
    if (!redraw && options.output == Output::text) print("\n");
  }
}

}  // namespace weir::cmd
