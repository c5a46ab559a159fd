// The fault proxy: TCP between a client and a server, through the faults that are set just then
// (fault.h). It needs neither root nor the kernel's traffic control. Bytes are never looked at.
//
// A connection is made to the server when a client's is accepted; where that fails the client is
// reset. FIN and RST of either side are passed on. Each direction holds back at most kMostHeld
// bytes, then it reads no more: a slow path pushes back. At most kMostLinks connections at once.
//
// blackhole: what is connected stands still both ways and goes on when it ends, as TCP does over a
// path that was gone for a while; the listening socket is opened anew with the shortest queue and
// that is filled by a connection of its own, so the kernel drops the SYN of whoever else comes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/address.h"
#include "base/result.h"
#include "drill/behaviour.h"
#include "drill/chance.h"
#include "drill/control.h"
#include "io/gate.h"
#include "io/listener.h"
#include "io/loop.h"
#include "io/task.h"

namespace weir::drill {

struct FaultCounts {
  std::uint64_t connections = 0, turns = 0, resets = 0, silenced = 0, unreachable = 0;
  std::uint64_t bytes_up = 0, bytes_down = 0, corrupted = 0;
};

class FaultProxy {
 public:
  static constexpr std::size_t kMostLinks = 16'384;
  static constexpr std::size_t kMostHeld = 1 << 20;

  FaultProxy(io::Loop& loop, SocketAddress server, FaultList faults, std::uint64_t seed);

  Result<> open(const SocketAddress& listen, const SocketAddress& control);
  SocketAddress local() const { return address_; }
  SocketAddress control() const { return control_.local(); }

  // For its links.
  std::span<const Fault> faults() const { return active_; }
  std::uint64_t version() const { return version_; }  // of the faults
  bool dark() const { return dark_; }
  io::Gate& changed() { return changed_; }
  const Chance& chance() const { return chance_; }
  const SocketAddress& server() const { return server_; }
  FaultCounts& counts() { return counts_; }
  io::Loop& loop() { return loop_; }

 private:
  io::Task<> accept_loop();
  io::Task<> serve(io::Stream client, std::uint64_t number);
  io::Task<Result<>> take(std::string yaml);
  Result<> listen(int backlog);
  io::Task<> obey();
  std::string describe() const;

  io::Loop& loop_;
  SocketAddress server_, address_;
  FaultList list_;
  std::vector<Fault> active_;
  Chance chance_;
  std::uint64_t version_ = 0, links_ = 0, numbers_ = 0;
  bool dark_ = false;
  io::Gate changed_;
  io::Listener listener_;
  io::Stream filling_;
  FaultCounts counts_;
  Control control_;
};

}  // namespace weir::drill
