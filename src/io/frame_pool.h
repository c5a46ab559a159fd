// Memory for coroutine frames: free lists per thread and size class, so that a call of a Task costs
// a pop and a push. Blocks come from malloc one by one and go back to it when a list holds its
// bound or the thread ends; a block may be freed on another thread than the one that took it. Sizes
// above kLargest go to malloc directly. Under AddressSanitizer every frame is its own malloc, so
// that a use after free is seen.
#pragma once

#include <array>
#include <cstddef>
#include <cstdlib>

namespace weir::io {

// 4 KiB covers the frames of an exchange with all that the compiler merges into them.
inline constexpr std::size_t kFrameClasses = 128;

struct FrameBlock {
  FrameBlock* next;
};
struct FrameLists {
  std::array<FrameBlock*, kFrameClasses> head{};
  std::array<unsigned, kFrameClasses> count{};
};
// Plain data, so that reaching it is one instruction; what must run at the end of the thread hangs
// on FramePool::Drain, which is touched only when a block is fetched from malloc.
inline constinit thread_local FrameLists frame_lists{};

class FramePool {
 public:
  // Classes of 32 n - 8 bytes: with malloc's 8-byte header a block fills 32 n bytes exactly.
  static constexpr std::size_t kStep = 32;
  static constexpr std::size_t kClasses = kFrameClasses;
  static constexpr std::size_t kLargest = kStep * kClasses - 8;
  // Kept per class: an exchange holds one frame of each of its classes, so this is how many of them
  // may be under way at once before frames come from malloc.
  static constexpr unsigned kKeptPerClass = 4096;

  static void* take(std::size_t size) {
    if (!kPooled || size > kLargest) return fetch(size);
    const std::size_t at = class_of(size);
    FrameBlock* block = frame_lists.head[at];
    if (block == nullptr) return fetch_for_class(at);
    frame_lists.head[at] = block->next;
    --frame_lists.count[at];
    return block;
  }
  static void give(void* memory, std::size_t size) {
    const std::size_t at = class_of(size);
    if (!kPooled || size > kLargest || frame_lists.count[at] >= kKeptPerClass)
      return std::free(memory);
    auto* block = static_cast<FrameBlock*>(memory);
    block->next = frame_lists.head[at];
    frame_lists.head[at] = block;
    ++frame_lists.count[at];
  }
  static std::size_t kept();  // blocks waiting in this thread's lists

 private:
#if __has_feature(address_sanitizer)
  static constexpr bool kPooled = false;
#else
  static constexpr bool kPooled = true;
#endif

  static constexpr std::size_t class_of(std::size_t size) {
    return (size + 8 + kStep - 1) / kStep - 1;
  }
  static void* fetch(std::size_t size);
  static void* fetch_for_class(std::size_t at);
  struct Drain;
};

}  // namespace weir::io
