#include "export/buffers.h"

#include <algorithm>
#include <bit>

namespace weir::exporting {

BufferRing::BufferRing(std::size_t capacity)
    : slots_(std::make_unique<Buffer*[]>(std::bit_ceil(std::max<std::size_t>(capacity, 1)))),
      mask_(std::bit_ceil(std::max<std::size_t>(capacity, 1)) - 1) {}

void BufferRing::push(Buffer* buffer) {
  const std::size_t tail = tail_.load(std::memory_order_relaxed);
  slots_[tail & mask_] = buffer;
  tail_.store(tail + 1, std::memory_order_release);
}

Buffer* BufferRing::pop() {
  const std::size_t head = head_.load(std::memory_order_relaxed);
  if (head == tail_.load(std::memory_order_acquire)) return nullptr;
  Buffer* const buffer = slots_[head & mask_];
  head_.store(head + 1, std::memory_order_release);
  return buffer;
}

std::size_t BufferRing::size() const {
  const std::size_t head = head_.load(std::memory_order_acquire);
  return tail_.load(std::memory_order_acquire) - head;
}

Lane::Lane(std::size_t buffers)
    : count_(buffers), storage_(std::make_unique_for_overwrite<Buffer[]>(buffers)), free_(buffers), full_(buffers) {
  for (std::size_t i = 0; i < buffers; ++i) free_.push(&storage_[i]);
  taken_back_.reserve(buffers);
}

Buffer* Lane::take() {
  while (Buffer* const buffer = free_.pop()) taken_back_.push_back(buffer);
  if (taken_back_.empty()) return nullptr;
  Buffer* const buffer = taken_back_.back();
  taken_back_.pop_back();
  return buffer;
}

void Lane::give_back(Buffer* buffer) {
  buffer->used = 0;
  free_.push(buffer);
}

}  // namespace weir::exporting
