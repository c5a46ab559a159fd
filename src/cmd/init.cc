// `weir init`: writes a commented file to start from; never over one that is there.
#include "config/init.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string>

#include "cmd/commands.h"
#include "cmd/terminal.h"
#include "config/diagnostic.h"
#include "fmt/core.h"

namespace weir::cmd {
namespace {

struct InitOptions {
  std::string file = "gateway.yaml";
};

int init(const InitOptions& options) {
  const std::string text = config::init_text();
  const std::string name = config::printable(options.file);
  std::FILE* file = std::fopen(options.file.c_str(), "wx");  // x: fails where it exists
  if (file == nullptr) {
    complain(errno == EEXIST ? fmt::format("{} is there already and is left as it is", name)
                             : fmt::format("could not write {}: {}", name, std::strerror(errno)));
    return kFailed;
  }
  const bool written = std::fwrite(text.data(), 1, text.size(), file) == text.size();
  if (std::fclose(file) != 0 || !written) {
    complain(fmt::format("could not write all of {}: {}", name, std::strerror(errno)));
    return kFailed;
  }
  print(
      fmt::format("wrote {0}: one listener, one upstream, comments for the rest\nnext: weir check "
                  "{0} && weir run -c {0}\n",
                  name));
  return kFine;
}

}  // namespace

Command init_command() {
  auto options = std::make_shared<InitOptions>();
  Command command{.name = "init",
                  .what = "Write a commented file to start from",
                  .footer = "Examples:\n  weir init\n  weir init /etc/weir/gateway.yaml",
                  .does = [options] { return init(*options); }};
  command.add("FILE", &options->file,
              "what to write (default gateway.yaml); never over a file that is there");
  return command;
}

}  // namespace weir::cmd
