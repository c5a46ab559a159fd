#include "io/frame_pool.h"

namespace weir::io {

struct FramePool::Drain {
  bool armed = false;
  ~Drain() {
    for (std::size_t at = 0; at < kClasses; ++at) {
      while (FrameBlock* block = frame_lists.head[at]) {
        frame_lists.head[at] = block->next;
        std::free(block);
      }
      frame_lists.count[at] = kKeptPerClass;  // a frame freed even later goes straight to free()
    }
  }
};

void* FramePool::fetch(std::size_t size) {
  void* block = std::malloc(size);
  if (block == nullptr) std::abort();  // out of memory: nothing sensible can be said from here
  return block;
}

void* FramePool::fetch_for_class(std::size_t at) {
  thread_local Drain drain;
  drain.armed = true;
  return fetch((at + 1) * kStep - 8);
}

std::size_t FramePool::kept() {
  std::size_t sum = 0;
  for (std::size_t at = 0; at < kClasses; ++at) {
    for (const FrameBlock* block = frame_lists.head[at]; block != nullptr; block = block->next)
      ++sum;
  }
  return sum;
}

}  // namespace weir::io
