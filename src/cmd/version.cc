// `weir version`.
#include "control/version.h"

#include <string>

#include "base/json.h"
#include "cmd/commands.h"
#include "cmd/terminal.h"
#include "fmt/core.h"

namespace weir::cmd {

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

}  // namespace weir::cmd
