// What the candidate has decided and carried out so far, of all that comes in: by kind of request (route, method, identity) and
// by caller, of the hundred heaviest.
//
//   decided   by the candidate, in shadow too; a kind is covered from 30 on
//   felt      enforced by the candidate; what nobody has felt 30 times is listed, and watched singly after the change
// Bounds: 1,024 kinds, callers by Space-Saving with 512 counters; requests of further kinds count as not covered.
#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/hash.h"
#include "rollout/event.h"
#include "rollout/space_saving.h"

namespace weir::rollout {

struct CoverageReading {
  struct Kind {
    NameId route, identity;
    std::uint64_t method = 0;
    std::uint64_t requests = 0, decided = 0, felt = 0;
  };
  double covered = 0;                   // share of the exchanges, in [0, 1]
  std::vector<Kind> unfelt;             // most requests first
  std::vector<std::uint64_t> callers;   // of the hundred heaviest, those that have felt nothing; heaviest first
};

class Coverage {
 public:
  static constexpr std::size_t kMost = 1024, kCounters = 512, kTop = 100;
  static constexpr std::uint64_t kEnough = 30;

  void add(const Event& event);
  CoverageReading reading() const;
  double covered() const;
  // How many times as much it takes until so large a share is covered; infinite where kinds are missing that nobody has decided.
  double times_until(double share) const;

 private:
  boost::unordered_flat_map<std::uint64_t, std::size_t> places_;
  std::vector<CoverageReading::Kind> kinds_;
  std::uint64_t requests_ = 0;
  SpaceSaving heavy_{kCounters}, felt_{kCounters};
};

}  // namespace weir::rollout
