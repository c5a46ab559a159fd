// Sorted pieces of something, merged into one order as they come: a heap of pieces by their first
// item. Pieces mostly follow each other, and then taking an item costs a compare or two.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>

namespace weir::record {

template <class T, class Before>
class Merge {
 public:
  // An empty one whose memory was used before: the roomiest, since pieces of one stream differ in length.
  std::vector<T> spare() {
    if (spare_.empty()) return {};
    const auto roomiest = std::ranges::max_element(spare_, {}, &std::vector<T>::capacity);
    std::vector<T> spare = std::move(*roomiest);
    spare_.erase(roomiest);
    spare_room_ -= spare.capacity();
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
  // The first ones, as far as they follow each other in one piece: `most` at most.
  std::span<T> run(std::size_t most) {
    Piece& first = *pieces_.front();
    const std::span<T> items = std::span(first.items).subspan(first.at, std::min(most, first.items.size() - first.at));
    const auto behind = [&](std::size_t child) { return child >= pieces_.size() || !Before()(pieces_[child]->head(), items.back()); };
    if (behind(1) && behind(2)) return items;
    const std::size_t next = pieces_.size() > 2 && later(pieces_[1], pieces_[2]) ? 2 : 1;
    const auto end = std::ranges::upper_bound(items.subspan(1), pieces_[next]->head(), Before());
    return items.first(1 + static_cast<std::size_t>(end - items.subspan(1).begin()));
  }
  void pop(std::size_t count = 1) {
    size_ -= count;
    Piece& first = *pieces_.front();
    first.at += count;
    const bool more = first.at < first.items.size();
    if (more && is_first_still()) return;
    std::ranges::pop_heap(pieces_, later);
    if (more) {
      std::ranges::push_heap(pieces_, later);
      return;
    }
    keep(std::move(pieces_.back()->items), size_ / 2);
    pieces_.pop_back();
  }
  // Of the pieces that are still there; `none` where there is none.
  std::uint32_t oldest_origin(std::uint32_t none) const {
    for (const auto& piece : pieces_) none = std::min(none, piece->origin);
    return none;
  }

 private:
  static constexpr std::size_t kSpareRoom = std::size_t{1} << 14;   // items
  struct Piece {
    std::vector<T> items;
    std::size_t at;
    std::uint32_t origin;
    T& head() { return items[at]; }
  };
  static bool later(const std::unique_ptr<Piece>& a, const std::unique_ptr<Piece>& b) {
    return Before()(b->head(), a->head());
  }
  // For a stream under way, which goes on in the memory that it has: half as much as is held.
  void keep(std::vector<T> used, std::size_t most) {
    used.clear();
    spare_room_ += used.capacity();
    spare_.push_back(std::move(used));
    while (spare_room_ > std::max(most, kSpareRoom)) {
      spare_room_ -= spare_.front().capacity();
      spare_.erase(spare_.begin());
    }
  }
  bool is_first_still() const {
    for (std::size_t child = 1; child <= 2 && child < pieces_.size(); ++child) {
      if (later(pieces_.front(), pieces_[child])) return false;
    }
    return true;
  }

  std::vector<std::unique_ptr<Piece>> pieces_;  // a heap, the earliest first
  std::vector<std::vector<T>> spare_;
  std::size_t spare_room_ = 0;                  // of them together
  std::size_t size_ = 0;
};

}  // namespace weir::record
