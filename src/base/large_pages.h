// LargePages: an allocator for arrays that are read at random. Where they fill a large page they begin at one, so that the
// system can give such pages (cmd/large_pages.h asks it to): in small ones 2 MiB take 512 entries of the cache of
// translations, and even a prefetch waits for one that is missing. Smaller arrays are allocated as ever. Throws std::bad_alloc.
#pragma once

#include <cstddef>
#include <new>

namespace weir {

inline constexpr std::size_t kLargePage = std::size_t{2} << 20;

template <class T>
struct LargePages {
  using value_type = T;
  LargePages() = default;
  template <class U>
  LargePages(const LargePages<U>&) {}   // NOLINT: an allocator converts

  T* allocate(std::size_t count) { return static_cast<T*>(::operator new(count * sizeof(T), boundary(count))); }
  void deallocate(T* memory, std::size_t count) { ::operator delete(memory, boundary(count)); }
  friend bool operator==(const LargePages&, const LargePages&) { return true; }

 private:
  static std::align_val_t boundary(std::size_t count) {
    return std::align_val_t(count * sizeof(T) >= kLargePage ? kLargePage : alignof(T));
  }
};

}  // namespace weir
