// Metrics: counted by each worker in its own shard, read by any thread at any time, merged and rendered on demand.
//
// A shard has one writer. Counters are read and written through relaxed atomic_refs (a plain load, add and store, no
// locked instruction); series live in open-addressing tables of fixed size, where a key is published after its slot is
// ready, so a reader sees whole series or none. A scrape therefore costs the workers nothing. Memory comes zeroed from
// the system and is only touched where something is counted.
//
// The budget. Each family has a stated number of series; when it is spent, further ones are counted under the label
// value "(other)", and weir_metric_series_overflow_total says how many observations went there. Labels are names of the
// configuration, causes and fixed words; never a path, an address or a caller. Series go by name across revisions.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/histogram.h"
#include "base/time.h"
#include "export/zeroed.h"
#include "model/cause.h"
#include "model/names.h"
#include "model/policy.h"
#include "model/records.h"
#include "record/observer.h"

namespace weir::exporting {

struct MetricsBudget {
  std::uint32_t request_series = 8192;   // route x upstream x code class x cause
  std::uint32_t routes = 1024;           // latency histograms, 5 KiB each once used
  std::uint32_t upstreams = 256;
  std::uint32_t endpoints = 2048;
  std::uint32_t limit_series = 4096;     // limit x verdict x mode
  std::uint32_t listeners = 64;
};

enum class LimitVerdict : std::uint8_t { passed, refused };

using Counter = SharedWord;

// Key -> slot, open addressing, no removal. Only the owner inserts; `capacity` keys fit, further ones answer overflow().
class SeriesTable {
 public:
  explicit SeriesTable(std::uint32_t capacity);
  // Index in [0, capacity] of the slot of `key` (key + 1 is stored; key != UINT64_MAX). capacity: the overflow slot.
  std::uint32_t find_or_add(std::uint64_t key);
  void expect(std::uint64_t key) const;   // brings the place of `key` nearer
  std::uint32_t overflow() const { return capacity_; }
  std::uint32_t capacity() const { return capacity_; }

  template <class F>
  void each(F&& visit) const;   // visit(key, index), from any thread

 private:
  struct Slot {
    SharedWord key;        // key + 1; 0: empty
    std::uint64_t index;   // published with the key
  };
  std::uint32_t capacity_, used_ = 0;
  std::uint64_t mask_;
  ZeroedArray<Slot> slots_;
};

class MetricsShard {
 public:
  explicit MetricsShard(const MetricsBudget& budget = {});

  // The owner's side; no allocation, no lock. expect: that an exchange of these will be counted soon, most likely a
  // success; what is waited for then is memory, so it is asked for now.
  void expect(NameId route, NameId upstream) const;
  void on_exchange(const ExchangeRecord& record);
  void on_limit(NameId limit, LimitVerdict verdict, LimitMode mode);
  void on_connection(NameId listener, record::ConnectionEvent event);
  enum class Drop : std::uint8_t { log_line, arrival, shape, count_ };
  void set_dropped(Drop what, std::uint64_t total) { dropped_[static_cast<std::size_t>(what)].store(total); }

 private:
  friend class Reader;
  struct HistogramCells {
    std::array<Counter, kHistogramBuckets> buckets;
    Counter sum;   // ns
    void add(Nanos duration);
  };
  // What is counted for one name: cells of T for capacity + 1 slots, the last one for overflow.
  template <class T>
  struct Family {
    explicit Family(std::uint32_t capacity) : table(capacity), cells(capacity + 1) {}
    T& at(std::uint64_t key) {
      const std::uint32_t index = table.find_or_add(key);
      if (index == table.overflow()) overflowed.add();
      return cells[index];
    }
    SeriesTable table;
    ZeroedArray<T> cells;
    Counter overflowed{};
  };
  struct UpstreamCells {
    HistogramCells seconds;
    Counter reused, fresh, retries;
  };
  struct ListenerCells {
    std::array<Counter, 4> events;   // by ConnectionEvent
  };
  static constexpr std::size_t kViolations = 256;

  Family<Counter> requests_;
  Family<HistogramCells> routes_;
  Family<UpstreamCells> upstreams_;
  Family<Counter> endpoints_;
  Family<Counter> limits_;
  Family<ListenerCells> listeners_;
  std::array<std::array<Counter, 2>, kViolations> violations_{};   // by violation, side client or upstream
  std::array<Counter, static_cast<std::size_t>(Drop::count_)> dropped_{};
  Counter bytes_in_{}, bytes_out_{};
};

// Everything of all shards, added up; plain values, rows ordered by their ids. What `weir status` and `weir top` read,
// and what is rendered. A row whose `overflow` is set stands for all that the budget had no room for.
struct MetricsSnapshot {
  struct Requests {
    NameId route, upstream;
    std::uint8_t code_class = 0;   // 2: 2xx; 0: nothing was sent
    Cause cause = Cause::none;
    bool overflow = false;
    std::uint64_t count = 0;
  };
  struct Route {
    NameId route;
    bool overflow = false;
    Histogram seconds;             // total time of its exchanges
  };
  struct Upstream {
    NameId upstream;
    bool overflow = false;
    Histogram seconds;             // until the head of the answer
    std::uint64_t reused = 0, fresh = 0, retries = 0;
  };
  struct Picks {
    NameId upstream, endpoint;
    bool overflow = false;
    std::uint64_t count = 0;
  };
  struct Limit {
    NameId limit;
    LimitVerdict verdict = LimitVerdict::passed;
    LimitMode mode = LimitMode::enforce;
    bool overflow = false;
    std::uint64_t count = 0;
  };
  struct Listener {
    NameId listener;
    bool overflow = false;
    std::uint64_t opened = 0, closed = 0, refused = 0, failed = 0;
  };
  struct Violation {
    std::uint8_t violation = 0;    // http::Violation
    Side side = Side::client;
    std::uint64_t count = 0;
  };

  std::vector<Requests> requests;
  std::vector<Route> routes;
  std::vector<Upstream> upstreams;
  std::vector<Picks> endpoints;
  std::vector<Limit> limits;
  std::vector<Listener> listeners;
  std::vector<Violation> violations;
  std::array<std::uint64_t, static_cast<std::size_t>(MetricsShard::Drop::count_)> dropped{};
  std::uint64_t bytes_in = 0, bytes_out = 0;
  std::uint64_t overflowed = 0;    // observations counted in overflow rows
};

// From any thread, while the owners count on.
MetricsSnapshot read_metrics(std::span<const MetricsShard* const> shards);

template <class F>
void SeriesTable::each(F&& visit) const {
  for (std::uint64_t i = 0; i <= mask_; ++i) {
    const Slot& slot = slots_[i];
    const std::uint64_t key = slot.key.load(std::memory_order_acquire);
    if (key != 0) visit(key - 1, static_cast<std::uint32_t>(slot.index));
  }
}

}  // namespace weir::exporting
