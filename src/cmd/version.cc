// `weir version`.
#include "control/version.h"

#include <memory>
#include <string>

#include "base/json.h"
#include "cmd/commands.h"
#include "cmd/shared_options.h"
#include "cmd/terminal.h"
#include "fmt/core.h"

namespace weir::cmd {
namespace {

struct VersionOptions {
  Output output = Output::text;
};

int version(const VersionOptions& options) {
  if (options.output == Output::json) {
    std::string out;
    JsonWriter(out)
        .begin_object()
        .field("version", control::kVersion)
        .field("compiler", __VERSION__)
        .end_object();
    print(out + "\n");
  } else {
    print(fmt::format("weir {}\n", control::kVersion));
  }
  return kFine;
}

}  // namespace

Command version_command() {
  auto options = std::make_shared<VersionOptions>();
  Command command{.name = "version", .what = "Print the version", .does = [options] {
                    return version(*options);
                  }};
  output_option(command, options->output);
  return command;
}

}  // namespace weir::cmd
