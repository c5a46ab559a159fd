// What the candidate does to whom the control does nothing: both policies decide the same request, so a difference is theirs and
// not chance. Told of each exchange of a known caller that two policies judged, in shadow as in canary and watched hour.
// The judge keeps three of them: newly refused, access lost (by caller and route), cut by a timeout.
//
//   net    of a caller: newly hurt, less newly spared; a refusal that moved by a request is none
//   harm   spread   in the last five to ten minutes 5 callers or more with net harm, and 0.1 % of all requests
//          heavy    in that time 0.5 % of all requests, 100 at least, however few callers that are
//          alone    half of the requests of one caller, 8 at least, in that time or since the beginning
// Bounds: 65,536 callers in five minutes, and as many since the beginning; those of further ones count in the totals alone. A look
// goes over the callers about whom the policies differ.
#pragma once

#include <array>
#include <boost/unordered/unordered_flat_map.hpp>
#include <boost/unordered/unordered_flat_set.hpp>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/time.h"

namespace weir::rollout {

struct PairedRules {
  std::uint64_t callers = 5;
  double share = 0.001;
  std::uint64_t heavy_requests = 100;
  double heavy_share = 0.005;
  std::uint64_t alone_requests = 8;
  double alone_share = 0.5;
};

struct PairedReading {
  enum class Harm : std::uint8_t { none, spread, heavy, alone } harm = Harm::none;
  std::uint64_t requests = 0;   // in the window
  std::uint64_t net = 0;        // sum of the callers' net harm in it
  std::uint64_t callers = 0;    // with any
  std::uint64_t worst = 0;      // key of the caller that `alone` speaks of, else of the one hurt most; worst_of 0: nobody
  std::uint64_t worst_net = 0, worst_of = 0;
};
std::string_view to_string(PairedReading::Harm harm);

class Paired {
 public:
  static constexpr std::size_t kMost = 1u << 16;
  static constexpr Nanos kHalf = std::chrono::minutes(5);

  explicit Paired(PairedRules rules) : rules_(rules) {}

  // The key is the caller, or what is counted in its place.
  void add(std::uint64_t key, bool candidate, bool control);
  // Looks at what was added, and lets the older half of the window go when it is time.
  void close(Stamp now);
  const PairedReading& reading() const { return reading_; }

 private:
  struct Count {
    std::uint64_t requests = 0;
    std::int64_t net = 0;
    Count& operator+=(const Count& other) {
      requests += other.requests;
      net += other.net;
      return *this;
    }
  };
  using Counts = boost::unordered_flat_map<std::uint64_t, Count>;
  static void count(Counts& in, std::uint64_t key, const Count& one);
  static Count find(const Counts& in, std::uint64_t key);
  bool alone(const Count& count) const;
  void look_at_window();
  void look_for_one();
  void take(std::uint64_t key, const Count& count);   // as the worst, if it is

  PairedRules rules_;
  Counts now_, before_, ever_;   // the newer half of the window, the older one, since the beginning
  boost::unordered_flat_set<std::uint64_t> differ_;   // keys about which the policies ever differed: the others have no net
  std::uint64_t requests_now_ = 0, requests_before_ = 0;
  std::optional<Stamp> began_;   // the newer half
  PairedReading reading_;
};

}  // namespace weir::rollout
