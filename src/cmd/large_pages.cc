#include "cmd/large_pages.h"

#include <malloc.h>
#include <sys/auxv.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <string_view>
#include <system_error>

namespace weir::cmd {
namespace {

constexpr const char* kLargePages = "glibc.malloc.hugetlb=1";

// Left alone, glibc takes the size of what was freed last for the mark from which on memory goes back as soon as it is free, and
// keeps twice as much: with 10,000 routes the 20 MB that their text takes while it is read stay for good.
constexpr int kGoesBack = 1 << 20, kKept = 4 << 20;

}  // namespace

void start_with_large_pages(char** argv) {
  const char* const wishes = ::getenv("GLIBC_TUNABLES");
  if (wishes != nullptr && wishes != std::string_view(kLargePages)) return;
  ::mallopt(M_MMAP_THRESHOLD, kGoesBack);
  ::mallopt(M_TRIM_THRESHOLD, kKept);
  if (wishes != nullptr || ::getauxval(AT_SECURE) != 0) return;
  std::error_code error;
  const std::filesystem::path self = std::filesystem::read_symlink("/proc/self/exe", error);
  if (error || ::setenv("GLIBC_TUNABLES", kLargePages, 0) != 0) return;
  ::execv(self.c_str(), argv);
}

}  // namespace weir::cmd
