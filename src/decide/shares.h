// How much of an upstream's attempts each endpoint took in the last minute, against its weight. An endpoint's ratio is
// (its attempts / those of its tier) / (its weight / those of its tier): 1 is as configured. Retries count: they are load too.
// No ratio: weight 0; fewer than kLeast attempts in its tier; balance by load (least_request, peak_ewma), where weights alone do
// not decide. Under ring_hash it shows how unlike each other the keys are.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <unordered_map>
#include <vector>

#include "base/time.h"
#include "model/names.h"
#include "model/policy.h"

namespace weir::decide {

class Shares {
 public:
  static constexpr std::size_t kSlices = 12;
  static constexpr Nanos kSlice = std::chrono::seconds(5);   // the window: 55 s to 60 s
  static constexpr std::uint64_t kLeast = 100;

  void add(NameId upstream, NameId endpoint, std::uint32_t attempts, Stamp now);
  // By endpoint of the policy.
  std::vector<std::optional<double>> ratios(const Policy& policy, Stamp now) const;
  // Forgets what the policy does not have.
  void use(const Policy& policy);

 private:
  struct Window {
    std::array<std::uint64_t, kSlices> slices{};
    std::int64_t last = 0;   // number of the newest slice
  };
  static std::uint64_t key(NameId upstream, NameId endpoint) { return std::uint64_t{upstream.value} << 32 | endpoint.value; }
  static std::int64_t slice(Stamp now) { return now.time_since_epoch() / kSlice; }
  std::uint64_t sum(NameId upstream, NameId endpoint, Stamp now) const;

  std::unordered_map<std::uint64_t, Window> windows_;   // within those of a policy and what came between two
};

}  // namespace weir::decide
