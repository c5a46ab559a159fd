#include "cmd/large_pages.h"

#include <sys/auxv.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <system_error>

namespace weir::cmd {

void start_with_large_pages(char** argv) {
  if (::getauxval(AT_SECURE) != 0 || ::getenv("GLIBC_TUNABLES") != nullptr) return;
  std::error_code error;
  const std::filesystem::path self = std::filesystem::read_symlink("/proc/self/exe", error);
  if (error || ::setenv("GLIBC_TUNABLES", "glibc.malloc.hugetlb=1", 0) != 0) return;
  ::execv(self.c_str(), argv);
}

}  // namespace weir::cmd
