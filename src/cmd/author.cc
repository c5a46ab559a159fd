#include "cmd/author.h"

#include <pwd.h>
#include <unistd.h>

#include <cstdlib>

#include "fmt/core.h"

namespace weir::cmd {

std::string author_of(const std::string& given) {
  if (!given.empty()) return given;
  if (const char* before = std::getenv("SUDO_USER"); before != nullptr) return before;
  const passwd* const user = ::getpwuid(::getuid());
  return user == nullptr ? fmt::format("uid {}", ::getuid()) : user->pw_name;
}

bool is_person(bool said) { return said || ::isatty(STDIN_FILENO) != 0; }

}  // namespace weir::cmd
