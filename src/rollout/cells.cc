#include "rollout/cells.h"

#include <algorithm>

namespace weir::rollout {

void Cells::add(std::uint32_t slice, std::uint64_t unit, Arm arm, const Marks& marks) {
  const std::uint64_t key = mix(unit ^ mix(slice));
  auto found = places_.find(key);
  if (found == places_.end()) {
    if (cells_.size() >= kMost) {
      ++left_out_;
      return;
    }
    found = places_.emplace(key, static_cast<std::uint32_t>(cells_.size())).first;
    cells_.push_back({.key = key, .slice = slice});
  }
  Cell& cell = cells_[found->second];
  if (cell.requests++ == 0) touched_.push_back(found->second);
  cell.arm = arm;   // the same all round: a stage begins with a round
  cell.bad += marks.bad;
  cell.touched += marks.touched;
  cell.touched_bad += marks.touched && marks.bad;
  cell.known += marks.known;
  cell.refused += marks.known && marks.refused;
  cell.timed += marks.timed;
  cell.slow += marks.timed && marks.slow;
}

ClosedCell Cells::closed(Cell& cell, std::int32_t round) const {
  const auto half = [](std::uint32_t count, std::uint32_t of) { return count > 0 && 2 * count >= of; };
  const std::array<bool, kSignals> looked_at = {true, true, cell.touched > 0, cell.known > 0, cell.timed > 0, cell.timed > 0};
  const std::array<bool, kSignals> had = {cell.bad > 0,     half(cell.bad, cell.requests), cell.touched_bad > 0,
                                          cell.refused > 0, cell.slow > 0,                 half(cell.slow, cell.timed)};
  ClosedCell out{.slice = cell.slice, .arm = cell.arm};
  for (std::size_t i = 0; i < kSignals; ++i) {
    const bool well = looked_at[i] && is_well(cell, i, round);
    out.at_risk[i] = looked_at[i] && cell.spoke[i] < drawn_ && (well || cell.spell[i] < drawn_);
    out.newly_bad[i] = out.at_risk[i] && had[i];
    if (out.newly_bad[i]) cell.spoke[i] = round;
    if (i == static_cast<std::size_t>(Signal::touched_bad)) {
      out.touched_at_risk = well;
      out.touched_newly_bad = well && had[i];
    }
    if (had[i]) {
      cell.spell[i] = round;
      cell.well[i] = 0;
    } else if (looked_at[i] && cell.well[i] < kWell) {
      ++cell.well[i];
    }
  }
  cell.last = round;
  cell.requests = cell.bad = cell.touched = cell.touched_bad = cell.known = cell.refused = cell.timed = cell.slow = 0;
  return out;
}

void Cells::forget_well(std::int32_t round) {
  std::erase_if(cells_, [this, round](const Cell& cell) {
    bool well = true;
    for (std::size_t i = 0; i < kSignals; ++i) well = well && is_well(cell, i, round) && cell.spoke[i] < drawn_;
    return well || round - cell.last > kAway;
  });
  places_.clear();
  for (std::uint32_t i = 0; i < cells_.size(); ++i) places_.emplace(cells_[i].key, i);
}

void Cells::forget_all() {
  cells_.clear();
  places_.clear();
}

}  // namespace weir::rollout
