// The weather of a run: what may go wrong in it, drawn from the seed. Fair runs must succeed wholly; in the others the
// checkers know which excuses there are.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "io/sim/chance.h"
#include "io/sim/options.h"

namespace weir::simulated {

struct Weather {
  std::size_t workers = 1;
  std::size_t connections = 20;
  bool network_splits = false;      // any byte may be a delivery of its own, sends are taken in part
  bool network_cuts = false;        // connections are reset or ended, connects refused or lost
  unsigned upstream_trouble = 0;    // per mille of requests
  unsigned client_trouble = 0;      // per mille of connections
  bool swaps = false;               // policies change under way
  bool drain_early = false;         // the drain begins while requests are under way
  bool cut_short = false;           // no drain: everything is ended at once
  bool tight_limits = false;
  bool shortage = false;            // the gateway is short of memory or descriptors, more and less
  io::sim::SimOptions network;

  bool fair() const { return !network_cuts && upstream_trouble == 0 && client_trouble == 0 && !drain_early && !cut_short && !swaps && !shortage; }
  static Weather of(std::uint64_t seed);
  std::string text() const;
};

}  // namespace weir::simulated
