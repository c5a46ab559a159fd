#include "io/frame_pool.h"

#include <array>
#include <cstdlib>

namespace weir::io {
namespace {

struct Block {
  Block* next;
};

struct Lists {
  std::array<Block*, FramePool::kClasses> head{};
  std::array<unsigned, FramePool::kClasses> count{};
};

// Plain data, so that reaching it is one instruction; what must run at the end of the thread hangs on Drain, which is
// touched only when a block is fetched from malloc.
constinit thread_local Lists lists;

struct Drain {
  bool armed = false;
  ~Drain() {
    for (std::size_t i = 0; i < FramePool::kClasses; ++i) {
      for (Block* block = lists.head[i]; block != nullptr;) {
        Block* next = block->next;
        std::free(block);
        block = next;
      }
      lists.head[i] = nullptr;
      lists.count[i] = FramePool::kKeptPerClass;   // a frame freed even later goes straight to free()
    }
  }
};
thread_local Drain drain;

constexpr std::size_t class_of(std::size_t size) { return (size + 8 + FramePool::kStep - 1) / FramePool::kStep - 1; }

void* fetch(std::size_t size) {
  void* block = std::malloc(size);
  if (block == nullptr) std::abort();   // out of memory: nothing sensible can be said from here
  return block;
}

#if __has_feature(address_sanitizer)
constexpr bool kPooled = false;
#else
constexpr bool kPooled = true;
#endif

}  // namespace

void* FramePool::take(std::size_t size) {
  if (!kPooled || size > kLargest) return fetch(size);
  const std::size_t at = class_of(size);
  if (Block* block = lists.head[at]; block != nullptr) {
    lists.head[at] = block->next;
    --lists.count[at];
    return block;
  }
  drain.armed = true;
  return fetch((at + 1) * kStep - 8);
}

void FramePool::give(void* memory, std::size_t size) {
  if (!kPooled || size > kLargest) return std::free(memory);
  const std::size_t at = class_of(size);
  if (lists.count[at] >= kKeptPerClass) return std::free(memory);
  auto* block = static_cast<Block*>(memory);
  block->next = lists.head[at];
  lists.head[at] = block;
  ++lists.count[at];
}

std::size_t FramePool::kept() {
  std::size_t sum = 0;
  for (unsigned count : lists.count) sum += count;
  return sum;
}

}  // namespace weir::io
