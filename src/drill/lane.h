// One direction of a connection under faults: when bytes pass, and which of them arrive changed.
//   entered   bytes come in; leaves() says from when on they may leave, those ahead of them first
//   next      the slice of them that leaves next, and when; passed() tells that it has
//   corrupt   flips bits, by place in the stream: the gaps between changed bytes are geometric,
//             which is what independent bytes with one probability have
// Pure; times come in. A passage may change between two calls, which acts at once on what has not
// left yet.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/time.h"
#include "drill/chance.h"
#include "drill/fault.h"

namespace weir::drill {

class Lane {
 public:
  Lane(Chance chance, std::uint64_t connection, Way way)
      : chance_(chance), connection_(connection), way_(way) {}

  struct Entry {
    Stamp came;
    double off = 0;  // how much of a jitter is theirs, -1 to 1
  };
  Entry entered(Stamp now);
  static Stamp leaves(const Entry& entry, const Passage& passage);

  struct Slice {
    std::size_t size = 0;
    Stamp due;
  };
  // `left` > 0 bytes that may leave from `from` on.
  Slice next(Stamp from, std::size_t left, const Passage& passage) const;
  // What stood still until `now` has saved up no more than a slice of a rate.
  void passed(const Slice& slice, Stamp now);

  void corrupt(std::span<char> bytes, const Passage& passage);
  std::uint64_t changed() const { return changed_; }

 private:
  void draw_gap(double probability);

  Chance chance_;
  std::uint64_t connection_;
  Way way_;
  std::uint64_t entries_ = 0;
  Stamp last_;  // when the last slice left
  bool any_ = false;
  double probability_ = 0;  // by which the gap was drawn
  std::uint64_t gap_ = 0;   // bytes before the next one that is changed
  std::uint64_t changed_ = 0, gaps_ = 0;
};

}  // namespace weir::drill
