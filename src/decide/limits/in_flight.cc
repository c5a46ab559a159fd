#include "decide/limits/in_flight.h"

#include <algorithm>
#include <bit>

#include "base/hash.h"

namespace weir::decide::limits {

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

// Its place found, a count is one exchange of {identity, count}: a place at zero may be taken over at that moment.
InFlight::Hold InFlight::enter(std::uint64_t identity) {
  for (unsigned tries = 0; tries < 4096; ++tries) {
    const Found found = find(identity, false);
    if (found.cell == nullptr) break;
    Cell more = found.seen;
    ++more.value;
    if (found.cell->replace(found.seen, more)) return Hold(found.cell);
  }
  const Stripes::Guard guard = stripes_.lock(identity);
  for (unsigned tries = 0; guard.held() && tries < 4096; ++tries) {
    const Found found = find(identity, true);
    if (found.cell == nullptr) break;
    Cell mine;
    mine.owner = identity;
    mine.value = found.seen.value + 1;
    if (found.cell->replace(found.seen, mine)) return Hold(found.cell);
  }
  overflowed_.fetch_add(1, std::memory_order_relaxed);
  return Hold();
}

// While it holds at least one the place keeps its owner, so the count alone can change.
InFlight::Hold::~Hold() {
  if (cell_ != nullptr) __atomic_fetch_sub(&cell_->value, 1, __ATOMIC_ACQ_REL);
}

std::uint64_t InFlight::count(std::uint64_t identity) const {
  for (std::size_t step = 0; step < kWindow; ++step) {
    const Cell seen = places_[slot(identity, step)].cell.load();
    if (seen.owner == identity) return seen.value;
  }
  return 0;
}

}  // namespace weir::decide::limits
