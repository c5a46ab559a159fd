// Sorted pieces of something, merged into one order as they come: a heap of pieces by their first
// item. Pieces mostly follow each other, and then taking an item costs a compare or two.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

namespace weir::record {

template <class T, class Before>
class Merge {
 public:
  // An empty one whose memory was used before.
  std::vector<T> spare() {
    if (spare_.empty()) return {};
    std::vector<T> spare = std::move(spare_.back()->items);
    spare_.pop_back();
    spare.clear();
    return spare;
  }
  // Sorted. `origin`: where it is from, for oldest_origin().
  void push(std::vector<T> items, std::uint32_t origin) {
    if (items.empty()) return;
    size_ += items.size();
    pieces_.push_back(std::make_unique<Piece>(std::move(items), 0, origin));
    std::ranges::push_heap(pieces_, later);
  }

  bool empty() const { return size_ == 0; }
  std::size_t size() const { return size_; }
  T& front() { return pieces_.front()->head(); }
  // The one that comes `places` after the first where no other piece comes between; null: unknown.
  const T* ahead(std::size_t places) const {
    if (pieces_.empty()) return nullptr;
    const Piece& first = *pieces_.front();
    return first.at + places < first.items.size() ? &first.items[first.at + places] : nullptr;
  }
  void pop() {
    --size_;
    Piece& first = *pieces_.front();
    const bool more = ++first.at < first.items.size();
    if (more && is_first_still()) return;
    std::ranges::pop_heap(pieces_, later);
    if (more) {
      std::ranges::push_heap(pieces_, later);
      return;
    }
    if (spare_.size() < kMostSpare) spare_.push_back(std::move(pieces_.back()));
    pieces_.pop_back();
  }
  // Of the pieces that are still there; `none` where there is none.
  std::uint32_t oldest_origin(std::uint32_t none) const {
    for (const auto& piece : pieces_) none = std::min(none, piece->origin);
    return none;
  }

 private:
  static constexpr std::size_t kMostSpare = 256;   // a window of half a minute, of blocks of a second and several workers
  struct Piece {
    std::vector<T> items;
    std::size_t at;
    std::uint32_t origin;
    T& head() { return items[at]; }
  };
  static bool later(const std::unique_ptr<Piece>& a, const std::unique_ptr<Piece>& b) {
    return Before()(b->head(), a->head());
  }
  bool is_first_still() const {
    for (std::size_t child = 1; child <= 2 && child < pieces_.size(); ++child) {
      if (later(pieces_.front(), pieces_[child])) return false;
    }
    return true;
  }

  std::vector<std::unique_ptr<Piece>> pieces_;  // a heap, the earliest first
  std::vector<std::unique_ptr<Piece>> spare_;
  std::size_t size_ = 0;
};

}  // namespace weir::record
