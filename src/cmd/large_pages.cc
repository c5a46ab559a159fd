#include "cmd/large_pages.h"

#include <sys/auxv.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <system_error>

namespace weir::cmd {
namespace {

// What takes a megabyte, such as all routes of a text while it is read, goes back to the system as soon as it is free. glibc
// would raise the mark to what was freed last, and keep twice as much from then on.
constexpr const char* kWishes =
    "glibc.malloc.hugetlb=1:glibc.malloc.mmap_threshold=1048576:glibc.malloc.trim_threshold=4194304";

}  // namespace

void start_with_large_pages(char** argv) {
  if (::getauxval(AT_SECURE) != 0 || ::getenv("GLIBC_TUNABLES") != nullptr) return;
  std::error_code error;
  const std::filesystem::path self = std::filesystem::read_symlink("/proc/self/exe", error);
  if (error || ::setenv("GLIBC_TUNABLES", kWishes, 0) != 0) return;
  ::execv(self.c_str(), argv);
}

}  // namespace weir::cmd
