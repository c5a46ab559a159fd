// The heaviest of many, in a fixed number of counters (Space-Saving; Metwally, Agrawal, El Abbadi 2005). With m counters over N
// events, whoever has more than N/m is among them, and no count is too high by more than N/m. The lightest counter is found in
// a heap: log m steps an event, nothing is allocated once the counters are taken.
#pragma once

#include <algorithm>
#include <boost/unordered/unordered_flat_map.hpp>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace weir::rollout {

class SpaceSaving {
 public:
  struct Heavy {
    std::uint64_t key = 0, count = 0;
  };

  explicit SpaceSaving(std::size_t counters) : most_(counters) { heap_.reserve(counters); }

  void add(std::uint64_t key) {
    if (const auto found = places_.find(key); found != places_.end()) {
      ++heap_[found->second].count;
      sink(found->second);
    } else if (heap_.size() < most_) {
      heap_.push_back({.key = key, .count = 1});
      places_[key] = heap_.size() - 1;
      rise(heap_.size() - 1);
    } else {   // the lightest makes room, and leaves its count
      places_.erase(heap_[0].key);
      heap_[0].key = key;
      ++heap_[0].count;
      places_[key] = 0;
      sink(0);
    }
  }

  // Heaviest first; of equal ones the smaller key.
  std::vector<Heavy> top(std::size_t most) const {
    std::vector<Heavy> out = heap_;
    std::ranges::sort(out, [](const Heavy& a, const Heavy& b) { return a.count != b.count ? a.count > b.count : a.key < b.key; });
    out.resize(std::min(out.size(), most));
    return out;
  }
  bool contains(std::uint64_t key) const { return places_.contains(key); }

 private:
  void swap(std::size_t a, std::size_t b) {
    std::swap(heap_[a], heap_[b]);
    places_[heap_[a].key] = a;
    places_[heap_[b].key] = b;
  }
  void rise(std::size_t at) {
    for (; at > 0 && heap_[at].count < heap_[(at - 1) / 2].count; at = (at - 1) / 2) swap(at, (at - 1) / 2);
  }
  void sink(std::size_t at) {
    for (;;) {
      std::size_t least = at;
      for (std::size_t child = 2 * at + 1; child <= 2 * at + 2 && child < heap_.size(); ++child)
        if (heap_[child].count < heap_[least].count) least = child;
      if (least == at) return;
      swap(at, least);
      at = least;
    }
  }

  std::size_t most_;
  std::vector<Heavy> heap_;   // the lightest first
  boost::unordered_flat_map<std::uint64_t, std::size_t> places_;
};

}  // namespace weir::rollout
