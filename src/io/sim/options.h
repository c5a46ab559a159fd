// What can go wrong in a simulated world, and how often; and the script of one connection for tests
// that want one fault at one byte. Chances are in thousandths. The default is a calm network:
// delays, nothing else.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "base/address.h"
#include "base/time.h"

namespace weir::io::sim {

struct SimOptions {
  Nanos delay_least = std::chrono::microseconds(20);  // of every delivery
  Nanos delay_most = std::chrono::microseconds(400);
  Nanos turn_cost =
      std::chrono::microseconds(1);  // what one look at the kernel takes; > 0, so time always moves
  std::size_t buffer = 64 * 1024;    // bytes one direction holds before send() is refused

  unsigned split = 0;         // a send arrives in pieces, cut at any byte
  unsigned short_send = 0;    // a send is taken in part, or not at all, though there is room
  unsigned reset = 0;         // a send is cut at any byte and the connection reset
  unsigned reset_erases = 0;  // an RST takes with it what was received and not read (RFC 9112 9.6)
  unsigned end_early =
      0;  // a send is cut at any byte and the direction ended, as if the peer had closed
  unsigned refuse = 0;     // a connect is refused
  unsigned lose = 0;       // a connect is never answered
  unsigned exhaust = 0;    // an accept finds no descriptor left
  unsigned spurious = 0;   // readiness is reported though nothing came
  unsigned late_wake = 0;  // a wake() arrives late, by up to late_wake_most
  Nanos late_wake_most = std::chrono::milliseconds(20);

  // Everything at once, each rarely enough that most exchanges still come through.
  static SimOptions stormy() {
    SimOptions options;
    options.delay_most = std::chrono::milliseconds(5);
    options.split = 300;
    options.short_send = 100;
    options.reset = 10;
    options.reset_erases = 300;
    options.end_early = 10;
    options.refuse = 20;
    options.lose = 5;
    options.exhaust = 10;
    options.spurious = 20;
    options.late_wake = 200;
    return options;
  }
};

// Faults of one connection, given by the hook of SimWorld::on_connect. Bytes are counted from the
// connection's start.
struct Script {
  struct Way {
    std::optional<std::uint64_t> reset_after;  // so many bytes arrive, then RST to both
    std::optional<std::uint64_t> end_after;    // so many bytes arrive, then FIN; the rest is lost
    std::optional<std::uint64_t> stall_after;  // so many bytes arrive, then nothing ever
    bool every_byte = false;                   // each byte is a delivery of its own
    std::optional<Nanos> delay;                // of each delivery, instead of the world's
  };
  bool refuse = false;
  bool lose = false;
  Way to_server;
  Way to_client;
};

struct Connecting {
  std::string from;  // the process that connects
  SocketAddress to;
  std::uint64_t number;  // how many connects the world has seen before
};

using ConnectHook = std::function<void(const Connecting&, Script&)>;

}  // namespace weir::io::sim
