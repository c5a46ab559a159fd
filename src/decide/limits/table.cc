// Why a limit never admits more than rate x t + burst + (workers - 1).
//
// One thread. An admitted request raises the theoretical arrival time (TAT) by one interval T at least, and leaves it
// at most `window` = burst x T ahead of the request's own stamp. Between the first admitted request of any span of
// length t and the last one the TAT therefore rises by at least n x T and by at most t + burst x T: n <= t/T + burst.
// T is rounded up, so this holds for the rate as written.
// Stamps out of order change nothing in this: they only make max(TAT, now) larger than `now`.
//
// Several threads. A charge is one compare-and-exchange of the whole cell, so charges of one key stand in one order and
// the argument above holds for that order. Three things could break it:
//   a cell taken over while another worker's stamp is still before its TAT: a cell goes to another key only once its
//     TAT is kSkew past; a worker whose stamp is older than that has been stopped for longer;
//   two cells for one key: owners change under a lock by key (cell.h), which looks again before it takes a cell;
//   a give-back after the bucket had filled up anyway and was charged anew: the key then gains one request. At most
//     workers - 1 can be between their charge and their give-back while one charges anew. This is the (workers - 1).
//
// When no cell is free. A key has two buckets of four cells. With all eight in use by keys that still owe something,
// the request passes uncharged, is flagged `untracked` and counted. The alternatives are worse: to refuse would let
// anybody who can make many keys (one IPv6 customer has 2^16 networks) lock out everybody new; to grow gives the same
// person our memory; to push out the cell with the least debt would let them wash away others' debts. Keys that have
// a cell stay exact however full the table is, and limits whose keys come from the configuration alone (`all`,
// `route`: the ones that guard an upstream as a whole) live in a region that no request can fill.
#include "decide/limits/table.h"

#include <algorithm>
#include <cstdlib>

#include "base/check.h"
#include "base/hash.h"

namespace weir::decide::limits {
namespace {

constexpr std::uint64_t kFraction = (1u << kTickBits) - 1;
constexpr Ticks kSkew = static_cast<Ticks>(100'000'000) << kTickBits;
constexpr unsigned kMaxTries = 4096;

// A cell holds whole nanoseconds in `value`, the fraction in the low 16 bits of `owner` under the key's mark: a torn
// read is wrong by less than a nanosecond while the owner stays.
Ticks tat(const Cell& cell) { return static_cast<Ticks>(cell.value) << kTickBits | (cell.owner & kFraction); }

Cell make_cell(std::uint64_t mark, Ticks time) {
  Cell cell;
  cell.value = static_cast<std::uint64_t>(time >> kTickBits);
  cell.owner = mark | (static_cast<std::uint64_t>(time) & kFraction);
  return cell;
}

// What one request does to a bucket whose TAT was `time`.
struct Judged {
  Fill fill;
  Ticks next;
};
Judged judge(Ticks time, const Pace& pace, Ticks now) {
  const Ticks next = std::max(time, now) + pace.interval;
  if (next - now <= pace.window) return {{.passes = true, .debt = next - now}, next};
  return {{.passes = false, .debt = time - now}, time};
}

std::size_t scale_to(std::uint64_t hash, std::size_t buckets) {
  return static_cast<std::size_t>((static_cast<unsigned __int128>(hash) * buckets) >> 64);
}

}  // namespace

std::uint64_t remaining(const Fill& fill, const Pace& pace) {
  if (fill.debt >= pace.window) return 0;
  const Ticks left = pace.window - fill.debt;
  // 128-bit division is three times as dear; windows over 78 hours are rare.
  if ((left >> 64) == 0 && (pace.interval >> 64) == 0) {
    return static_cast<std::uint64_t>(left) / static_cast<std::uint64_t>(pace.interval);
  }
  return static_cast<std::uint64_t>(left / pace.interval);
}

Nanos retry_after(const Fill& fill, const Pace& pace) {
  const Ticks after = fill.debt + pace.interval;
  return after > pace.window ? to_nanos(after - pace.window) : Nanos(0);
}

void Table::Free::operator()(void* memory) const { std::free(memory); }

Table::Table(std::size_t cells, std::size_t reserved_cells) {
  open_.buckets = std::max<std::size_t>(1, (cells + kWays - 1) / kWays);
  reserved_.buckets = std::max<std::size_t>(1, (reserved_cells + kWays - 1) / kWays);
  // calloc: pages that nobody touched are not there. The extra line is for alignment.
  memory_.reset(std::calloc(open_.buckets + reserved_.buckets + 1, sizeof(Bucket)));
  WEIR_CHECK(memory_ != nullptr);
  const auto address = reinterpret_cast<std::uintptr_t>(memory_.get());
  open_.first = reinterpret_cast<Bucket*>((address + sizeof(Bucket) - 1) & ~(sizeof(Bucket) - 1));
  reserved_.first = open_.first + open_.buckets;
}

// The bucket comes from the top bits of the hash, the mark is its low 48: from 2^16 buckets on all 64 bits count.
Table::Place Table::place(Key key) const {
  const Region& region = key.reserved ? reserved_ : open_;
  return {.home = region.first + scale_to(key.hash, region.buckets),
          .other = region.first + scale_to(mix(key.hash), region.buckets),
          .mark = key.hash << kTickBits};
}

void Table::prefetch(Key key) const {
  const Place at = place(key);
  __builtin_prefetch(at.home, 1);
  __builtin_prefetch(at.other, 1);
}

Table::Found Table::find(const Place& place) {
  for (Bucket* bucket : {place.home, place.other}) {
    for (Cell& cell : bucket->cells) {
      const Cell seen = cell.load();
      if ((seen.owner & ~kFraction) == place.mark) return {&cell, seen};
    }
  }
  return {};
}

// The cell that has been free longest, in the bucket that has more free ones. Two keys that choose the emptier of two
// buckets overflow far later than keys with one choice (Azar, Broder, Karlin, Upfal 1994).
Table::Found Table::find_free(const Place& place, Ticks now) {
  Found best;
  int most = 0;
  for (Bucket* bucket : {place.home, place.other}) {
    Found oldest;
    int free = 0;
    for (Cell& cell : bucket->cells) {
      const Cell seen = cell.load();
      const Ticks time = tat(seen);
      if (time != 0 && time + kSkew > now) continue;
      ++free;
      if (oldest.cell == nullptr || time < tat(oldest.seen)) oldest = {&cell, seen};
    }
    if (free > most) {
      most = free;
      best = oldest;
    }
  }
  return best;
}

Fill Table::look(Key key, const Pace& pace, Stamp now) const {
  const Found found = find(place(key));
  const Ticks at = to_ticks(now);
  const Ticks time = found.cell != nullptr ? std::max(tat(found.seen), at) : at;
  return {.passes = time - at + pace.interval <= pace.window, .debt = time - at};
}

Fill Table::charge(Key key, const Pace& pace, Stamp now) {
  const Place at = place(key);
  const Ticks ticks = to_ticks(now);
  for (unsigned tries = 0; tries < kMaxTries; ++tries) {
    const Found found = find(at);
    if (found.cell == nullptr) return claim(at, key.hash, pace, ticks);
    const Judged judged = judge(tat(found.seen), pace, ticks);
    if (!judged.fill.passes) {
      // A torn read must not refuse: only what a second read confirms does.
      if (found.cell->load().owner == found.seen.owner) return judged.fill;
    } else if (found.cell->replace(found.seen, make_cell(at.mark, judged.next))) {
      return judged.fill;
    }
  }
  contended_.fetch_add(1, std::memory_order_relaxed);
  return {.passes = true, .untracked = true};
}

// A key without a cell gets one. Under its stripe nobody else can, so a second look settles whether it has one.
Fill Table::claim(const Place& place, std::uint64_t hash, const Pace& pace, Ticks now) {
  const Stripes::Guard guard = stripes_.lock(hash);
  for (unsigned tries = 0; guard.held() && tries < kMaxTries; ++tries) {
    Found target = find(place);
    const bool known = target.cell != nullptr;
    if (!known) target = find_free(place, now);
    if (target.cell == nullptr) {
      full_.fetch_add(1, std::memory_order_relaxed);
      return {.passes = true, .untracked = true};
    }
    const Judged judged = judge(known ? tat(target.seen) : 0, pace, now);
    if (!judged.fill.passes) return judged.fill;
    if (target.cell->replace(target.seen, make_cell(place.mark, judged.next))) return judged.fill;
  }
  contended_.fetch_add(1, std::memory_order_relaxed);
  return {.passes = true, .untracked = true};
}

void Table::give_back(Key key, const Pace& pace) {
  const Place at = place(key);
  for (unsigned tries = 0; tries < kMaxTries; ++tries) {
    const Found found = find(at);
    if (found.cell == nullptr) return;   // so long ago that the bucket is full: nothing is owed
    const Ticks time = tat(found.seen);
    const Ticks back = time > pace.interval ? time - pace.interval : 0;
    if (found.cell->replace(found.seen, make_cell(at.mark, back))) return;
  }
}

Table::Counters Table::counters() const {
  return {.full = full_.load(std::memory_order_relaxed), .contended = contended_.load(std::memory_order_relaxed)};
}

}  // namespace weir::decide::limits
