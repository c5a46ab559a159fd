// What counting hops costs a request that carries marks: one or eight elements of ours among others, or none of ours.
// Without either field nobody asks (proxy/context.cc).
#include <benchmark/benchmark.h>

#include <string>

#include "decide/loop.h"

namespace weir::decide {
namespace {

void count_hops(benchmark::State& state) {
  const LoopMarks marks({1, 2});
  std::string cdn_loop = "cdn.example; trace=abcdef", via = "1.1 cdn, 1.1 varnish (Varnish/7.1)";
  for (std::int64_t i = 0; i < state.range(0); ++i) {
    cdn_loop += ", " + std::string(marks.mark(static_cast<std::uint8_t>(i)));
    via += ", 1.1 weir (" + std::string(marks.id()) + ")";
  }
  for (auto _ : state) {
    benchmark::DoNotOptimize(cdn_loop.data());
    HopCount count(marks, "weir");
    count.cdn_loop(cdn_loop);
    count.via(via);
    benchmark::DoNotOptimize(count.hops());
  }
}
BENCHMARK(count_hops)->Arg(0)->Arg(1)->Arg(8)->ArgName("marks");

}  // namespace
}  // namespace weir::decide
