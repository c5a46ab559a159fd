// Faults of a network path, as a person writes them, and what they do to a turn of a connection. A
// turn begins when the client sends after the server has: with HTTP/1 that is a request.
//   delay 200ms [jitter 50ms] [up|down]   bytes pass later, in order
//   rate 10KiB/s [up|down]                no more than that passes
//   trickle 1B every 100ms [up|down]      bytes pass in drops
//   corrupt 0.1% [up|down]                that share of the bytes has one bit flipped
//   reset [after 1KiB]                    both sides are reset: at once, or after so much of the
//                                         answer
//   half-open [after 1KiB]                the server is gone and the client is never told
//   blackhole                             nothing passes, new connections get no answer to their
//                                         SYN
// `up` is from client to server, `down` the other way, left out both. `on 5%` behind any but
// blackhole: that share of the turns is hit. Where two say the same of one turn the later one
// counts.
//
// Pure. A list holds at most kMostFaults.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "base/units.h"
#include "config/values.h"
#include "drill/chance.h"

namespace weir::drill {

inline constexpr std::size_t kMostFaults = 16;

enum class Way : std::uint8_t { up, down };

struct Fault {
  enum class Kind : std::uint8_t { delay, rate, trickle, corrupt, reset, half_open, blackhole };
  Kind kind = Kind::delay;
  Nanos time{0};    // delay; trickle: between two drops
  Nanos jitter{0};  // delay: at most so much less or more
  Bytes size;  // rate: a second; trickle: a drop; reset, half_open: after so much of the answer
  config::Share share;                      // corrupt: of the bytes
  std::optional<Way> way;                   // absent: both
  config::Share on{config::Share::kWhole};  // of the turns
  friend bool operator==(const Fault&, const Fault&) = default;
};

config::Read<Fault> read_fault(std::string_view text);
std::string print_fault(const Fault& fault);

// How bytes of one direction pass.
struct Passage {
  Nanos delay{0}, jitter{0};
  std::optional<Bytes> rate;  // a second
  std::optional<Bytes> drop;  // trickle
  Nanos every{0};
  double corrupt = 0;  // of one
};

// What is done to one turn.
struct Ordeal {
  Passage up, down;
  std::optional<std::uint64_t> reset_after, silent_after;  // bytes of the answer
  const Passage& of(Way way) const { return way == Way::up ? up : down; }
};

// `connection` counts connections, `turn` the turns of one.
Ordeal ordeal(std::span<const Fault> faults, const Chance& chance, std::uint64_t connection,
              std::uint64_t turn);
bool has_blackhole(std::span<const Fault> faults);

}  // namespace weir::drill
