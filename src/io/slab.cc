#include "io/slab.h"

#include <new>

namespace weir::io {
namespace {

constexpr std::align_val_t kLine{64};

#if __has_feature(address_sanitizer)
constexpr bool kChunked = false;
#else
constexpr bool kChunked = true;
#endif

}  // namespace

Slab::~Slab() {
  sweep();
  for (void* chunk : chunks_) ::operator delete(chunk, kLine);
}

void* Slab::take() {
  if (!kChunked) return ::operator new(kBlock, kLine);
  if (free_.empty()) {
    auto* chunk = static_cast<std::byte*>(::operator new(kBlock * kPerChunk, kLine));
    chunks_.push_back(chunk);
    for (std::size_t i = kPerChunk; i > 0; --i) free_.push_back(chunk + (i - 1) * kBlock);
  }
  void* block = free_.back();
  free_.pop_back();
  return block;
}

void Slab::sweep_given() {
  if (kChunked) {
    free_.insert(free_.end(), given_.begin(), given_.end());
  } else {
    for (void* block : given_) ::operator delete(block, kLine);
  }
  given_.clear();
}

}  // namespace weir::io
