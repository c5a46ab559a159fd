#include "export/metrics.h"

#include <algorithm>
#include <bit>
#include <map>
#include <utility>

#include "base/hash.h"

namespace weir::exporting {
namespace {

constexpr std::uint64_t kNameBits = 21;   // NameTable::kMax is 2^20; all ones stands for none
constexpr std::uint64_t kNameMask = (std::uint64_t{1} << kNameBits) - 1;

std::uint64_t pack(NameId name) { return name.value & kNameMask; }
NameId unpack(std::uint64_t bits) {
  return (bits & kNameMask) == kNameMask ? NameId::none() : NameId{static_cast<std::uint32_t>(bits & kNameMask)};
}
static_assert(NameTable::kMax <= kNameMask);

std::uint8_t code_class(std::uint16_t status) { return static_cast<std::uint8_t>(std::min(status / 100, 6)); }

std::uint64_t request_key(NameId route, NameId upstream, std::uint16_t status, Cause cause) {
  return static_cast<std::uint64_t>(cause) << 48 | static_cast<std::uint64_t>(code_class(status)) << 44 |
         pack(upstream) << kNameBits | pack(route);
}

bool by_upstream(Side side) { return side == Side::upstream; }

}  // namespace

MetricsShard::MetricsShard(const MetricsBudget& budget)
    : requests_(budget.request_series),
      routes_(budget.routes),
      upstreams_(budget.upstreams),
      endpoints_(budget.endpoints),
      late_(budget.upstreams),
      auth_(budget.upstreams),
      auth_seconds_(budget.upstreams / 4),
      limits_(budget.limit_series),
      listeners_(budget.listeners) {}

void MetricsShard::HistogramCells::add(Nanos duration) {
  buckets[histogram_bucket(duration)].add();
  sum.add(static_cast<std::uint64_t>(std::max<std::int64_t>(duration.count(), 0)));
}

void MetricsShard::expect(NameId route, NameId upstream) const {
  requests_.expect(request_key(route, upstream, 200, Cause::none));
  routes_.table.expect(pack(route));
}

void MetricsShard::expect(const ExchangeRecord& record) const {
  requests_.expect(request_key(record.route, record.upstream, record.status, record.cause));
  const SharedWord* const place = routes_.table.find(pack(record.route));
  if (place == nullptr) return;
  const HistogramCells& cells = routes_.cells[place->load()];
  __builtin_prefetch(&cells.buckets[histogram_bucket(record.response_time)], 1);   // it will not have taken much longer as a whole
  __builtin_prefetch(&cells.sum, 1);
}

void MetricsShard::on_exchange(const ExchangeRecord& record) {
  requests_.at(request_key(record.route, record.upstream, record.status, record.cause)).add();
  routes_.at(pack(record.route)).add(record.total_time);
  if (record.upstream.valid() && record.attempts > 0) {
    UpstreamCells& upstream = upstreams_.at(pack(record.upstream));
    if (record.response_time.count() > 0) upstream.seconds.add(record.response_time);
    ((record.flags & ExchangeRecord::kReused) != 0 ? upstream.reused : upstream.fresh).add();
    if (record.attempts > 1) upstream.retries.add(record.attempts - 1u);
    const std::size_t known = std::min<std::size_t>(record.attempts, record.tries.size());
    for (const AttemptRecord& made : std::span(record.tries).first(known)) {
      endpoints_.at(pack(record.upstream) << kNameBits | pack(made.endpoint)).add();
    }
  }
  if (record.late.result != LateResult::not_asked) {
    late_.at(pack(record.upstream) << 3 | static_cast<std::uint64_t>(record.late.result)).add();
  }
  if (record.auth.result != AuthResult::none) on_auth(record.auth);
  if (record.violation != 0) violations_[record.violation][by_upstream(info(record.cause).side) ? 1 : 0].add();
  bytes_in_.add(record.bytes_in);
  bytes_out_.add(record.bytes_out);
}

void MetricsShard::on_auth(const AuthRecord& auth) {
  auth_.at(pack(auth.upstream) << 3 | static_cast<std::uint64_t>(auth.result) << 1 | (auth.kept ? 1 : 0)).add();
  if (auth.call.endpoint.valid()) auth_seconds_.at(pack(auth.upstream)).add(std::chrono::microseconds(auth.call.micros));
}

void MetricsShard::on_limit(NameId limit, LimitVerdict verdict, LimitMode mode) {
  limits_.at(pack(limit) << 2 | static_cast<std::uint64_t>(verdict) << 1 | static_cast<std::uint64_t>(mode)).add();
}

void MetricsShard::on_connection(NameId listener, record::ConnectionEvent event) {
  listeners_.at(pack(listener)).events[static_cast<std::size_t>(event)].add();
}

// Adds shards up by key; the overflow cell of a family gets the key that no series can have.
class Reader {
 public:
  static void add(const MetricsShard::HistogramCells& cells, Histogram& into) {
    for (std::size_t i = 0; i < kHistogramBuckets; ++i) {
      if (const std::uint64_t count = cells.buckets[i].load(); count > 0) into.add_bucket(i, count);
    }
    into.add_sum(Nanos(static_cast<std::int64_t>(cells.sum.load())));
  }

  void add(const MetricsShard& shard) {
    shard.requests_.each([&](std::uint64_t key, const Counter& cell) {
      MetricsSnapshot::Requests& row = requests_[key];
      row.route = unpack(key);
      row.upstream = unpack(key >> kNameBits);
      row.code_class = static_cast<std::uint8_t>(key >> 44 & 15);
      row.cause = static_cast<Cause>(key >> 48 & 255);
      row.count += cell.load();
    });
    shard.routes_.each([&](std::uint64_t key, const MetricsShard::HistogramCells& cells) {
      MetricsSnapshot::Route& row = routes_[key];
      row.route = unpack(key);
      add(cells, row.seconds);
    });
    shard.upstreams_.each([&](std::uint64_t key, const MetricsShard::UpstreamCells& cells) {
      MetricsSnapshot::Upstream& row = upstreams_[key];
      row.upstream = unpack(key);
      add(cells.seconds, row.seconds);
      row.reused += cells.reused.load();
      row.fresh += cells.fresh.load();
      row.retries += cells.retries.load();
    });
    shard.endpoints_.each([&](std::uint64_t key, const Counter& cell) {
      MetricsSnapshot::Picks& row = endpoints_[key];
      row.endpoint = unpack(key);
      row.upstream = unpack(key >> kNameBits);
      row.count += cell.load();
    });
    shard.late_.each([&](std::uint64_t key, const Counter& cell) {
      MetricsSnapshot::Late& row = late_[key];
      row.upstream = unpack(key >> 3);
      row.result = static_cast<LateResult>(key & 7);
      row.count += cell.load();
    });
    shard.auth_.each([&](std::uint64_t key, const Counter& cell) {
      MetricsSnapshot::Auth& row = auth_[key];
      row.upstream = unpack(key >> 3);
      row.result = static_cast<AuthResult>(key >> 1 & 3);
      row.kept = (key & 1) != 0;
      row.count += cell.load();
    });
    shard.auth_seconds_.each([&](std::uint64_t key, const MetricsShard::HistogramCells& cells) {
      MetricsSnapshot::AuthCalls& row = auth_calls_[key];
      row.upstream = unpack(key);
      add(cells, row.seconds);
    });
    shard.limits_.each([&](std::uint64_t key, const Counter& cell) {
      MetricsSnapshot::Limit& row = limits_[key];
      row.limit = unpack(key >> 2);
      row.verdict = static_cast<LimitVerdict>(key >> 1 & 1);
      row.mode = static_cast<LimitMode>(key & 1);
      row.count += cell.load();
    });
    shard.listeners_.each([&](std::uint64_t key, const MetricsShard::ListenerCells& cells) {
      MetricsSnapshot::Listener& row = listeners_[key];
      row.listener = unpack(key);
      // Closed first: a scrape that races with a connection sees it open rather than a negative number.
      row.closed += cells.events[static_cast<std::size_t>(record::ConnectionEvent::closed)].load();
      row.opened += cells.events[static_cast<std::size_t>(record::ConnectionEvent::opened)].load();
      row.refused += cells.events[static_cast<std::size_t>(record::ConnectionEvent::refused)].load();
      row.failed += cells.events[static_cast<std::size_t>(record::ConnectionEvent::failed)].load();
    });
    for (std::size_t i = 0; i < shard.violations_.size(); ++i) {
      for (const std::size_t side : {0u, 1u}) violations_[i][side] += shard.violations_[i][side].load();
    }
    for (std::size_t i = 0; i < out_.dropped.size(); ++i) out_.dropped[i] += shard.dropped_[i].load();
    out_.bytes_in += shard.bytes_in_.load();
    out_.bytes_out += shard.bytes_out_.load();
    for (const std::uint64_t n : {shard.requests_.overflowed(), shard.routes_.table.overflowed(),
                                  shard.upstreams_.table.overflowed(), shard.endpoints_.overflowed(),
                                  shard.late_.overflowed(), shard.auth_.overflowed(), shard.auth_seconds_.table.overflowed(),
                                  shard.limits_.overflowed(), shard.listeners_.table.overflowed()}) {
      out_.overflowed += n;
    }
  }

  MetricsSnapshot take() {
    move(requests_, out_.requests);
    move(routes_, out_.routes);
    move(upstreams_, out_.upstreams);
    move(endpoints_, out_.endpoints);
    move(late_, out_.late);
    move(auth_, out_.auth);
    move(auth_calls_, out_.auth_calls);
    move(limits_, out_.limits);
    move(listeners_, out_.listeners);
    for (std::size_t i = 0; i < violations_.size(); ++i) {
      for (const std::size_t side : {0u, 1u}) {
        if (violations_[i][side] == 0) continue;
        out_.violations.push_back({.violation = static_cast<std::uint8_t>(i),
                                   .side = side == 0 ? Side::client : Side::upstream,
                                   .count = violations_[i][side]});
      }
    }
    return std::move(out_);
  }

 private:
  template <class Row>
  static void move(std::map<std::uint64_t, Row>& from, std::vector<Row>& to) {
    to.reserve(from.size());
    for (auto& [key, row] : from) {
      row.overflow = key == SeriesTable<Counter>::kOverflow;
      to.push_back(std::move(row));
    }
  }

  MetricsSnapshot out_;
  std::map<std::uint64_t, MetricsSnapshot::Requests> requests_;
  std::map<std::uint64_t, MetricsSnapshot::Route> routes_;
  std::map<std::uint64_t, MetricsSnapshot::Upstream> upstreams_;
  std::map<std::uint64_t, MetricsSnapshot::Picks> endpoints_;
  std::map<std::uint64_t, MetricsSnapshot::Late> late_;
  std::map<std::uint64_t, MetricsSnapshot::Auth> auth_;
  std::map<std::uint64_t, MetricsSnapshot::AuthCalls> auth_calls_;
  std::map<std::uint64_t, MetricsSnapshot::Limit> limits_;
  std::map<std::uint64_t, MetricsSnapshot::Listener> listeners_;
  std::array<std::array<std::uint64_t, 2>, 256> violations_{};
};

MetricsSnapshot read_metrics(std::span<const MetricsShard* const> shards) {
  Reader reader;
  for (const MetricsShard* shard : shards) reader.add(*shard);
  return reader.take();
}

}  // namespace weir::exporting
