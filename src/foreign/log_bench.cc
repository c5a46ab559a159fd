// What reading a line of a log costs: nginx combined as the bulk of all logs, its own log_format
// and JSON beside it, and memchr for newlines alone as the floor. Goal: well under 150 ns for a
// combined line. Measured on a shared 2.6 GHz core, lines of 190 bytes: 180 to 200 ns, so the goal
// is missed; 730 ns for Caddy's JSON of 430 bytes; 9 ns the floor.
#include <benchmark/benchmark.h>
#include <fmt/core.h>

#include <array>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>

#include "foreign/format.h"
#include "foreign/log_reader.h"
#include "foreign/reorder.h"

namespace weir::foreign {
namespace {

constexpr int kLines = 4096;

// Paths and agents of common lengths; times go on by one second every eight lines.
std::string combined_log() {
  constexpr std::array kPaths = {"/", "/catalog/items/4711?sort=price&page=2",
                                 "/static/images/banner-1280.webp",
                                 "/api/v1/orders/8f14e45fceea167a5a36dedd4bea2543/lines"};
  constexpr std::array kAgents = {
      "curl/8.5.0", "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
      "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
      "Chrome/126.0.0.0 Safari/537.36"};
  std::string log;
  for (unsigned i = 0; i < kLines; ++i) {
    log += fmt::format(
        "10.{}.{}.{} - - [24/Jan/2022:16:{:02}:{:02} +0000] \"GET {} HTTP/1.1\" 200 {} \"{}\" "
        "\"{}\"\n",
        i % 7, i % 251, i % 83, i / 480 % 60, i / 8 % 60, kPaths[i % 4], 100 + i * 37 % 90000,
        i % 3 == 0 ? "-" : "https://www.example.com/catalog", kAgents[i % 3]);
  }
  return log;
}

std::string caddy_log() {
  std::string log;
  for (unsigned i = 0; i < kLines; ++i) {
    log += fmt::format(
        R"({{"level":"info","ts":{}.{:06},"logger":"http.log.access","msg":"handled request","request":{{"remote_ip":"10.0.{}.{}","remote_port":"44790","client_ip":"10.0.{}.{}","proto":"HTTP/2.0","method":"GET","host":"api.example.com","uri":"/orders/{}","headers":{{"User-Agent":["curl/8.5.0"],"Accept":["*/*"],"X-Forwarded-Proto":["https"]}}}},"bytes_read":0,"user_id":"","duration":0.002701,"size":{},"status":200,"resp_headers":{{"Server":["Caddy"]}}}})",
        1693840791 + i / 8, i * 977 % 1000000, i % 7, i % 251, i % 7, i % 251, i, i % 5000);
    log += '\n';
  }
  return log;
}

void read(benchmark::State& state, const char* name, const std::string& log) {
  LogReader reader(*format_named(name, {}));
  std::uint64_t entries = 0;
  for (auto _ : state) {
    reader.feed(std::as_bytes(std::span(log)));
    for (LogEntry entry; reader.next(entry);) {
      benchmark::DoNotOptimize(entry);
      ++entries;
    }
  }
  if (entries != static_cast<std::uint64_t>(state.iterations()) * kLines)
    state.SkipWithError("lines were not read");
  state.SetItemsProcessed(static_cast<std::int64_t>(entries));
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * log.size()));
}
BENCHMARK_CAPTURE(read, nginx_combined, "nginx", combined_log());
BENCHMARK_CAPTURE(read, nginx_log_format,
                  "nginx:$remote_addr - $remote_user [$time_local] \"$request\" $status "
                  "$body_bytes_sent \"$http_referer\" \"$http_user_agent\"",
                  combined_log());
BENCHMARK_CAPTURE(read, caddy_json, "caddy", caddy_log());

void newlines_alone(benchmark::State& state) {
  const std::string log = combined_log();
  for (auto _ : state) {
    const char* at = log.data();
    const char* const end = at + log.size();
    while (at != end)
      at = static_cast<const char*>(std::memchr(at, '\n', static_cast<std::size_t>(end - at))) + 1;
    benchmark::DoNotOptimize(at);
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations() * kLines));
}
BENCHMARK(newlines_alone);

// In order, and with every second entry up to a second late.
void reorder(benchmark::State& state) {
  ReorderWindow<std::uint64_t> window;
  ReorderWindow<std::uint64_t>::Item item;
  std::int64_t now = 0;
  for (auto _ : state) {
    now += 1'000'000;
    window.push(wall_from_nanos(now - (now / 1'000'000 % 2) * state.range(0)), 1);
    while (window.pop(item)) benchmark::DoNotOptimize(item);
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations()));
}
BENCHMARK(reorder)->Arg(0)->Arg(1'000'000'000);

}  // namespace
}  // namespace weir::foreign
