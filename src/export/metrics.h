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
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/hash.h"
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

// Key -> T, which stands beside its key, so that one line of memory has both. Open addressing, no removal; only the owner
// inserts. `capacity` keys fit, further ones share one T.
template <class T>
class SeriesTable {
 public:
  static constexpr std::uint64_t kOverflow = UINT64_MAX;   // the key that no series has

  explicit SeriesTable(std::uint32_t capacity, T shared = {})
      : capacity_(capacity), mask_(std::bit_ceil(std::uint64_t{capacity} * 2) - 1), slots_(mask_ + 1), shared_(shared) {}

  // A key that is new starts as `fresh`.
  T& at(std::uint64_t key, T fresh = {});
  // The owner: null where `key` is new.
  const T* find(std::uint64_t key) const;
  // Brings the place of `key` nearer.
  void expect(std::uint64_t key) const { __builtin_prefetch(&slots_[mix(key) & mask_]); }
  std::uint32_t size() const { return used_; }

  // From any thread: visit(key, T) for every series, the shared T last under kOverflow, if it was needed.
  template <class F>
  void each(F&& visit) const;
  std::uint64_t overflowed() const { return overflowed_.load(); }

 private:
  struct Slot {
    SharedWord key;        // key + 1; 0: empty; published after `value`
    T value;
  };
  std::uint32_t capacity_, used_ = 0;
  std::uint64_t mask_;
  ZeroedArray<Slot> slots_;
  T shared_;
  Counter overflowed_{};
};

class MetricsShard {
 public:
  explicit MetricsShard(const MetricsBudget& budget = {});

  // The owner's side; no allocation, no lock. expect: that an exchange of these will be counted, most likely a success;
  // what is waited for then is memory, so it is asked for: at the arrival its series, and what they lead to once its answer has begun.
  void expect(NameId route, NameId upstream) const;
  void expect(const ExchangeRecord& record) const;
  void on_exchange(const ExchangeRecord& record);
  void on_limit(NameId limit, LimitVerdict verdict, LimitMode mode);
  void on_connection(NameId listener, record::ConnectionEvent event);
  enum class Drop : std::uint8_t { log_line, arrival, shape, flight, count_ };
  void set_dropped(Drop what, std::uint64_t total) { dropped_[static_cast<std::size_t>(what)].store(total); }

 private:
  friend class Reader;
  struct HistogramCells {
    std::array<Counter, kHistogramBuckets> buckets;
    Counter sum;   // ns
    void add(Nanos duration);
  };
  // Series of much more than a word: the table has their places among `cells`, the last of which is shared.
  template <class T>
  struct Family {
    explicit Family(std::uint32_t capacity) : table(capacity, {capacity}), cells(capacity + 1) {}
    T& at(std::uint64_t key) { return cells[table.at(key, {table.size()}).load()]; }
    template <class F>
    void each(F&& visit) const {
      table.each([&](std::uint64_t key, const SharedWord& place) { visit(key, cells[place.load()]); });
    }
    SeriesTable<SharedWord> table;
    ZeroedArray<T> cells;
  };
  struct UpstreamCells {
    HistogramCells seconds;
    Counter reused, fresh, retries;
  };
  struct ListenerCells {
    std::array<Counter, 4> events;   // by ConnectionEvent
  };
  static constexpr std::size_t kViolations = 256;
  void on_auth(const AuthRecord& auth);

  SeriesTable<Counter> requests_;
  Family<HistogramCells> routes_;
  Family<UpstreamCells> upstreams_;
  SeriesTable<Counter> endpoints_;
  SeriesTable<Counter> late_;              // upstream, result
  SeriesTable<Counter> auth_;              // upstream, result, whether it was kept
  Family<HistogramCells> auth_seconds_;
  SeriesTable<Counter> limits_;
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
  struct Late {
    NameId upstream;
    LateResult result = LateResult::not_asked;
    bool overflow = false;
    std::uint64_t count = 0;
  };
  struct Auth {
    NameId upstream;
    AuthResult result = AuthResult::none;
    bool kept = false;             // a kept answer, no call
    bool overflow = false;
    std::uint64_t count = 0;
  };
  struct AuthCalls {
    NameId upstream;
    bool overflow = false;
    Histogram seconds;             // until its whole answer, or until that was given up
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
  std::vector<Late> late;
  std::vector<Auth> auth;
  std::vector<AuthCalls> auth_calls;
  std::vector<Limit> limits;
  std::vector<Listener> listeners;
  std::vector<Violation> violations;
  std::array<std::uint64_t, static_cast<std::size_t>(MetricsShard::Drop::count_)> dropped{};
  std::uint64_t bytes_in = 0, bytes_out = 0;
  std::uint64_t overflowed = 0;    // observations counted in overflow rows
};

// From any thread, while the owners count on.
MetricsSnapshot read_metrics(std::span<const MetricsShard* const> shards);

template <class T>
const T* SeriesTable<T>::find(std::uint64_t key) const {
  for (std::uint64_t at = mix(key) & mask_;; at = (at + 1) & mask_) {
    const std::uint64_t taken = slots_[at].key.load();
    if (taken == key + 1) return &slots_[at].value;
    if (taken == 0) return nullptr;
  }
}

template <class T>
T& SeriesTable<T>::at(std::uint64_t key, T fresh) {
  for (std::uint64_t at = mix(key) & mask_;; at = (at + 1) & mask_) {   // ends: at most half of the slots are taken
    Slot& slot = slots_[at];
    const std::uint64_t taken = slot.key.load();
    if (taken == key + 1) return slot.value;
    if (taken != 0) continue;
    if (used_ == capacity_) {
      overflowed_.add();
      return shared_;
    }
    ++used_;
    slot.value = fresh;
    slot.key.store(key + 1, std::memory_order_release);
    return slot.value;
  }
}

template <class T>
template <class F>
void SeriesTable<T>::each(F&& visit) const {
  for (std::uint64_t i = 0; i <= mask_; ++i) {
    const Slot& slot = slots_[i];
    const std::uint64_t key = slot.key.load(std::memory_order_acquire);
    if (key != 0) visit(key - 1, slot.value);
  }
  if (overflowed() > 0) visit(kOverflow, shared_);
}

}  // namespace weir::exporting
