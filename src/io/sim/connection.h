// A simulated connection: two ends, and what is on its way between them. Behaves as TCP on Linux
// does where a proxy can tell: order is kept; FIN comes after the bytes before it; bytes that reach
// a closed end are answered by RST; closing with unread bytes resets; an RST comes
// behind the bytes sent before it, and what was received before it can still be read (unless
// SimOptions::reset_erases says that this peer is another system). `Listening` is a listening
// socket, which several processes may hold (handed over).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/address.h"
#include "base/time.h"
#include "io/sim/options.h"

namespace weir::io::sim {

class SimKernel;
class SimWorld;

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  static constexpr int kClient = 0;
  static constexpr int kServer = 1;

  struct End {
    SimKernel* kernel = nullptr;  // the process that holds it; null while nobody does
    int handle = -1;
    SocketAddress address;
    bool established = false;
    bool closed = false;
    int connect_error = 0;
    std::string in;         // arrived, not yet read
    bool end_in = false;    // FIN arrived
    bool reset_in = false;  // RST arrived; reported once by receive or send
    bool reset_told = false;
    bool end_out = false;  // this end sent FIN
    bool blocked = false;  // a send was short: wants to hear of room
    // Of the direction towards this end:
    std::size_t under_way = 0;
    Stamp last_arrival{};
    std::uint64_t accepted = 0;  // bytes ever sent towards it
    bool cut = false;            // by a fault: nothing more arrives
    Script::Way script;
  };

  Connection(SimWorld& world, SocketAddress client, SocketAddress server);

  ssize_t send(int side, std::string_view bytes);
  ssize_t receive(int side, std::span<std::byte> into);
  int end_sending(int side);
  void close(int side, bool abort);
  std::uint32_t ready(int side) const;  // ReadyFlags of the present state
  End& end(int side) { return ends_[static_cast<std::size_t>(side)]; }
  void establish(int side);
  void fail_connect(int error);

 private:
  void arrive(int side, Stamp when, void (Connection::*what)(int, std::string_view),
              std::string bytes = {});
  void take_bytes(int side, std::string_view bytes);
  void take_end(int side, std::string_view);
  void take_reset(int side, std::string_view);
  void reset_both(Stamp when);
  void notify(int side);
  void offer_room(int side);
  std::size_t room_towards(int side) const;
  Stamp next_arrival(int side);
  std::string_view apply_script(int to, std::string_view bytes, bool& reset, bool& ended);

  SimWorld& world_;
  std::array<End, 2> ends_;
};

struct Listening {
  struct Holder {
    SimKernel* kernel;
    int handle;
  };
  SocketAddress address;
  bool reuse_port = false;
  std::size_t backlog = 0;
  std::deque<std::shared_ptr<Connection>> waiting;  // bounded by backlog
  std::vector<Holder> holders;
};

}  // namespace weir::io::sim
