// Keeps a worker from waiting for an auth service that fails: where half of at least 20 calls within about ten seconds
// came to nothing, calls fail at once, and one a second is let through to see. The first of them that is answered ends it.
// One for each worker and service: what a worker has not seen itself it does not hold against anybody.
#pragma once

#include <cstdint>

#include "base/time.h"

namespace weir::decide {

class AuthBreaker {
 public:
  static constexpr std::uint32_t kMinCalls = 20;
  static constexpr Nanos kHalf = std::chrono::seconds(5);    // two of them are looked at: the one under way and the one before
  static constexpr Nanos kProbe = std::chrono::seconds(1);   // between two calls while it is open

  // Whether a call may be made now. Whoever is told yes tells on_result; who does not (its client went away) costs nothing.
  bool allows(Stamp now) {
    if (!open_) return true;
    if (now < probe_) return false;
    probe_ = now + kProbe;
    return true;
  }

  void on_result(bool answered, Stamp now) {
    if (open_) {
      if (answered) *this = AuthBreaker();
      return;
    }
    turn(now);
    ++(answered ? current_.good : current_.bad);
    const std::uint32_t bad = current_.bad + before_.bad, all = bad + current_.good + before_.good;
    if (answered || all < kMinCalls || 2 * bad < all) return;
    open_ = true;
    probe_ = now + kProbe;
  }

  bool is_open() const { return open_; }

 private:
  struct Half {
    std::uint32_t good = 0, bad = 0;
  };
  void turn(Stamp now) {
    if (now < ends_) return;
    before_ = now < ends_ + kHalf ? current_ : Half();
    current_ = Half();
    ends_ = now + kHalf;
  }

  Half current_, before_;
  Stamp ends_ = Stamp::min();
  Stamp probe_;
  bool open_ = false;
};

}  // namespace weir::decide
