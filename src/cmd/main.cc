// The weir binary: everything it does is a command (cmd/commands.h), found by its words
// (cmd/cli.h).
#include <algorithm>
#include <iterator>
#include <string_view>

#include "cmd/cli.h"
#include "cmd/large_pages.h"

int main(int argc, char** argv) {
  // Those that look everywhere in much memory.
  constexpr std::string_view kLarge[] = {"run", "plan", "advise"};
  if (argc > 1 && std::ranges::find(kLarge, argv[1]) != std::end(kLarge)) weir::cmd::start_with_large_pages(argv);
  return weir::cmd::command_line(argc, argv);
}
