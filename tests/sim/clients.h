// Simulated clients: each connection plan is carried out by one coroutine, which sends its requests in its manner and
// reads what comes back into the ledger.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "io/loop.h"
#include "io/scope.h"
#include "io/sim/chance.h"
#include "io/task.h"
#include "ledger.h"
#include "peer.h"
#include "scenario.h"

namespace weir::simulated {

// Longer than anything the gateway may do without a sign: who waits so long has found a hang.
inline constexpr Nanos kForever = std::chrono::seconds(60);

class Clients {
 public:
  Clients(io::Loop& loop, Ledger& ledger, std::uint64_t seed) : loop_(loop), ledger_(ledger), seed_(seed), scope_(loop) {}

  void start(const std::vector<ConnectionPlan>& plans);
  bool done() const { return scope_.running() == 0; }
  io::Scope& scope() { return scope_; }

 private:
  struct Talk;   // one connection under way

  io::Task<> connection(std::size_t number, const ConnectionPlan& plan);
  io::Task<bool> group(Talk& talk, const std::vector<std::size_t>& tokens);
  io::Task<> write(Talk& talk, const std::vector<std::size_t>& tokens);
  io::Task<bool> write_one(Talk& talk, Ask& ask);
  io::Task<bool> read_one(Talk& talk, Ask& ask);
  io::Task<> tunnel(Talk& talk, Ask& ask);
  io::Task<> break_off(Talk& talk);
  io::Task<> linger(Talk& talk);

  io::Loop& loop_;
  Ledger& ledger_;
  std::uint64_t seed_;
  io::Scope scope_;
};

}  // namespace weir::simulated
