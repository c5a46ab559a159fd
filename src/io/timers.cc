#include "io/timers.h"

#include <algorithm>
#include <bit>

namespace weir::io {
namespace {

constexpr unsigned kFew = 8;
constexpr std::uint64_t kTickNanos = 1ULL << TimerWheel::kTickBits;

std::uint64_t nanos(Stamp at) {
  return static_cast<std::uint64_t>(std::max<std::int64_t>(at.time_since_epoch().count(), 0));
}
std::uint64_t tick_before(Stamp at) { return nanos(at) >> TimerWheel::kTickBits; }
std::uint64_t tick_after(Stamp at) { return (nanos(at) + kTickNanos - 1) >> TimerWheel::kTickBits; }

}  // namespace

TimerWheel::TimerWheel(Stamp start) : tick_(tick_before(start)), floor_(tick_) {}

void TimerWheel::arm(Timer& timer, Stamp when) {
  timer.unlink();
  timer.when_ = std::max(when, stamp_from_nanos(static_cast<std::int64_t>(floor_ << kTickBits)));
  file(timer, tick_after(timer.when_));
}

// The level is that of the highest digit in which `tick` differs from the present.
void TimerWheel::file(Timer& timer, std::uint64_t tick) {
  const unsigned highest = 63u - static_cast<unsigned>(std::countl_zero((tick ^ tick_) | 1));
  const unsigned level = highest / kLevelBits;
  const unsigned slot = static_cast<unsigned>(tick >> (level * kLevelBits)) & (kSlots - 1);
  slots_[level][slot].push_back(timer);
  occupied_[level] |= 1ULL << slot;
}

// Only valid for a tick before which nothing waits. Files the slots it enters further down, topmost
// first.
void TimerWheel::move_to(std::uint64_t tick) {
  tick_ = tick;
  for (unsigned level = kLevels - 1; level > 0; --level) {
    const unsigned slot = static_cast<unsigned>(tick >> (level * kLevelBits)) & (kSlots - 1);
    if ((occupied_[level] & (1ULL << slot)) == 0) continue;
    occupied_[level] &= ~(1ULL << slot);
    Link entered;
    entered.take_all(slots_[level][slot]);
    while (!entered.empty()) {
      auto& timer = static_cast<Timer&>(*entered.first());
      timer.unlink();
      file(timer, tick_after(timer.when_));
    }
  }
}

// The lowest occupied level holds what comes next: a slot of level n+1 begins behind all slots of
// level n.
TimerWheel::Found TimerWheel::find() {
  for (unsigned level = 0; level < kLevels; ++level) {
    while (occupied_[level] != 0) {
      const unsigned shift = level * kLevelBits;
      const auto slot = static_cast<unsigned>(std::countr_zero(occupied_[level]));
      if (slots_[level][slot].empty()) {
        occupied_[level] &= ~(1ULL << slot);
        continue;
      }
      const std::uint64_t above = (tick_ >> shift) & ~static_cast<std::uint64_t>(kSlots - 1);
      return {.level = level, .slot = slot, .tick = (above | slot) << shift};
    }
  }
  return {};
}

std::size_t TimerWheel::advance(Stamp now) {
  const std::uint64_t target = tick_before(now);
  if (target < tick_) return 0;
  floor_ = target + 1;
  std::size_t fired = 0;
  for (Found found = find(); found.level < kLevels && found.tick <= target; found = find()) {
    if (found.level != 0) {
      move_to(found.tick);
      continue;
    }
    Link due;
    due.take_all(slots_[0][found.slot]);
    occupied_[0] &= ~(1ULL << found.slot);
    move_to(found.tick + 1);
    for (; !due.empty(); ++fired) {
      auto& timer = static_cast<Timer&>(*due.first());
      timer.unlink();
      timer.fire();
    }
  }
  move_to(target + 1);
  return fired;
}

// Of a few timers in a slot above the lowest level the earliest comes next; of more, the slot's beginning, where
// they are refiled: busy times would pay for looking at each.
Stamp TimerWheel::next() {
  const Found found = find();
  if (found.level >= kLevels) return Stamp::max();
  std::uint64_t tick = found.tick;
  const Link& slot = slots_[found.level][found.slot];
  std::uint64_t earliest = UINT64_MAX;
  unsigned seen = 0;
  for (const Link* each = slot.first(); each != &slot && seen <= kFew; each = each->next(), ++seen)
    earliest = std::min(earliest, tick_after(static_cast<const Timer*>(each)->when_));
  if (seen <= kFew) tick = earliest;
  return stamp_from_nanos(static_cast<std::int64_t>(tick << kTickBits));
}

}  // namespace weir::io
