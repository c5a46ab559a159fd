// One connection through the fault proxy: two streams and a pump for each direction. It knows where
// a turn begins, asks once for each what it has to go through, and does that to its bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>

#include "drill/fault.h"
#include "drill/lane.h"
#include "io/stream.h"
#include "io/task.h"

namespace weir::drill {

class FaultProxy;

class Link {
 public:
  Link(FaultProxy& proxy, io::Stream client, std::uint64_t number);
  io::Task<> run();

 private:
  struct Piece {
    std::string bytes;
    std::size_t gone = 0;  // of them
    Lane::Entry entry;
    Stamp from;                 // may leave from then on
    std::uint64_t version = 0;  // of the faults by which `from` was found
    bool end = false;           // FIN, behind everything
  };
  struct Held {
    std::deque<Piece> pieces;
    std::size_t bytes = 0;
  };

  io::Task<> pump(Way way);
  io::Task<bool> forward(Way way, Held& held);  // the next slice; false: nothing can follow
  void take(Way way, std::string_view bytes, Held& held);
  void hold(Way way, Piece piece, Held& held);
  const Ordeal& now_ordeal();
  void begin_turn();
  void reset();
  void silence();
  io::Stream& source(Way way) { return way == Way::up ? client_ : server_; }
  io::Stream& target(Way way) { return way == Way::up ? server_ : client_; }
  Lane& lane(Way way) { return way == Way::up ? up_ : down_; }

  FaultProxy& proxy_;
  io::Stream client_, server_;
  std::uint64_t number_, turn_ = 0, version_ = 0;
  std::uint64_t answered_ = 0;  // bytes of this turn that went down
  Ordeal ordeal_;
  Lane up_, down_;
  bool answering_ = true;  // the server spoke last: what the client sends begins a turn
  bool silent_ = false;    // half-open: the server is gone, the client does not know
  bool over_ = false;
};

}  // namespace weir::drill
