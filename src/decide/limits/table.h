// The shared table of rate limits: GCRA (ATM Forum TM 4.0, 4.4.2) for any number of limits and keys in a fixed number
// of 16-byte cells. A cell is {48 bits of the key's hash, theoretical arrival time in ns and parts of one}: when the
// bucket of that key is full again. It is the whole state, so a cell whose time has passed means nothing any more and
// is free without a sweeper.
//
// In: a keyed 64-bit hash, the Pace of the limit, the stamp of the request. Out: whether it passes, and how full the
// bucket is. A limit never admits more than rate x t + burst + (workers - 1) in any t: see table.cc for why, and for
// what a full table does. Memory: 16 bytes a cell; untouched pages cost none. Every method may be called from any
// thread; stamps of different workers may come out of order.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "decide/limits/cell.h"
#include "model/pace.h"

namespace weir::decide::limits {

struct Key {
  std::uint64_t hash = 0;   // keyed: nobody outside can choose two keys that collide
  bool reserved = false;    // the configuration alone says how many such keys there are (`all`, `route`)
};

// How a bucket stands.
struct Fill {
  bool passes = false;      // look: would pass. charge: did pass, and is charged unless `untracked`
  bool untracked = false;   // charge only: passed without a cell, because none was free
  Span debt{};              // time until the bucket is full again; after a charge this request included
};

// Whole requests that would still pass at once, and until when one would not.
std::uint64_t remaining(const Fill& fill, const Pace& pace);
Nanos retry_after(const Fill& fill, const Pace& pace);   // zero when one would pass now

class Table {
 public:
  // At least `cells`, rounded up to whole buckets, and as many again as `reserved_cells` for reserved keys.
  static constexpr std::size_t kReserved = 4096;
  explicit Table(std::size_t cells, std::size_t reserved_cells = kReserved);

  void prefetch(Key key) const;
  Fill look(Key key, const Pace& pace, Stamp now) const;   // changes nothing
  Fill charge(Key key, const Pace& pace, Stamp now);
  void give_back(Key key, const Pace& pace);               // one charge that was not untracked
  // Replay, brought to what live did. One request that passed there: charged whatever this bucket says, and it owes a window
  // at most, or it would not have passed. And: it owes until then at least.
  void charge_passed(Key key, const Pace& pace, Stamp now);
  void raise(Key key, Stamp owed_until);

  struct Counters {
    std::uint64_t full = 0;        // requests let through because no cell was free
    std::uint64_t contended = 0;   // requests let through because the cell never stood still
  };
  Counters counters() const;
  // Snapshots: the cells that may still mean something at `now`, by their place; and those put back into a table of the same
  // size that nobody uses yet. False: a place is beyond it.
  struct Placed {
    std::uint64_t place = 0, value = 0, owner = 0;
  };
  std::vector<Placed> owed(Stamp now) const;
  bool restore(std::span<const Placed> cells);
  // The memory of the cells, for whoever may give the system advice about it.
  std::span<std::byte> memory();
  std::size_t cells() const { return (open_.buckets + reserved_.buckets) * kWays; }

 private:
  static constexpr std::size_t kWays = 4;   // four cells are one cache line
  struct alignas(64) Bucket {
    Cell cells[kWays];
  };
  struct Region {
    Bucket* first = nullptr;
    std::size_t buckets = 0;
  };
  struct Place {                  // the two buckets where a key may live
    Bucket* home;
    Bucket* other;
    std::uint64_t mark;           // its bits as they stand in a cell's owner
  };
  struct Found {
    Cell* cell = nullptr;
    Cell seen;
  };
  struct Free {                   // frees memory of calloc
    void operator()(void* memory) const;
  };

  Place place(Key key) const;
  static Found find(const Place& place);
  static Found find_free(const Place& place, std::uint64_t now);
  template <class Next>
  void change(Key key, Span now, Next next);
  std::optional<Fill> claim(const Place& place, std::uint64_t hash, const Pace& pace, Span now);

  std::unique_ptr<void, Free> memory_;
  Region open_, reserved_;
  Stripes stripes_;
  std::atomic<std::uint64_t> full_{0}, contended_{0};
};

}  // namespace weir::decide::limits
