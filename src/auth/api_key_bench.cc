// What it costs to know a caller by its key, with few and with many keys on file.
#include <benchmark/benchmark.h>

#include <string>
#include <vector>

#include "auth/api_key.h"

namespace weir::auth {
namespace {

std::string key(std::size_t i) { return "weir_0123456789abcdefghijklmnopqr" + std::to_string(1'000'000 + i); }

void check(benchmark::State& state) {
  const auto keys = static_cast<std::size_t>(state.range(0));
  std::vector<KeyEntry> entries;
  for (std::size_t i = 0; i < keys; ++i) {
    entries.push_back({.name = "caller" + std::to_string(i), .groups = {}, .digest = digest_text(key(i)), .expires = {}});
  }
  const KeyTable table = KeyTable::make(std::move(entries)).value();
  std::vector<std::string> credentials;
  for (std::size_t i = 0; i < keys; ++i) credentials.push_back(key(i * 7919 % keys));
  std::size_t next = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(table.check(credentials[next], WallTime{}));
    next = next + 1 == keys ? 0 : next + 1;
  }
}
BENCHMARK(check)->Arg(10)->Arg(100'000);

}  // namespace
}  // namespace weir::auth
