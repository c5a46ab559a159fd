// The weir binary: everything it does is a command (cmd/commands.h), found by its words
// (cmd/cli.h).
#include <string_view>

#include "cmd/cli.h"
#include "cmd/large_pages.h"

int main(int argc, char** argv) {
  if (argc > 1 && std::string_view(argv[1]) == "run") weir::cmd::start_with_large_pages(argv);
  return weir::cmd::command_line(argc, argv);
}
