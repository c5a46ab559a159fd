#include "cmd/terminal.h"

#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "fmt/core.h"

namespace weir::cmd {
namespace {

// Of standard output, which all share: errno of the first print() that failed.
int& first_failure() {
  static int code = 0;
  return code;
}

}  // namespace

void print(std::string_view text) {
  const bool written =
      std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0;
  if (!written && first_failure() == 0) first_failure() = errno;
}

Result<> printed() {
  const int code = first_failure();
  if (code == 0 || code == EPIPE) return {};
  return fail(ErrorKind::io,
              fmt::format("could not write all of the output: {}", std::strerror(code)),
              Origin::system);
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
