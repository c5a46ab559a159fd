// Override: a temporary change laid over the live revision, with author, reason and expiry. What it
// does is a line of words, the same on the command line, in the admin API, in the store and on
// screens; config/override_text.h reads and writes it.
#pragma once

#include <cstdint>
#include <string>

#include "base/time.h"
#include "model/policy.h"

namespace weir {

struct OverrideWhat {
  enum class Kind : std::uint8_t {
    cap_caller,  // `subject`, a name or a pattern of names: each at `rate` and `burst`
    cap_net,     // `net`: all of it together
    block_caller,
    block_net,
    weigh,    // `subject`, an endpoint: `weight` turns, 0 to drain it; of `upstream`, "": of each
              // that names it
    observe,  // `subject`, a limit: counts, and refuses nobody
    scale,    // `subject`, a limit: rate and burst are so many times as much
    shed,     // requests of `priority`
    pause,    // `subject`, a route
    give_back,  // `subject`, a route: its split sends to the stable part what went to its candidate, `upstream`
  };
  Kind kind = Kind::observe;
  std::string subject, upstream;
  Net net;
  Rate rate;
  std::uint64_t burst = 0;
  std::uint32_t weight = 0;
  std::uint64_t thousandths = 0;  // scale: 2 is 2000, exact to thousandths
  Priority priority = Priority::sheddable;
};

struct Override {
  static constexpr std::size_t kMost = 64;  // in force at once
  static constexpr Nanos kDefault = std::chrono::hours(1), kLongest = std::chrono::days(30);

  std::uint32_t number = 0;  // o3; never given twice by one data_dir
  OverrideWhat what;
  std::string author, reason;
  WallTime at, until;  // as the clock stood
  Nanos lasts{0};
  std::uint32_t revision = 0;  // that was live when it came
  bool person = false;         // who wanted it, and not a pipeline
  std::uint64_t hurt = 0;      // callers who must not be, as the rehearsal said
};

}  // namespace weir
