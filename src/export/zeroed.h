// Memory that the system gives zeroed and that costs nothing until it is touched, and counters that live in it: plain
// words, read and written through relaxed atomic_refs, so that zero bytes are a valid beginning.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <type_traits>

#include "base/check.h"

namespace weir::exporting {

// A word that one thread writes and others read. Trivial.
struct SharedWord {
  std::uint64_t value;
  void store(std::uint64_t n, std::memory_order order = std::memory_order_relaxed) {
    std::atomic_ref(value).store(n, order);
  }
  std::uint64_t load(std::memory_order order = std::memory_order_relaxed) const {
    return std::atomic_ref(const_cast<std::uint64_t&>(value)).load(order);
  }
  void add(std::uint64_t n = 1) { store(load() + n); }   // by the one writer: no locked instruction
};

// A fixed number of zeroed T.
template <class T>
class ZeroedArray {
  static_assert(std::is_trivial_v<T>);

 public:
  explicit ZeroedArray(std::size_t count) : items_(static_cast<T*>(std::calloc(count, sizeof(T)))) {
    WEIR_CHECK(items_ != nullptr);   // at start-up only
  }
  T& operator[](std::size_t i) { return items_.get()[i]; }
  const T& operator[](std::size_t i) const { return items_.get()[i]; }

 private:
  struct Free {
    void operator()(T* items) const { std::free(items); }
  };
  std::unique_ptr<T, Free> items_;
};

}  // namespace weir::exporting
