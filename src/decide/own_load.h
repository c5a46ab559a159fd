// What the gateway itself is short of, and whom it refuses for it. Measured elsewhere, judged here.
//
//   memory, descriptors, accept queue   by the share that is used (ShareLevel)
//   loop                                by how long requests wait for a worker (QueueLevel)
//
// Both answer with a level. Each level refuses one kind more: sheddable routes first, then normal,
// then critical ones, and of each priority unknown callers before known ones. A share takes one
// level with each sixth of what is left above `from`: with 85 % at 85, 87.5, 90, 92.5, 95, 97.5 %
// (Envoy's overload manager shrinks its heap at 95 % and takes no requests at 98 %). A level ends a
// whole sixth below where it began.
//
// A queue stands when even the shortest wait in 100 ms was longer than 5 ms (CoDel, RFC 8289 4.2,
// 4.3): a burst that is worked off has a short wait among its own, an overload has none. Each
// interval in which it stands is a level more, each other one a level less. Normal routes are
// refused only when the shortest wait is twenty times as long, the interval itself: a busy worker
// with a thousand connections that all ask again at once makes each wait some 20 ms, and nothing is
// wrong. By waits alone, and by an accept queue, critical routes are never refused: what is left is
// theirs. While a queue stands others are refused too when they have waited for a whole interval:
// the oldest are those whose callers are likeliest gone (Maurer, Fail at Scale, ACM Queue 2015).
#pragma once

#include <algorithm>
#include <cstdint>
#include <string_view>

#include "base/time.h"
#include "model/policy.h"

namespace weir::decide {

class KnownCallers;

// Who is refused, besides those of all levels before.
enum class ShedLevel : std::uint8_t {
  none,
  unknown_sheddable,
  sheddable,
  unknown_normal,
  normal,
  unknown_critical,
  all
};
constexpr int kShedLevels = 6;   // none aside

// The level from which on such a request is refused.
constexpr ShedLevel refused_from(Priority priority, bool known) {
  const int before = priority == Priority::sheddable ? 0 : priority == Priority::normal ? 2 : 4;
  return static_cast<ShedLevel>(before + (known ? 2 : 1));
}

class ShareLevel {
 public:
  // `from` as OverloadRules; `most` is never passed.
  void on_share(double share, double from, ShedLevel most = ShedLevel::all);
  ShedLevel level() const { return level_; }

 private:
  ShedLevel level_ = ShedLevel::none;
};

// The share at which a level begins.
double begins_at(ShedLevel level, double from);

class QueueLevel {
 public:
  static constexpr Nanos kInterval = std::chrono::milliseconds(100);
  static constexpr int kNormalFactor = 20;

  // A request would have waited so long that was there at `now - delay`. `target`: queue_delay.
  void on_delay(Nanos delay, Stamp now, Nanos target);
  ShedLevel level() const { return level_; }

 private:
  ShedLevel level_ = ShedLevel::none;
  Stamp began_ = Stamp::min();   // of this interval
  Nanos least_ = Nanos::max();   // in it
};

// What a decision is told: the highest level and whose it is.
struct OwnLoad {
  ShedLevel level = ShedLevel::none;
  OwnResource shortest = OwnResource::memory;
  bool queue_stands = false;             // never with level none
  const KnownCallers* known = nullptr;   // null: callers are not told apart
};

std::string_view to_string(OwnResource resource);
std::string_view to_string(ShedLevel level);   // whom it refuses, for people

}  // namespace weir::decide
