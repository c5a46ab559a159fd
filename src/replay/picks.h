// How often each endpoint is picked, and the busiest minute of each: what a policy would send it,
// or what it has carried.
#pragma once

#include <algorithm>
#include <array>
#include <boost/unordered/unordered_flat_map.hpp>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace weir::replay {

class Picks {
 public:
  static constexpr std::size_t kMost = 4096;  // endpoints; others are not counted

  struct Count {
    std::uint64_t all = 0, best = 0;  // best: of one minute
    std::uint64_t minute = 0, now = 0;
    double best_per_s() const { return static_cast<double>(best) / 60; }
  };

  using Index = std::uint32_t;
  static constexpr Index kNone = kMost;
  // Of an endpoint that is asked for often; kNone: it is not counted.
  Index index(std::string_view endpoint) {
    Index& recent = recent_[(endpoint.size() * 8 + static_cast<unsigned char>(endpoint.empty() ? 0 : endpoint.back())) % recent_.size()];
    if (recent < names_.size() && names_[recent] == endpoint) return recent;
    if (const auto at = places_.find(endpoint); at != places_.end()) return recent = at->second;
    if (counts_.size() == kMost) return kNone;
    counts_.emplace_back();
    names_.emplace_back(endpoint);
    return recent = places_.emplace(std::string(endpoint), static_cast<Index>(places_.size())).first->second;
  }
  // Minutes never go back.
  void add(Index endpoint, std::uint64_t minute) {
    if (endpoint == kNone) return;
    Count& count = counts_[endpoint];
    if (count.minute != minute) count.now = 0;
    count.minute = minute;
    ++count.all;
    count.best = std::max(count.best, ++count.now);
  }
  const Count* find(std::string_view endpoint) const {
    const auto at = places_.find(endpoint);
    return at == places_.end() || counts_[at->second].all == 0 ? nullptr : &counts_[at->second];
  }

 private:
  struct TextHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const {
      return std::hash<std::string_view>()(text);
    }
  };
  boost::unordered_flat_map<std::string, Index, TextHash, std::equal_to<>> places_;
  std::vector<Count> counts_;
  std::vector<std::string> names_;        // of them
  std::array<Index, 64> recent_{};        // places of those that were asked for last: most are asked for again
};

}  // namespace weir::replay
