#include "run.h"

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "base/hash.h"
#include "checks.h"
#include "clients.h"
#include "gateway.h"
#include "io/loop.h"
#include "io/sim/world.h"
#include "ledger.h"
#include "model/cause.h"
#include "scenario.h"
#include "upstreams.h"
#include "weather.h"

namespace weir::simulated {
namespace {

using std::chrono::seconds;

// Everything together must be over by then, or something hangs.
constexpr Nanos kWholeRun = seconds(300);
constexpr Nanos kDrain = seconds(60);

void count(const Ledger& ledger, RunResult& result) {
  result.exchanges = ledger.records.size();
  for (const RecordSeen& seen : ledger.records) {
    result.second += seen.record.second.revision != 0;
    ++result.causes[std::string(info(seen.record.cause).name)];
    if (seen.record.late.result != LateResult::not_asked) ++result.causes[fmt::format("late {}", to_string(seen.record.late.result))];
  }
  for (const Ask& ask : ledger.asks) {
    result.answered += ask.saw == Ask::Saw::whole;
    result.cut += ask.saw == Ask::Saw::cut;
    result.unanswered += ask.saw == Ask::Saw::nothing;
    result.refused += ask.saw == Ask::Saw::whole && ask.answer.get("x-token").empty();
  }
}

void take(Gateway& gateway, const Scenario& scenario, const Scenario::Stage& stage, Second second) {
  using Kind = Scenario::Stage::Kind;
  const bool staged = second == Second::staged;
  const bool done = second != Second::none && (stage.kind == Kind::beside    ? gateway.decide_beside(scenario.candidate)
                                               : stage.kind == Kind::alone   ? gateway.decide_alone()
                                               : staged && stage.kind == Kind::draw ? gateway.draw({.unit = stage.unit, .share = stage.share})
                                               : staged                      ? gateway.change_places()
                                                                             : false);
  if (!done && !staged) gateway.publish_again();   // as many snapshots, whatever is done with them
}

}  // namespace

RunResult simulate(const RunOptions& options) {
  const Weather weather = Weather::of(options.seed);
  RunResult result{.weather = weather.text()};
  io::sim::SimWorld world(options.seed, weather.network);
  Ledger ledger;
  if (options.trace) {
    world.on_trace(options.trace);
    ledger.listener = [&](std::string_view text) {
      options.trace(fmt::format("{:.6f} -- {}", static_cast<double>(world.now().time_since_epoch().count()) / 1e9, text));
    };
  }
  const Scenario scenario = draw_scenario(options.seed, weather, ledger);
  {
    io::Loop client_loop(world.kernel("clients")), upstream_loop(world.kernel("upstreams"));
    Gateway gateway(world, ledger, {.workers = weather.workers, .seed = {.k0 = mix(options.seed), .k1 = 7}});
    Upstreams upstreams(upstream_loop, ledger, weather.upstream_trouble, mix(options.seed ^ 0x7570));
    Clients clients(client_loop, ledger, mix(options.seed ^ 0x636c));
    for (const SocketAddress& address : upstream_addresses()) upstreams.listen(address);
    gateway.publish(scenario.policies.front());

    std::vector<io::Loop*> loops = gateway.loops();
    loops.push_back(&client_loop);
    loops.push_back(&upstream_loop);
    world.run(loops, world.now() + std::chrono::milliseconds(50));   // everybody listens
    bool ends = false;   // who ends takes no change any more
    for (std::size_t i = 0; i < scenario.swaps.size(); ++i) {
      world.after(scenario.swaps[i], [&, i] {
        if (ends || (scenario.drain > Nanos(0) && scenario.swaps[i] >= scenario.drain)) return;
        gateway.publish(scenario.policies[i + 1]);
      });
    }
    for (const Scenario::Stage& stage : scenario.stages) {
      world.after(stage.at, [&, stage] {
        if (!ends && (scenario.drain == Nanos(0) || stage.at < scenario.drain)) take(gateway, scenario, stage, options.second);
      });
    }
    for (const Scenario::Shortage& shortage : scenario.shortages) world.after(shortage.at, [&] { gateway.use(shortage.load); });
    clients.start(scenario.connections);
    const Stamp until = world.now() + kWholeRun;
    if (scenario.drain > Nanos(0)) {
      world.run(loops, world.now() + scenario.drain, [&] { return clients.done(); });
    } else if (!world.run(loops, until, [&] { return clients.done(); })) {
      ledger.find("the clients are not done after {} s", kWholeRun / seconds(1));
    }
    ends = true;
    if (!weather.cut_short) {
      gateway.drain();
      if (!world.run(loops, world.now() + kDrain, [&] { return gateway.quiet(); })) {
        ledger.find("the drain did not end within {} s", kDrain / seconds(1));
      } else {
        world.run(loops, world.now() + std::chrono::milliseconds(10));   // let the last frames go
        world.run(loops, world.now() + kDrain, [&] { return clients.done(); });
        gateway.look_for_leftovers();
      }
    }
    gateway.cut();
    if (!world.run(loops, world.now() + seconds(10), [&] { return gateway.over(); })) ledger.find("something still runs after the cut");
    upstreams.stop();
    clients.scope().cancel();
    if (!world.run(loops, world.now() + seconds(10), [&] { return clients.done() && upstreams.scope().running() == 0; })) {
      ledger.find("clients or upstreams do not end: an error of the simulation");
    }
    const std::vector<std::shared_ptr<const Policy>> policies = gateway.policies();
    const std::vector<std::size_t> tables = gateway.tables();
    gateway.tear_down();
    check_records(ledger);
    check_answers(ledger, weather);
    check_repeats(ledger);
    check_limits(ledger, policies, tables, gateway.names(), weather.workers);
  }
  for (const char* process : {"clients", "upstreams"}) {
    if (const auto open = world.kernel(process).open_handles(); open != 0) ledger.find("{} leave {} descriptors: an error of the simulation", process, open);
  }
  result.seconds = static_cast<double>((world.now().time_since_epoch() - seconds(1)).count()) / 1e9;
  result.hash = world.trace_hash();
  count(ledger, result);
  result.findings = std::move(ledger.findings);
  return result;
}

}  // namespace weir::simulated
