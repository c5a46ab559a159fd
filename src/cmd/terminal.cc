#include "cmd/terminal.h"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>

#include "fmt/core.h"

namespace weir::cmd {

void print(std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
}

void complain(std::string_view text) { fmt::print(stderr, "weir: {}\n", text); }

int failed(const Error& error, int code) {
  complain(to_string(error));
  return code;
}

bool is_lively() {
  const char* plain = std::getenv("NO_COLOR");
  const char* kind = std::getenv("TERM");
  return ::isatty(STDOUT_FILENO) != 0 && (plain == nullptr || *plain == '\0') && kind != nullptr &&
         std::string_view(kind) != "dumb";
}

}  // namespace weir::cmd
