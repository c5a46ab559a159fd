// The callers of the judge's world (tests/judge/world.h) as clients of a simulated gateway: an open loop, through one trusted proxy whose
// connections are kept. How long a request takes at its service and whether it fails there is drawn with it and written into it
// (service.h). What else befalls it is the doing of the gateway, or of a service that is crowded: it is hurt.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "../judge/world.h"
#include "auth/gather.h"
#include "base/hash.h"
#include "base/time.h"
#include "decide/known_callers.h"
#include "io/loop.h"
#include "io/scope.h"
#include "io/task.h"
#include "peer.h"

namespace weir::simulated {

inline constexpr std::string_view kCrowdTakes = "X-Takes", kCrowdFails = "X-Fails", kCrowdMark = "X-Mark";

// The caller 17 of group 5 has the key "key-17", is named "c17", of group "g5", asks from 198.51.100.18 and says that it is of "team-1" and of tenant "g5".
// Every request bears X-Mark.
class Crowd {
 public:
  struct Count {
    std::uint64_t requests = 0, hurt = 0;
    double share() const { return requests == 0 ? 0 : static_cast<double>(hurt) / static_cast<double>(requests); }
  };

  Crowd(io::Loop& loop, const judged::Setting& setting, const SocketAddress& gateway);

  void start();   // from now on
  void stop();    // nobody comes any more; who is there is answered
  bool quiet() const { return coming_.running() == 0 && asking_.running() == 0; }
  void leave();   // closes what is kept open
  // Counts from the beginning.
  void count_anew();
  // Of known callers.
  Count all() const { return all_; }
  Count hurt_most() const;   // the one whose share is the greatest, of those with 20 requests

  // Of every caller, in the one rule of identity that there is for keys.
  std::shared_ptr<const auth::KeyTables> keys(std::size_t rules) const;
  // As the directory knows them.
  std::shared_ptr<const decide::KnownCallers> known(HashKey key) const;
  const judged::World& world() const { return world_; }

 private:
  io::Task<> come();
  io::Task<> ask(judged::Request request);
  io::Task<int> answer(Peer& peer, std::string_view head);   // its status; 0: none
  std::string head_of(const judged::Request& request) const;
  void count(const judged::Request& request, int status);

  io::Loop& loop_;
  judged::World world_;
  SocketAddress gateway_;
  Stamp began_;
  std::vector<Peer> kept_;
  std::vector<Count> counts_;   // by caller
  Count all_;
  bool comes_ = false;
  io::Scope coming_, asking_;
};

}  // namespace weir::simulated
