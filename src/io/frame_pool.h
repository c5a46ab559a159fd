// Memory for coroutine frames: free lists per thread and size class, so that a call of a Task costs a pop and a push.
// Blocks come from malloc one by one and go back to it when a list holds its bound or the thread ends; a block may be
// freed on another thread than the one that took it. Sizes above kLargest go to malloc directly.
// Under AddressSanitizer every frame is its own malloc, so that a use after free is seen.
#pragma once

#include <cstddef>

namespace weir::io {

struct FramePool {
  // Classes of 32 n - 8 bytes: with malloc's 8-byte header a block fills 32 n bytes exactly.
  static constexpr std::size_t kStep = 32;
  static constexpr std::size_t kClasses = 64;
  static constexpr std::size_t kLargest = kStep * kClasses - 8;
  static constexpr unsigned kKeptPerClass = 512;

  static void* take(std::size_t size);
  static void give(void* block, std::size_t size);
  static std::size_t kept();   // blocks waiting in this thread's lists
};

}  // namespace weir::io
