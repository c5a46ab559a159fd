// Exchanges counted by unit and ten seconds: a cell. Whoever fails, fails many times over, and one client that fails all day
// would be taken for a hundred (counted by request, 59 of 100 harmless changes were called harm; incident research, section 3).
//
//   newly bad   a cell with what the signal looks for, whose unit had none for ten minutes, in three cells at least: the
//               beginning of a spell. Who is only away has not recovered
//   at risk     a cell of a unit that is in no spell, and was not newly bad since arms were drawn
// So a unit counts once, however long and often it fails and whatever it sends; one that always fails counts never. The unit's arm
// is drawn by lot, and so is the arm of what is newly bad: that is all the test needs (evidence.h).
//
// The same exchanges are counted for several slices: all of them, a route, a method, an identity, a group.
// Bounds: kMost pairs of slice and unit, about 110 bytes each. Those that have nothing against them, and those away for
// an hour, make room at the end of a round; an exchange that finds none is counted as left out.
#pragma once

#include <array>
#include <boost/unordered/unordered_flat_map.hpp>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/hash.h"
#include "base/time.h"
#include "rollout/event.h"

namespace weir::rollout {

enum class Signal : std::uint8_t {
  bad,           // at least one bad exchange
  mostly_bad,    // half of them or more: what a heavy caller that has some always would hide
  touched_bad,   // a bad one about which the policies differ
  refused,       // at least one refusal of a known caller
  slow,          // one slower than the control's p99 of its route
  mostly_slow,
};
inline constexpr std::size_t kSignals = 6;

// What one exchange counts as.
struct Marks {
  bool bad = false, touched = false;
  bool known = false, refused = false;
  bool timed = false, slow = false;   // timed: the control's p99 is known
};

// One cell at the end of its round.
struct ClosedCell {
  std::uint32_t slice = 0;
  Arm arm = Arm::control;
  std::array<bool, kSignals> at_risk{}, newly_bad{};
  bool touched_at_risk = false, touched_newly_bad = false;   // of touched_bad, by spells alone: how often it is usual
};

class Cells {
 public:
  static constexpr Nanos kLength = std::chrono::seconds(10);
  static constexpr std::int32_t kSpell = 60, kAway = 360;   // rounds
  static constexpr std::uint8_t kWell = 3;                  // cells
  static constexpr std::size_t kMost = 1u << 17;

  void add(std::uint32_t slice, std::uint64_t unit, Arm arm, const Marks& marks);

  // Ends the round: `each` is given every cell that had exchanges. Rounds never go back.
  template <class Each>
  void close(std::int32_t round, Each&& each) {
    for (const std::uint32_t at : touched_) each(closed(cells_[at], round));
    touched_.clear();
    if (!return_) forget_all();
    else if (cells_.size() > kMost * 3 / 4) forget_well(round);
  }

  // Whether a unit comes again. Where each exchange is one of its own nobody does, and what was counted of it goes with the round: a
  // big outage would fill all there is.
  void units_return(bool whether) { return_ = whether; }

  // Arms are drawn anew, by another lot: every unit may be newly bad again.
  void redraw(std::int32_t round) { drawn_ = round; }

  std::size_t size() const { return cells_.size(); }
  std::uint64_t left_out() const { return left_out_; }

 private:
  struct Cell {
    std::uint64_t key = 0;
    std::uint32_t slice = 0;
    Arm arm = Arm::control;
    std::uint32_t requests = 0, bad = 0, touched = 0, touched_bad = 0, known = 0, refused = 0, timed = 0, slow = 0;   // this round
    std::int32_t last = 0;                                                  // round with exchanges
    std::array<std::uint8_t, kSignals> well{};                              // cells without the signal since the last that had it
    std::array<std::int32_t, kSignals> spoke = {-1, -1, -1, -1, -1, -1};    // round in which it was newly bad
    std::array<std::int32_t, kSignals> spell = {-1, -1, -1, -1, -1, -1};    // last round that had the signal; -1: none
  };
  static bool is_well(const Cell& cell, std::size_t signal, std::int32_t round) {
    return cell.spell[signal] < 0 || (round - cell.spell[signal] > kSpell && cell.well[signal] >= kWell);
  }
  ClosedCell closed(Cell& cell, std::int32_t round) const;
  void forget_well(std::int32_t round);
  void forget_all();

  boost::unordered_flat_map<std::uint64_t, std::uint32_t> places_;
  std::vector<Cell> cells_;
  std::vector<std::uint32_t> touched_;
  std::uint64_t left_out_ = 0;
  bool return_ = true;
  std::int32_t drawn_ = 0;   // first round of the newest lot
};

}  // namespace weir::rollout
