// Timers: a hierarchical wheel of intrusive nodes (Varghese, Lauck 1987). Arming, moving and
// cancelling are O(1) and allocate nothing. A timer never fires early; it fires at most one tick
// (0.53 ms) late, plus the turn it waits for. Eight levels of 64 slots cover every Stamp there is,
// so there is no "too far ahead". One word of occupied slots per level finds the next timer without
// walking empty slots.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/time.h"
#include "io/link.h"

namespace weir::io {

class Timer : public Link {
 public:
  bool armed() const { return linked(); }
  Stamp when() const { return when_; }

 protected:
  Timer() = default;
  ~Timer() = default;

 private:
  friend class TimerWheel;
  virtual void
  fire() = 0;  // disarmed by then; may arm itself again, arm, cancel or destroy any timer
  Stamp when_{};
};

class TimerWheel {
 public:
  static constexpr unsigned kTickBits = 19;  // 2^19 ns = 0.524 ms
  static constexpr unsigned kLevelBits = 6;
  static constexpr unsigned kLevels = 8;  // 8 * 6 + 19 bits > the 63 of a Stamp
  static constexpr unsigned kSlots = 1u << kLevelBits;

  explicit TimerWheel(Stamp start);

  // Fires at or after `when`, a time that has passed being the next tick; moves the timer when it
  // is armed already.
  void arm(Timer& timer, Stamp when);
  void cancel(Timer& timer) { timer.unlink(); }
  // Fires what is due, earliest tick first. Timers armed meanwhile for a time that has passed fire
  // in the next call. Returns how many fired.
  std::size_t advance(Stamp now);
  // When advance() next has something to do (a firing or a refiling); Stamp::max() when nothing is
  // armed.
  Stamp next();

 private:
  struct Found {
    unsigned level = kLevels;
    unsigned slot = 0;
    std::uint64_t tick = 0;
  };
  void file(Timer& timer, std::uint64_t tick);
  void move_to(std::uint64_t tick);
  Found find();

  // For every level above the lowest, the slot that contains tick_ is empty: its timers were filed
  // further down.
  std::uint64_t tick_;                             // everything before it has fired
  std::uint64_t floor_;                            // the earliest tick a timer can be armed for
  std::array<std::uint64_t, kLevels> occupied_{};  // a set bit may be stale, a clear one never is
  std::array<std::array<Link, kSlots>, kLevels> slots_;
};

}  // namespace weir::io
