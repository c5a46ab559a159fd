// Slab: blocks of one size (two cache lines, aligned to them) for the state of streams, handed out
// from chunks. A block given back becomes free only at the next sweep(), which the loop runs at the
// end of a turn: an event already fetched for a closed connection still finds memory that says so.
// Chunks are kept until the slab dies; how many there are is bounded by the descriptors a process
// may have open. Under AddressSanitizer every block is its own allocation, so that a use after the
// sweep is seen.
#pragma once

#include <cstddef>
#include <vector>

namespace weir::io {

class Slab {
 public:
  static constexpr std::size_t kBlock = 128;
  static constexpr std::size_t kPerChunk = 64;

  Slab() = default;
  ~Slab();
  Slab(const Slab&) = delete;
  Slab& operator=(const Slab&) = delete;

  void* take();
  void give_later(void* block) { given_.push_back(block); }
  void sweep() {
    if (!given_.empty()) sweep_given();
  }

 private:
  void sweep_given();

  std::vector<void*> free_;
  std::vector<void*> given_;
  std::vector<void*> chunks_;
};

}  // namespace weir::io
