// The words of `weir change`.
#include <memory>
#include <string>
#include <utility>

#include "cmd/commands.h"
#include "cmd/shared_options.h"

namespace weir::cmd {

Command change_command() {
  auto options = std::make_shared<ChangeOptions>();
  const auto one = [&options](std::string name, std::string what,
                              int (*does)(const ChangeOptions&)) {
    Command made{.name = std::move(name), .what = std::move(what), .does = [options, does] {
                   return does(*options);
                 }};
    where_options(made, options->where);
    output_option(made, options->output);
    return made;
  };
  Command list =
      one("list", "What was announced, the newest first, and what came of it", change_list);
  Option& limit = list.add("--limit", &options->limit, "how many", "N");
  limit.range = {1, 1000};
  limit.shows_default = true;
  Command show = one("show", "One of them, and what it goes by", change_show);
  show.add("NUMBER", &options->number, "as list says it").required = true;
  Command command{
      .name = "change",
      .what = "Announce a deploy behind the gateway: before against after, and whether it did harm",
      .footer =
          "Examples:\n  weir change orders v42                        an upstream, watched for an hour\n"
          "  weir change worker v9 --watch 10m             a caller\n"
          "  weir change checkout v42                      a route with a stable and a candidate part\n"
          "  weir change list                              what was announced, and what came of it\n"
          "Announce it before the first instance runs the new version. Nothing is changed in the gateway.\n"
          "Ctrl-C detaches: it is still watched (weir status).\n"
          "Exits with 0 (healthy), 3 (harmed), 4 (not enough data), 5 (busy, not running).",
      .does =
          [options] {
            if (!options->version.empty()) return change(*options);
            throw UsageError{"change needs a SUBJECT and its VERSION, or list, or show NUMBER"};
          },
      .below = {std::move(list), std::move(show)}};
  command.add("SUBJECT", &options->subject,
              "the name of an upstream, a caller, a route, or of several");
  command.add("VERSION", &options->version, "what it runs from now on");
  command.add("--watch", &options->watch, "for how long (default 1h; 5s to 24h)", "TIME");
  command.add("--no-wait", &options->no_wait, "announce it, and do not wait for what comes of it");
  by_options(command, options->author, options->reason);
  where_options(command, options->where);
  output_option(command, options->output);
  return command;
}

}  // namespace weir::cmd
