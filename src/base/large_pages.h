// LargePages: an allocator for arrays that are read at random. Where they fill a large page they begin at one and the system
// is asked for such pages: in small ones 2 MiB take 512 entries of the cache of translations, and even a prefetch waits for
// one that is missing. Advice only. Smaller arrays are allocated as ever. Throws std::bad_alloc.
#pragma once

#include <cstddef>
#include <new>

namespace weir {

inline constexpr std::size_t kLargePage = std::size_t{2} << 20;

void* take_large_pages(std::size_t bytes);
void give_large_pages(void* memory);

template <class T>
struct LargePages {
  using value_type = T;
  LargePages() = default;
  template <class U>
  LargePages(const LargePages<U>&) {}   // NOLINT: an allocator converts

  T* allocate(std::size_t count) {
    const std::size_t bytes = count * sizeof(T);
    return static_cast<T*>(bytes >= kLargePage ? take_large_pages(bytes) : ::operator new(bytes, std::align_val_t(alignof(T))));
  }
  void deallocate(T* memory, std::size_t count) {
    if (count * sizeof(T) >= kLargePage) return give_large_pages(memory);
    ::operator delete(memory, std::align_val_t(alignof(T)));
  }
  friend bool operator==(const LargePages&, const LargePages&) { return true; }
};

}  // namespace weir
