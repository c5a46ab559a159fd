// What one decision costs: matching with 10 and 10,000 hosts, then the whole of it, with and without a per-key limit
// at a million keys. The memory of a policy with 10,000 hosts, index included, is printed as a counter.
#include <benchmark/benchmark.h>
#include <malloc.h>

#include <string>
#include <vector>

#include "decide/decide.h"
#include "decide/policy_for_tests.h"
#include "decide/route.h"

namespace weir::decide {
namespace {

constexpr HashKey kSeed{11, 12};

// Written into a small buffer for each request, as a parser leaves it: the name itself is in a cache.
class HostName {
 public:
  std::string_view of(std::size_t i) {
    for (std::size_t digit = 9; digit >= 5; --digit, i /= 10) text_[digit - 1] = static_cast<char>('0' + i % 10);
    return {text_, sizeof(text_) - 1};
  }

 private:
  char text_[21] = "host00000.example.co";
};

// One route a host: /api of host<i>.example.com, with a limit on the caller.
void add_hosts(PolicyBuilder& builder, std::size_t hosts, std::size_t upstreams) {
  for (std::size_t i = 0; i < upstreams; ++i) {
    builder.upstream("u" + std::to_string(i), {1, 1}, BalanceKind::round_robin);
  }
  builder.limit("per-caller", {KeyKind::caller}, 60'000, 120'000);
  for (std::size_t i = 0; i < hosts; ++i) {
    Route& route = builder.route("route" + std::to_string(i), prefix("/api", {std::string(HostName().of(i))}),
                                 {UpstreamId{static_cast<std::uint32_t>(i % upstreams)}});
    route.limits = {LimitId{0}};
  }
}

void match(benchmark::State& state) {
  const auto hosts = static_cast<std::size_t>(state.range(0));
  PolicyBuilder builder;
  add_hosts(builder, hosts, 1);
  if (state.range(1) != 0) builder.route("wild", prefix("/", {"*.other.example"}));
  const Policy& policy = builder.prepared();
  HostName name;
  std::uint64_t random = 1;
  for (auto _ : state) {
    random = mix(random);
    benchmark::DoNotOptimize(match_route(policy, request("GET", name.of(random % hosts), "/api/v1/items/42"), kSeed));
  }
}
BENCHMARK(match)->ArgsProduct({{10, 10'000}, {0, 1}})->ArgNames({"hosts", "wildcards"});

void match_paths(benchmark::State& state) {
  const auto paths = static_cast<std::size_t>(state.range(0));
  PolicyBuilder builder;
  builder.upstream("u", {1});
  std::vector<std::string> names;
  for (std::size_t i = 0; i < paths; ++i) {
    builder.route("r" + std::to_string(i), prefix("/service" + std::to_string(i) + "/v1"));
    names.push_back("/service" + std::to_string(i) + "/v1/items/42");
  }
  const Policy& policy = builder.prepared();
  std::uint64_t random = 1;
  for (auto _ : state) {
    random = mix(random);
    benchmark::DoNotOptimize(match_route(policy, request("GET", "h", names[random % paths]), kSeed));
  }
}
BENCHMARK(match_paths)->Arg(10)->Arg(10'000);

void whole(benchmark::State& state) {
  const auto hosts = static_cast<std::size_t>(state.range(0));
  const bool limited = state.range(1) != 0;
  const auto clients = static_cast<std::uint64_t>(state.range(1));
  PolicyBuilder builder;
  add_hosts(builder, hosts, 1);
  if (!limited) {
    for (Route& route : builder.policy.routes) route.limits.clear();
  }
  const Policy& policy = builder.prepared();
  limits::Table table(2 << 20);
  limits::InFlight in_flight;
  Balancer balancer(WorkerId{0}, in_flight);
  AskedLimits asked;
  Conditions conditions;
  conditions.endpoints.resize(policy.endpoints.size());
  HostName name;
  std::uint64_t sequence = 0;
  std::int64_t now = 1'000'000'000;
  const auto decide = [&](std::uint64_t host, std::uint64_t who) {
    Facts facts = request("GET", name.of(host), "/api/v1/items/42");
    facts.client = Address::v4(10, static_cast<std::uint8_t>(who >> 16), static_cast<std::uint8_t>(who >> 8),
                               static_cast<std::uint8_t>(who));
    Decision decision(policy, {.limits = table, .asked = asked, .balancer = balancer, .conditions = conditions, .in_flight = in_flight, .seed = kSeed},
                      {.worker = WorkerId{0}, .sequence = ++sequence});
    decision.on_head(facts);
    decision.on_stamp(facts, stamp_from_nanos(now += 100));
    benchmark::DoNotOptimize(decision.verdict());
  };
  for (std::uint64_t who = 0; who < clients; ++who) decide(who % hosts, who);   // everybody has been here before
  for (auto _ : state) {
    const std::uint64_t random = mix(sequence);
    decide(random % hosts, clients == 0 ? 0 : mix(random) % clients);
  }
}
BENCHMARK(whole)->ArgsProduct({{10, 10'000}, {0, 1'000, 1'000'000}})->ArgNames({"hosts", "clients"});

std::size_t heap() {
  const auto info = mallinfo2();
  return info.uordblks + info.hblkhd;
}

// The time to prepare a policy of as many hosts, routes and upstreams of two endpoints, and what all of that occupies,
// index included (names are the process's, not the policy's).
void prepare_hosts(benchmark::State& state) {
  const auto hosts = static_cast<std::size_t>(state.range(0));
  PolicyBuilder builder;
  add_hosts(builder, hosts, hosts);
  for (auto _ : state) builder.prepared();
  const std::size_t before = heap();
  const Policy copy = builder.policy;
  state.counters["bytes/host"] = static_cast<double>(heap() - before) / static_cast<double>(hosts);
  benchmark::DoNotOptimize(&copy);
}
BENCHMARK(prepare_hosts)->Arg(10'000)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace weir::decide
