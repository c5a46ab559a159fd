// The limit table at 1 thousand to 10 million live keys, a third to a half of the cells in use, keys in random order.
// Beside it: several threads on one key, and on keys of their own.
#include <benchmark/benchmark.h>

#include <memory>
#include <mutex>

#include "base/hash.h"
#include "decide/limits/table.h"

namespace weir::decide::limits {
namespace {

constexpr Pace kPace = Pace::of(Rate{.count = 60'000'000, .period = std::chrono::seconds(1)}, 1'000'000);

void charge(benchmark::State& state) {
  const auto keys = static_cast<std::uint64_t>(state.range(0));
  Table table(keys * 2);
  std::int64_t now = 1'000'000'000;
  for (std::uint64_t i = 0; i < keys; ++i) table.charge({.hash = mix(i)}, kPace, stamp_from_nanos(now));
  std::uint64_t random = 1;
  for (auto _ : state) {
    random = mix(random);
    benchmark::DoNotOptimize(table.charge({.hash = mix(random % keys)}, kPace, stamp_from_nanos(now += 100)));
  }
  state.counters["bytes/key"] = static_cast<double>(table.cells() * 16) / static_cast<double>(keys);
  state.counters["full"] = static_cast<double>(table.counters().full);
}
BENCHMARK(charge)->Arg(1'000)->Arg(100'000)->Arg(1'000'000)->Arg(10'000'000);

// As a request does it: the bucket is asked for early, the charge comes 100 ns later.
void prefetched_charge(benchmark::State& state) {
  const auto keys = static_cast<std::uint64_t>(state.range(0));
  Table table(keys * 2);
  std::int64_t now = 1'000'000'000;
  for (std::uint64_t i = 0; i < keys; ++i) table.charge({.hash = mix(i)}, kPace, stamp_from_nanos(now));
  std::uint64_t random = 1;
  Key key{.hash = mix(random)};
  for (auto _ : state) {
    const Key next{.hash = mix(mix(++random) % keys)};
    table.prefetch(next);
    benchmark::DoNotOptimize(table.charge(key, kPace, stamp_from_nanos(now += 100)));
    key = next;
  }
}
BENCHMARK(prefetched_charge)->Arg(1'000'000)->Arg(10'000'000);

void look(benchmark::State& state) {
  Table table(2'000'000);
  for (std::uint64_t i = 0; i < 1'000'000; ++i) table.charge({.hash = mix(i)}, kPace, stamp_from_nanos(1));
  std::uint64_t random = 1;
  for (auto _ : state) {
    random = mix(random);
    benchmark::DoNotOptimize(table.look({.hash = mix(random % 1'000'000)}, kPace, stamp_from_nanos(2)));
  }
}
BENCHMARK(look);

// A new key each time: no cell of its own yet.
void claim(benchmark::State& state) {
  Table table(1 << 21);
  std::uint64_t next = 0;
  std::int64_t now = 1'000'000'000;
  for (auto _ : state) {
    benchmark::DoNotOptimize(table.charge({.hash = mix(next++)}, kPace, stamp_from_nanos(now += 1000)));
  }
  state.counters["full"] = static_cast<double>(table.counters().full);
}
BENCHMARK(claim);

Table& shared() {
  static Table table(1 << 16);
  return table;
}

void one_hot_key(benchmark::State& state) {
  std::int64_t now = 1'000'000'000;
  for (auto _ : state) benchmark::DoNotOptimize(shared().charge({.hash = 7}, kPace, stamp_from_nanos(now += 100'000)));
}
BENCHMARK(one_hot_key)->Threads(1)->Threads(2);

}  // namespace
}  // namespace weir::decide::limits
