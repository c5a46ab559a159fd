// Why a limit never admits more than rate x t + burst + (workers - 1).
//
// One thread. An admitted request raises the theoretical arrival time (TAT) by one interval T at least, and leaves it
// at most `window` = burst x T ahead of the request's own stamp. Between the first admitted request of any span of
// length t and the last one the TAT therefore rises by at least n x T and by at most t + burst x T: n <= t/T + burst.
// T is exact or rounded up (model/pace.h), so this holds for the rate as written.
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
// `route`: the ones that guard an upstream as a whole) live in a region that no request can fill. Up to half of the
// cells in use about one new key in 50,000 finds none; at four fifths 1.5 % do.
#include "decide/limits/table.h"

#include <algorithm>
#include <cstdlib>

#include "base/check.h"
#include "base/hash.h"

namespace weir::decide::limits {
namespace {

constexpr unsigned kPartBits = 16;
constexpr std::uint64_t kPart = (1u << kPartBits) - 1;
constexpr std::uint64_t kSkew = 100'000'000;   // ns
constexpr unsigned kMaxTries = 1 << 15;   // some two milliseconds: a worker that holds a stripe may lose its core

// A cell holds whole nanoseconds in `value`, the part in the low 16 bits of `owner` under the key's mark: a torn read
// is wrong by less than a nanosecond while the owner stays.
static_assert(kMaxParts == 1u << kPartBits);

Span tat(const Cell& cell) { return {.nanos = cell.value, .part = static_cast<std::uint32_t>(cell.owner & kPart)}; }

Cell make_cell(std::uint64_t mark, Span time) {
  Cell cell;
  cell.value = time.nanos;
  cell.owner = mark | time.part;
  return cell;
}

Span span_of(Stamp stamp) {
  return {.nanos = static_cast<std::uint64_t>(std::max<std::int64_t>(0, stamp.time_since_epoch().count()))};
}

// What one request does to a bucket whose TAT was `time`.
struct Judged {
  Fill fill;
  Span next;
};
Judged judge(Span time, const Pace& pace, Span now) {
  const Span next = pace.plus(std::max(time, now), pace.interval);
  const Span ahead = pace.minus(next, now);
  if (ahead <= pace.window) return {{.passes = true, .debt = ahead}, next};
  return {{.passes = false, .debt = pace.minus(time, now)}, time};
}

std::size_t scale_to(std::uint64_t hash, std::size_t buckets) {
  return static_cast<std::size_t>((static_cast<unsigned __int128>(hash) * buckets) >> 64);
}

}  // namespace

std::uint64_t remaining(const Fill& fill, const Pace& pace) {
  return pace.intervals(pace.minus(pace.window, fill.debt));
}

Nanos retry_after(const Fill& fill, const Pace& pace) {
  return to_nanos(pace.minus(pace.plus(fill.debt, pace.interval), pace.window));
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
          .mark = key.hash << kPartBits};
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
      if ((seen.owner & ~kPart) == place.mark) return {&cell, seen};
    }
  }
  return {};
}

// The cell that has been free longest, in the bucket that has more free ones. Two keys that choose the emptier of two
// buckets overflow far later than keys with one choice (Azar, Broder, Karlin, Upfal 1994).
Table::Found Table::find_free(const Place& place, std::uint64_t now) {
  Found best;
  int most = 0;
  for (Bucket* bucket : {place.home, place.other}) {
    Found oldest;
    int free = 0;
    for (Cell& cell : bucket->cells) {
      const Cell seen = cell.load();
      if (seen.value != 0 && seen.value + kSkew >= now) continue;
      ++free;
      if (oldest.cell == nullptr || seen.value < oldest.seen.value) oldest = {&cell, seen};
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
  const Span debt = found.cell != nullptr ? pace.minus(tat(found.seen), span_of(now)) : Span{};
  return {.passes = pace.plus(debt, pace.interval) <= pace.window, .debt = debt};
}

Fill Table::charge(Key key, const Pace& pace, Stamp now) {
  const Place at = place(key);
  const Span stamp = span_of(now);
  for (unsigned tries = 0; tries < kMaxTries; ++tries) {
    const Found found = find(at);
    if (found.cell == nullptr) {
      const auto claimed = claim(at, key.hash, pace, stamp);
      if (claimed) return *claimed;
      continue;
    }
    const Judged judged = judge(tat(found.seen), pace, stamp);
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

// A key without a cell gets one. Absent: somebody else was faster, at the lock or at the cell; look again.
std::optional<Fill> Table::claim(const Place& place, std::uint64_t hash, const Pace& pace, Span now) {
  const Stripes::Guard guard = stripes_.try_lock(hash);
  if (!guard.held() || find(place).cell != nullptr) return std::nullopt;
  const Found target = find_free(place, now.nanos);
  if (target.cell == nullptr) {
    full_.fetch_add(1, std::memory_order_relaxed);
    return Fill{.passes = true, .untracked = true};
  }
  const Judged judged = judge(Span{}, pace, now);
  if (!target.cell->replace(target.seen, make_cell(place.mark, judged.next))) return std::nullopt;
  return judged.fill;
}

void Table::give_back(Key key, const Pace& pace) {
  const Place at = place(key);
  for (unsigned tries = 0; tries < kMaxTries; ++tries) {
    const Found found = find(at);
    if (found.cell == nullptr) return;   // so long ago that the bucket is full: nothing is owed
    const Span back = pace.minus(tat(found.seen), pace.interval);
    if (found.cell->replace(found.seen, make_cell(at.mark, back))) return;
  }
}

void Table::charge_passed(Key key, const Pace& pace, Stamp now) {
  const Span stamp = span_of(now);
  change(key, stamp, [&](Span time) {
    return std::min(pace.plus(std::max(time, stamp), pace.interval), pace.plus(stamp, pace.window));
  });
}

void Table::raise(Key key, Stamp owed_until) {
  const Span until = span_of(owed_until);
  change(key, until, [&](Span time) { return std::max(time, until); });
}

// The theoretical arrival time of a key as `next` makes it from what it was; a key without a cell gets one.
template <class Next>
void Table::change(Key key, Span now, Next next) {
  const Place at = place(key);
  for (unsigned tries = 0; tries < kMaxTries; ++tries) {
    const Found found = find(at);
    if (found.cell != nullptr) {
      if (found.cell->replace(found.seen, make_cell(at.mark, next(tat(found.seen))))) return;
      continue;
    }
    const Stripes::Guard guard = stripes_.try_lock(key.hash);
    if (!guard.held() || find(at).cell != nullptr) continue;
    const Found target = find_free(at, now.nanos);
    if (target.cell == nullptr || target.cell->replace(target.seen, make_cell(at.mark, next(Span{})))) return;
  }
}

// Both regions are one array of buckets, the open one first.
std::vector<Table::Placed> Table::owed(Stamp now) const {
  const std::uint64_t from = span_of(now).nanos;
  std::vector<Placed> owed;
  for (std::size_t i = 0; i < cells(); ++i) {
    const Cell cell = open_.first[i / kWays].cells[i % kWays].load();
    if (cell.value != 0 && cell.value + kSkew >= from) owed.push_back({.place = i, .value = cell.value, .owner = cell.owner});
  }
  return owed;
}

bool Table::restore(std::span<const Placed> cells) {
  for (const Placed& each : cells) {
    if (each.place >= this->cells()) return false;
    Cell& cell = open_.first[each.place / kWays].cells[each.place % kWays];
    cell.value = each.value;
    cell.owner = each.owner;
  }
  return true;
}

std::span<std::byte> Table::memory() {
  return {reinterpret_cast<std::byte*>(open_.first), (open_.buckets + reserved_.buckets) * sizeof(Bucket)};
}

Table::Counters Table::counters() const {
  return {.full = full_.load(std::memory_order_relaxed), .contended = contended_.load(std::memory_order_relaxed)};
}

}  // namespace weir::decide::limits
