// How long a configuration takes from text to policy. The gate: 10,000 routes of as many hosts
// within 150 ms. Text/N is reading alone (libfyaml's events into our tree), Compile/N all of it,
// lint included.
#include <benchmark/benchmark.h>
#include <fmt/core.h>

#include <string>

#include "base/check.h"
#include "config/compile.h"
#include "config/node.h"

namespace {

using namespace weir;

std::string configuration(std::int64_t routes) {
  std::string text =
      "version: 1\nlisteners:\n  - {name: public, address: 0.0.0.0:8080}\n"
      "defaults: {limits: [per-caller]}\nlimits:\n  - {name: per-caller, key: caller, rate: "
      "60/s}\nupstreams:\n";
  for (int i = 0; i < 100; ++i)
    text += fmt::format("  - {{name: service-{}, endpoints: [10.0.{}.1:8080, 10.0.{}.2:8080]}}\n",
                        i, i, i);
  text += "routes:\n";
  for (std::int64_t i = 0; i < routes; ++i) {
    text += fmt::format(
        "  - name: route-{}\n    match: {{hosts: [host-{}.example.com], path: /api/v1/*, methods: "
        "[GET, POST]}}\n"
        "    upstream: service-{}\n    timeouts: {{response: 2s}}\n",
        i, i, i % 100);
  }
  return text;
}

void Text(benchmark::State& state) {
  const std::string text = configuration(state.range(0));
  for (auto _ : state) {
    config::Diagnostics diagnostics;
    auto tree = config::parse(0, text, {}, diagnostics);
    WEIR_CHECK(tree.has_value());
    benchmark::DoNotOptimize(tree);
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(text.size()) * state.iterations());
}

void Compile(benchmark::State& state) {
  const config::Input input{.files = {{"gateway.yaml", configuration(state.range(0))}}};
  NameTable names;
  for (auto _ : state) {
    const config::Outcome outcome = config::compile(input, names);
    WEIR_CHECK(outcome.policy != nullptr && outcome.warnings == 0);
    benchmark::DoNotOptimize(outcome.policy.get());
  }
}

BENCHMARK(Text)->Arg(100)->Arg(10'000)->Unit(benchmark::kMillisecond);
BENCHMARK(Compile)->Arg(100)->Arg(10'000)->Unit(benchmark::kMillisecond);

}  // namespace
