// How often each endpoint is picked, and the busiest minute of each: what a policy would send it,
// or what it has carried.
#pragma once

#include <algorithm>
#include <boost/unordered/unordered_flat_map.hpp>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace weir::replay {

class Picks {
 public:
  static constexpr std::size_t kMost = 4096;  // endpoints; others are not counted

  struct Count {
    std::uint64_t all = 0, best = 0;  // best: of one minute
    std::uint64_t minute = 0, now = 0;
    double best_per_s() const { return static_cast<double>(best) / 60; }
  };

  // Minutes never go back.
  void add(std::string_view endpoint, std::uint64_t minute) {
    auto at = counts_.find(endpoint);
    if (at == counts_.end()) {
      if (counts_.size() == kMost) return;
      at = counts_.emplace(std::string(endpoint), Count{}).first;
    }
    Count& count = at->second;
    if (count.minute != minute) count.now = 0;
    count.minute = minute;
    ++count.all;
    count.best = std::max(count.best, ++count.now);
  }
  const Count* find(std::string_view endpoint) const {
    const auto at = counts_.find(endpoint);
    return at == counts_.end() ? nullptr : &at->second;
  }
  bool empty() const { return counts_.empty(); }

 private:
  struct TextHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const {
      return std::hash<std::string_view>()(text);
    }
  };
  boost::unordered_flat_map<std::string, Count, TextHash, std::equal_to<>> counts_;
};

}  // namespace weir::replay
