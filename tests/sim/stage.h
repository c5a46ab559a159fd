// A stage for scripted tests: the gateway of a simulation, with one worker unless told otherwise, an upstream and clients that are coroutines
// of the test. Everything else is as in a storm (run.h), the checks of records and leftovers included.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gateway.h"
#include "io/listener.h"
#include "io/loop.h"
#include "io/scope.h"
#include "io/sim/world.h"
#include "io/task.h"
#include "ledger.h"
#include "message.h"
#include "peer.h"

namespace weir::simulated {

// One route `/` to one upstream at 10.2.0.1:9001; timeouts short enough to be seen.
std::string plain_policy(std::string_view more_listeners = {});

// What most plays say, and how long nobody waits.
using Want = MessageReader::Want;
using State = MessageReader::State;
inline constexpr std::string_view kGet = "GET /x HTTP/1.1\r\nHost: a.test\r\n\r\n";
inline constexpr std::string_view kHello = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
inline Stamp later(const Peer& peer) { return peer.now() + std::chrono::seconds(50); }

class Stage {
 public:
  using Act = std::function<io::Task<>(Peer&)>;

  explicit Stage(const std::string& yaml = plain_policy(), io::sim::SimOptions network = {}, std::uint64_t seed = 1,
                 std::size_t workers = 1);
  ~Stage();

  // Each connection that the upstream accepts is served so; the argument counts them from 0. May be given anew as long
  // as none is there.
  void upstream(std::function<io::Task<>(Peer&, std::size_t)> serve);
  // Connects to the gateway and acts.
  void client(Act act, const char* to = "10.1.0.1:80");
  // Until all clients are done, at most so long. False: they are not.
  bool run(Nanos at_most = std::chrono::seconds(60));
  void wait(Nanos time) { world.run(loops_, world.now() + time); }
  // Drains, cuts, tears down and checks records; what is wrong is in ledger.findings then.
  void end();

  Stamp now() const { return world.now(); }
  io::Loop& client_loop() { return client_loop_; }
  io::Loop& upstream_loop() { return upstream_loop_; }
  // One more message from the other side, or what came of it until `patience` was over.
  static io::Task<MessageReader> read(Peer& peer, MessageReader::Want want, Nanos patience = std::chrono::seconds(50));

  io::sim::SimWorld world;
  Ledger ledger;

 private:
  io::Task<> accept();

  io::Loop client_loop_, upstream_loop_;

 public:
  Gateway gateway;

 private:
  std::vector<io::Loop*> loops_;
  std::function<io::Task<>(Peer&, std::size_t)> serve_;
  io::Listener listener_;
  std::size_t accepted_ = 0;
  io::Scope clients_, upstream_;
  bool ended_ = false;
};

}  // namespace weir::simulated
