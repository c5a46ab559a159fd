// Whether every endpoint has shown that it bears what the candidate would send it. Both policies pick for every request; from
// the candidate's picks comes the load at 100 %, from those carried out the best that an endpoint has sustained.
//
//   picks       of the candidate in the last whole minute, by second
//   sustained   the busiest minute with at most one bad answer in a hundred
//   unproven    picks above 1.5 times the sustained, above 1.5 times those of the control, which it bears as it may, and five a second
//               at least (one after another, of 200 ms each): nothing says that it breaks, nothing that it holds
//
// And how full the buckets of each limit get: p99.9 of the fill after a request, of the candidate's table, which has seen all
// traffic, beside the control's. A limit is nearly full from 95 % on where the control's is not.
// Bounds: 4,096 endpoints, 256 limits; further ones are not looked at.
#pragma once

#include <algorithm>
#include <array>
#include <boost/unordered/unordered_flat_map.hpp>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/time.h"
#include "rollout/event.h"

namespace weir::rollout {

class Load {
 public:
  static constexpr std::size_t kMost = 4096;
  static constexpr double kMuch = 1.5, kLittle = 5;
  static constexpr Nanos kMinute = std::chrono::minutes(1);

  struct Endpoint {
    NameId name;
    double picks_per_s = 0, sustained_per_s = 0, control_per_s = 0;
    double ratio() const { return sustained_per_s > 0 ? picks_per_s / sustained_per_s : 0; }
    bool unproven() const { return picks_per_s >= kLittle && picks_per_s > kMuch * std::max(sustained_per_s, control_per_s); }
  };

  void restart(Stamp now);                              // a minute begins: what a part of one picked says nothing
  void add(const Event& event);
  void close(Stamp now);
  // Those unproven, the greatest ratio first; those that have carried nothing before all others.
  std::vector<Endpoint> unproven() const;
  // Of this minute's bad exchanges, the share that ended at endpoints which both policies pick, the candidate kMuch times as often: such
  // an endpoint fails both arms of a comparison alike, so that none can tell whose doing it is.
  double crowded() const;
  const Endpoint* hottest() const;   // the greatest ratio of those that have carried something; null: none is known

 private:
  struct Count {
    Endpoint shown;
    std::uint64_t picked = 0, picked_by_control = 0, carried = 0, bad = 0;   // this minute
    bool crowded() const {
      return picked_by_control > 0 && static_cast<double>(picked) > kMuch * static_cast<double>(picked_by_control);
    }
  };
  Count* of(NameId endpoint);

  boost::unordered_flat_map<std::uint32_t, std::size_t> places_;
  std::vector<Count> counts_;
  Stamp began_{};
  bool two_ = false;   // the candidate picked in this minute
};

class Fill {
 public:
  static constexpr std::size_t kMost = 256, kSteps = 101;   // in hundredths
  static constexpr double kNearlyFull = 0.95;
  static constexpr std::uint64_t kEnough = 1000;

  struct Reading {
    NameId limit;
    double candidate = 0, control = 0;   // p99.9, in [0, 1]
    bool nearly_full() const { return candidate >= kNearlyFull && control < kNearlyFull; }
  };

  void add(NameId limit, double candidate, double control);
  std::vector<Reading> readings() const;   // fullest of the candidate's first; those with 1,000 requests or more

 private:
  struct Counts {
    NameId limit;
    std::uint64_t all = 0;
    std::array<std::uint64_t, kSteps> candidate{}, control{};
  };
  boost::unordered_flat_map<std::uint32_t, std::size_t> places_;
  std::vector<Counts> counts_;
};

}  // namespace weir::rollout
