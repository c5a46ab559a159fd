#include "decide/limits/in_flight.h"

#include <algorithm>
#include <bit>

#include "base/hash.h"

namespace weir::decide::limits {
namespace {

constexpr unsigned kMaxTries = 1 << 15;   // see table.cc

}  // namespace

InFlight::InFlight(std::size_t endpoints) : places_(std::bit_ceil(std::max(endpoints, kWindow))) {}

std::size_t InFlight::slot(std::uint64_t identity, std::size_t step) const {
  return (mix(identity) + step) & (places_.size() - 1);
}

InFlight::Found InFlight::find(std::uint64_t identity, bool or_free) {
  Found free;
  for (std::size_t step = 0; step < kWindow; ++step) {
    Cell* cell = &places_[slot(identity, step)].cell;
    const Cell seen = cell->load();
    if (seen.owner == identity) return {cell, seen};
    if (or_free && free.cell == nullptr && seen.value == 0) free = {cell, seen};
  }
  return free;
}

// A count is one exchange of {identity, count}, so a place at zero may be taken over at any moment until it succeeds.
InFlight::Hold InFlight::enter(std::uint64_t identity) {
  for (unsigned tries = 0; tries < kMaxTries; ++tries) {
    const Found known = find(identity, false);
    if (known.cell != nullptr) {
      if (count_one(known, identity)) return Hold(known.cell);
      continue;
    }
    const Stripes::Guard guard = stripes_.try_lock(identity);
    if (!guard.held()) continue;
    const Found place = find(identity, true);
    if (place.cell == nullptr) break;
    if (count_one(place, identity)) return Hold(place.cell);
  }
  overflowed_.fetch_add(1, std::memory_order_relaxed);
  return Hold();
}

bool InFlight::count_one(const Found& found, std::uint64_t identity) {
  Cell more;
  more.owner = identity;
  more.value = found.seen.value + 1;
  return found.cell->replace(found.seen, more);
}

// While it holds at least one the place keeps its owner, so the count alone can change.
InFlight::Hold::~Hold() {
  if (cell_ != nullptr) __atomic_fetch_sub(&cell_->value, 1, __ATOMIC_ACQ_REL);
}

std::uint64_t InFlight::Hold::count() const { return cell_ == nullptr ? 0 : __atomic_load_n(&cell_->value, __ATOMIC_ACQUIRE); }

std::uint64_t InFlight::count(std::uint64_t identity) const {
  for (std::size_t step = 0; step < kWindow; ++step) {
    const Cell seen = places_[slot(identity, step)].cell.load();
    if (seen.owner == identity) return seen.value;
  }
  return 0;
}

}  // namespace weir::decide::limits
