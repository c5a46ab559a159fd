// What a run asks of the gateway, drawn from its seed: the policies that follow one another, and every request that
// every client will make, written out before the first one is sent.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/address.h"
#include "base/time.h"
#include "io/sim/chance.h"
#include "ledger.h"
#include "model/arms.h"
#include "proxy/load_watch.h"
#include "weather.h"

namespace weir::simulated {

// Where things stand in every run.
SocketAddress public_address();
SocketAddress inner_address();                       // a second listener, which some policies do not have
std::vector<SocketAddress> upstream_addresses();     // two of upstream alpha, one of beta

// How one client connection behaves.
struct Manner {
  enum class Kind : std::uint8_t {
    plain,
    slow_sender,     // within what the listener allows
    stalling_sender, // stops in the middle
    slow_reader,     // within what the listener allows
    stuck_reader,    // reads nothing
    resets, leaves,  // at some time
    half_closes,     // after its last request
    lingers,         // stays when all is said, until it is closed
  } kind = Kind::plain;
  Nanos at{0};               // of the reset, of leaving
  std::size_t stop_after = 0;   // bytes: the stalling sender
  Nanos pause{0};            // between the pieces of slow ones
};

struct ConnectionPlan {
  SocketAddress to;
  Nanos starts{0};
  Manner manner;
  std::vector<std::vector<std::size_t>> groups;   // tokens; each group is sent at once, the next when it is answered
};

struct Scenario {
  std::vector<std::string> policies;   // the first is there from the start
  std::vector<Nanos> swaps;            // when the others come
  struct Shortage {
    Nanos at{0};
    proxy::ProcessLoad load;
  };
  // A change that goes out in stages; `policy` decides beside from the first on.
  struct Stage {
    enum class Kind : std::uint8_t { beside, draw, change_places, alone } kind;
    Nanos at{0};
    double share = 0;
    Unit unit = Unit::caller;
  };
  std::string candidate;
  std::vector<Stage> stages;
  std::vector<Shortage> shortages;     // what the gateway is told of memory and descriptors
  Nanos drain{0};                      // zero: when all clients are done
  std::vector<ConnectionPlan> connections;
};

// Fills ledger.asks.
Scenario draw_scenario(std::uint64_t seed, const Weather& weather, Ledger& ledger);

}  // namespace weir::simulated
