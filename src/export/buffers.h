// How bytes get from a worker to the scribe without either waiting: a Lane is a fixed set of 64 KiB buffers that go
// round between one producer and one consumer. The producer takes an empty one, fills it, submits it; the consumer
// takes what was submitted in that order and gives it back. No buffer free means the producer drops and counts: memory
// is bounded by the number of buffers, and a slow disk never slows a worker.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace weir::exporting {

inline constexpr std::size_t kBufferSize = 64 * 1024;

struct Buffer {
  std::uint32_t used = 0;
  std::uint32_t epoch = 0;     // records: the segment it belongs to (Scribe); log: unused
  std::array<std::byte, kBufferSize> bytes;
};

// Single producer, single consumer, as many slots as there are buffers: push never finds it full.
class BufferRing {
 public:
  explicit BufferRing(std::size_t capacity);
  void push(Buffer* buffer);
  Buffer* pop();               // nullptr when empty
  std::size_t size() const;    // from any thread, approximate

 private:
  std::unique_ptr<Buffer*[]> slots_;
  std::size_t mask_;
  alignas(64) std::atomic<std::size_t> head_{0};
  alignas(64) std::atomic<std::size_t> tail_{0};
};

class Lane {
 public:
  explicit Lane(std::size_t buffers);

  // Producer. The buffer that was free last is taken first: it is in a cache still, the others need not be.
  Buffer* take();
  void submit(Buffer* buffer) { full_.push(buffer); }
  // Consumer.
  Buffer* next() { return full_.pop(); }
  void give_back(Buffer* buffer);

  // The segment that is being written (export/scribe.h): set by the consumer, stamped on buffers by the producer.
  std::uint32_t epoch() const { return epoch_.load(std::memory_order_acquire); }
  void set_epoch(std::uint32_t epoch) { epoch_.store(epoch, std::memory_order_release); }

  // Whether anybody wants what the producer could write; set by the consumer, true at first.
  bool wanted() const { return wanted_.load(std::memory_order_relaxed); }
  void set_wanted(bool wanted) { wanted_.store(wanted, std::memory_order_relaxed); }

  std::size_t waiting() const { return full_.size(); }
  std::size_t buffers() const { return count_; }

 private:
  std::size_t count_;
  std::unique_ptr<Buffer[]> storage_;
  BufferRing free_, full_;
  std::vector<Buffer*> taken_back_;   // the producer's: free ones, out of the ring
  std::atomic<std::uint32_t> epoch_{1};
  std::atomic<bool> wanted_{true};
};

}  // namespace weir::exporting
