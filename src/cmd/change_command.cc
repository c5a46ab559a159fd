// The words of `weir change`.
#include <memory>

#include "cmd/commands.h"
#include "cmd/shared_options.h"

namespace weir::cmd {

Command change_command() {
  auto options = std::make_shared<ChangeOptions>();
  Command command{
      .name = "change",
      .what = "Announce a deploy behind the gateway: before against after, and whether it did harm",
      .footer =
          "Examples:\n  weir change orders v42                        an upstream, watched for an "
          "hour\n"
          "  weir change worker v9 --watch 10m             a caller\n"
          "Announce it before the first instance runs the new version. Nothing is changed in the "
          "gateway.\n"
          "Ctrl-C detaches: it is still watched (weir status).\n"
          "Exits with 0 (healthy), 3 (harmed), 4 (not enough data), 5 (busy, not running).",
      .does = [options] { return change(*options); }};
  command.add("SUBJECT", &options->subject, "the name of an upstream, of a caller, or of both")
      .required = true;
  command.add("VERSION", &options->version, "what it runs from now on").required = true;
  command.add("--watch", &options->watch, "for how long (default 1h; 5s to 24h)", "TIME");
  command.add("--no-wait", &options->no_wait, "announce it, and do not wait for what comes of it");
  by_options(command, options->author, options->reason);
  where_options(command, options->where);
  output_option(command, options->output);
  return command;
}

}  // namespace weir::cmd
