// What one exchange costs its worker: the parts, and all of them together. Goals (performance.md, ledger): the line of
// the log <= 200 ns, metrics <= 50 ns, everything together well below 500 ns.
#include <benchmark/benchmark.h>

#include <array>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "export/traffic.h"
#include "export/worker_records.h"

namespace weir::exporting {
namespace {

constexpr HashKey kKey{.k0 = 1, .k1 = 2};

// An ordinary API request among 64 routes, 1,000 clients and ids that never repeat.
struct Requests {
  Requests() {
    policy.revision = 1;
    policy.listeners.emplace_back().name = names.intern("public");
    for (int i = 0; i < 64; ++i) {
      policy.routes.emplace_back().name = names.intern("route-" + std::to_string(i));
      policy.routes.back().match.path = "/service" + std::to_string(i);
    }
    upstream = names.intern("catalog");
    endpoint = names.intern("127.0.0.1:9001");
    shaper = std::make_shared<record::Shaper>(policy, names, kKey);
    for (int i = 0; i < 4096; ++i) {
      paths.push_back("/service" + std::to_string(i % 64) + "/orders/" + std::to_string(1000000 + i * 7919) + "/items");
    }
  }
  void next() {
    ++n;
    facts.path = paths[n % paths.size()];
    facts.client = Address::v4(10, 0, static_cast<std::uint8_t>(n % 1000 >> 8), static_cast<std::uint8_t>(n % 1000));
    record.exchange = {.worker = WorkerId{0}, .sequence = n};
    record.route = policy.routes[n % 64].name;
    record.upstream = upstream;
    record.endpoint = endpoint;
    record.client = facts.client;
    record.arrived_wall = wall_from_nanos(1'767'323'045'000'000'000 + static_cast<std::int64_t>(n) * 100'000);
    record.total_time = Nanos(800'000 + static_cast<std::int64_t>(n % 1000) * 1000);
    record.response_time = record.total_time - Nanos(50'000);
    record.attempts = 1;
    record.status = 200;
    record.flags = ExchangeRecord::kReused;
    text.path = facts.path;
  }
  Arrival arrival() const {
    return {.stamp = stamp_from_nanos(static_cast<std::int64_t>(n)), .exchange = record.exchange, .revision = 1,
            .route = record.route, .endpoint = endpoint};
  }
  record::Judged judged() const {
    return {.policy = policy, .verdict = verdict, .facts = &facts, .evidence = {}, .header_names = header_names};
  }

  NameTable names;
  Policy policy;
  Verdict verdict;
  NameId upstream, endpoint;
  std::shared_ptr<record::Shaper> shaper;
  std::vector<std::string> paths;
  std::uint64_t n = 0;
  Facts facts{.listener = ListenerId{0}, .method = "GET", .host = "api.example.com", .query = "page=2&sort=asc"};
  std::array<std::string_view, 10> header_names = {"Host", "User-Agent", "Accept", "Accept-Encoding", "Accept-Language",
                                                   "X-Api-Key", "X-Request-Id", "Traceparent", "Cache-Control", "Connection"};
  ExchangeRecord record;
  ExchangeText text{.request_id = "0123456789ab00000000000000001234", .method = "GET", .host = "api.example.com",
                    .query = "page=2&sort=asc", .user_agent = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36",
                    .caller = "acme-mobile"};
};

void recycle(Lane& lane) {
  while (Buffer* buffer = lane.next()) lane.give_back(buffer);
}

void BM_LogLine(benchmark::State& state) {
  Requests traffic;
  std::string room(65536, '\0');
  TimeText time;
  std::size_t bytes = 0;
  for (auto _ : state) {
    traffic.next();
    bytes += static_cast<std::size_t>(write_log_line(room.data(), traffic.record, traffic.text, traffic.names, time) - room.data());
    benchmark::DoNotOptimize(room.data());
  }
  state.counters["bytes_per_line"] = static_cast<double>(bytes) / static_cast<double>(state.iterations());
}
BENCHMARK(BM_LogLine);

void BM_Metrics(benchmark::State& state) {
  Requests traffic;
  MetricsShard shard;
  for (auto _ : state) {
    traffic.next();
    shard.on_exchange(traffic.record);
  }
}
BENCHMARK(BM_Metrics);

void BM_Ring(benchmark::State& state) {
  Requests traffic;
  ExchangeRing ring;
  for (auto _ : state) {
    traffic.next();
    ring.write(traffic.record, traffic.text);
  }
}
BENCHMARK(BM_Ring);

void BM_Arrival(benchmark::State& state) {
  Requests traffic;
  record::ArrivalEncoder encoder;
  std::vector<std::byte> room(kBufferSize);
  std::size_t used = 0;
  for (auto _ : state) {
    traffic.next();
    const std::size_t n = encoder.encode(traffic.arrival(), traffic.judged(), *traffic.shaper, std::span(room).subspan(used));
    used = n == 0 ? 0 : used + n;
  }
}
BENCHMARK(BM_Arrival);

void BM_Everything(benchmark::State& state) {
  Requests traffic;
  WorkerRecords worker(traffic.names, {});
  worker.use(1, traffic.shaper);
  for (auto _ : state) {
    traffic.next();
    worker.arrived(traffic.arrival(), traffic.judged());
    worker.finished(traffic.record, traffic.text);
    if (traffic.n % 256 == 0) {
      recycle(*worker.log_lane());
      recycle(*worker.record_lane());
    }
  }
}
BENCHMARK(BM_Everything);

// The same while the tally of traffic looks at what was written, as the control loop does.
void BM_EverythingTallied(benchmark::State& state) {
  Requests traffic;
  WorkerRecords worker(traffic.names, {});
  worker.use(1, traffic.shaper);
  std::jthread reader([&](const std::stop_token& stop) {
    Traffic tally(kKey);
    std::uint64_t after = 0;
    for (std::int64_t turn = 0; !stop.stop_requested(); ++turn) {
      worker.ring().sample(after, 512, [&](const ExchangeRecord& record, std::string_view caller, double weight) {
        tally.add(record, caller, Stamp(std::chrono::milliseconds(50 * turn)), weight);
      });
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
  });
  for (auto _ : state) {
    traffic.next();
    worker.arrived(traffic.arrival(), traffic.judged());
    worker.finished(traffic.record, traffic.text);
    if (traffic.n % 256 == 0) {
      recycle(*worker.log_lane());
      recycle(*worker.record_lane());
    }
  }
}
BENCHMARK(BM_EverythingTallied);

// What the control loop pays for one exchange that it looks at: by 1,000 callers, or by as many as there are exchanges.
void BM_Tally(benchmark::State& state) {
  Requests traffic;
  ExchangeRing ring;
  Traffic tally(kKey);
  std::vector<std::string> callers;
  for (std::int64_t i = 0; i < state.range(0); ++i) callers.push_back("caller-" + std::to_string(i));
  std::uint64_t after = 0;
  std::int64_t turn = 0;
  while (state.KeepRunningBatch(512)) {
    state.PauseTiming();
    for (int i = 0; i < 512; ++i) {
      traffic.next();
      traffic.text.caller = callers[traffic.n % callers.size()];
      ring.write(traffic.record, traffic.text);
    }
    state.ResumeTiming();
    ring.sample(after, 512, [&](const ExchangeRecord& record, std::string_view caller, double weight) {
      tally.add(record, caller, Stamp(std::chrono::milliseconds(50 * turn)), weight);
    });
    ++turn;
  }
}
BENCHMARK(BM_Tally)->Arg(1000)->Arg(1'000'000);

// What the loop itself costs, to be taken off.
void BM_Nothing(benchmark::State& state) {
  Requests traffic;
  for (auto _ : state) {
    traffic.next();
    benchmark::DoNotOptimize(traffic);
  }
}
BENCHMARK(BM_Nothing);

}  // namespace
}  // namespace weir::exporting
