// Traffic for a judge, drawn from a seed: like testbed T0 of the incident research, at the level of decisions. Callers by Zipf
// 0.9 in bursts of four at 30 ms, 100 groups of equal size, six routes with durations LogN, a rate that wavers by 15 % from
// second to second. Half a per cent of all requests is bad and comes in spells of one caller (40 requests in the mean); five
// callers fail always; one known caller is at a limit always. Weather is what happens to all of them, whatever the gateway does.
//
// Nothing here is the judge's but the hash of integers.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "base/hash.h"

namespace judged {

inline constexpr double kMinute = 60;
inline constexpr std::array<std::string_view, 6> kRoutes = {"catalog", "orders", "auth", "payments", "internal", "reports"};

class Dice {
 public:
  explicit Dice(std::uint64_t seed) : state_(weir::mix(seed)) {}
  double uniform() { return static_cast<double>(weir::mix(state_++) >> 11) * 0x1p-53; }
  double between(double low, double high) { return low + (high - low) * uniform(); }
  std::size_t below(std::size_t bound) { return static_cast<std::size_t>(uniform() * static_cast<double>(bound)); }
  bool once_in(double share) { return uniform() < share; }
  std::size_t poisson(double mean);
  std::size_t geometric(double mean);   // 1, 2, …

 private:
  std::uint64_t state_;
};

struct Weather {
  double surge = 1, surge_from = 0, surge_to = 0;        // times the rate; bad share and durations double in it too
  double blip_share = 0, blip_from = 0, blip_to = 0;     // of the requests of one route that fail
  std::uint8_t blip_route = 0;
  double blip_every = 1e9;                               // it comes again and again
  double fades_from = 1e9;                               // the rate falls to a tenth within half an hour: night
};

struct Setting {
  std::uint64_t seed = 0;
  std::size_t callers = 2000;
  double requests_per_s = 300;
  Weather weather;
};

struct Request {
  double at = 0;              // seconds since the beginning
  std::uint32_t caller = 0;   // 0 is the heaviest
  std::uint16_t group = 0;
  std::uint8_t route = 0, method = 0, identity = 0, endpoint = 0;
  bool known = false, bad = false;
  bool at_limit = false;      // of the caller that always is
  double duration = 0;        // seconds
  std::uint64_t chance = 0;   // of its own, for what a change does to it
};

class World {
 public:
  explicit World(const Setting& setting);
  const std::vector<Request>& next_second();   // in the order of time
  double share_of(std::uint32_t caller) const;
  bool known(std::uint32_t caller) const { return callers_[caller].known; }
  std::uint16_t group(std::uint32_t caller) const { return callers_[caller].group; }   // from 1
  std::size_t callers() const { return callers_.size(); }

 private:
  struct Caller {
    double until = 0;         // cumulated share
    std::uint16_t group = 0;
    bool known = false, always_bad = false;
    std::uint32_t spell = 0;  // bad requests still to come
  };
  void burst(double at);
  double duration(std::uint8_t route);

  Setting setting_;
  Dice dice_;
  std::vector<Caller> callers_;
  std::uint32_t limited_ = 0;
  double second_ = 0;
  std::vector<Request> requests_, later_;
};

}  // namespace judged
