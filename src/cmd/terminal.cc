#include "cmd/terminal.h"

#include <poll.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

#include "fmt/core.h"

namespace weir::cmd {

void print(std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
}

Result<> printed() {
  if (std::ferror(stdout) == 0) return {};
  // Whoever read it may have seen enough: that is no failure.
  pollfd reader{.fd = STDOUT_FILENO, .events = POLLOUT, .revents = 0};
  if (::poll(&reader, 1, 0) > 0 && (reader.revents & POLLERR) != 0) return {};
  return fail(ErrorKind::io, "could not write all of the output", Origin::system);
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
