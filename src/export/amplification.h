// How many attempts upstreams get for one that they would get without retries: attempts by first
// attempts over the last kSeconds whole seconds and the running one. 1 is none; 3 is what a retry
// storm looks like from behind. Bound: kMost upstreams, of further ones nothing is said. Pure:
// stamps are passed in and do not go back.
#pragma once

#include <array>
#include <boost/unordered/unordered_flat_map.hpp>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/time.h"
#include "export/rate_window.h"
#include "model/names.h"

namespace weir::exporting {

class Amplification {
 public:
  static constexpr std::size_t kMost = 256;
  static constexpr std::int64_t kSeconds = 60;

  // An exchange that made so many attempts, and stands for `weight` of them.
  void add(NameId upstream, unsigned attempts, Stamp at, double weight) {
    if (!upstream.valid() || attempts == 0) return;
    auto of = upstreams_.find(upstream.value);
    if (of == upstreams_.end()) {
      if (upstreams_.size() == kMost) return;
      of = upstreams_.try_emplace(upstream.value).first;
    }
    const std::int64_t second = RateWindow::second_of(at);
    Second& into = of->second[place(second)];
    if (into.second != second) into = {.second = second};
    into.first += weight;
    into.all += weight * attempts;
  }
  // None where nothing was sent in that time.
  std::optional<double> of(NameId upstream, Stamp at) const {
    const auto found = upstreams_.find(upstream.value);
    if (found == upstreams_.end()) return std::nullopt;
    const std::int64_t second = RateWindow::second_of(at);
    double first = 0, all = 0;
    for (const Second& each : found->second) {
      if (each.second < second - kSeconds) continue;
      first += each.first;
      all += each.all;
    }
    return first > 0 ? std::optional(all / first) : std::nullopt;
  }

 private:
  struct Second {
    std::int64_t second = 0;
    double first = 0, all = 0;
  };
  using Seconds = std::array<Second, kSeconds + 1>;
  static std::size_t place(std::int64_t second) {
    return static_cast<std::size_t>((second % (kSeconds + 1) + kSeconds + 1) % (kSeconds + 1));
  }

  boost::unordered_flat_map<std::uint32_t, Seconds> upstreams_;  // by name
};

}  // namespace weir::exporting
