#include "base/large_pages.h"

#include <sys/mman.h>

#include <cstdlib>

namespace weir {

void* take_large_pages(std::size_t bytes) {
  void* memory = nullptr;
  if (::posix_memalign(&memory, kLargePage, bytes) != 0) throw std::bad_alloc();
  ::madvise(memory, bytes, MADV_HUGEPAGE);
  return memory;
}

void give_large_pages(void* memory) { std::free(memory); }

}  // namespace weir
