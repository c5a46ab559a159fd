#include "weather.h"

#include <array>

#include "base/hash.h"
#include "fmt/core.h"

namespace weir::simulated {

Weather Weather::of(std::uint64_t seed) {
  io::sim::Chance chance(mix(seed ^ 0x77656174686572ULL));
  Weather weather;
  weather.workers = chance.between(1, 3);
  weather.connections = chance.between(8, 40);
  const std::uint64_t kind = chance.below(8);   // 0 fair, 1 to 3 one thing alone, else anything together
  weather.network_splits = chance.per_mille(500);
  weather.network_cuts = kind == 1 || (kind > 3 && chance.per_mille(400));
  if (kind == 2 || (kind > 3 && chance.per_mille(700))) weather.upstream_trouble = static_cast<unsigned>(chance.between(50, 700));
  if (kind == 3 || (kind > 3 && chance.per_mille(700))) weather.client_trouble = static_cast<unsigned>(chance.between(50, 700));
  weather.swaps = kind > 3 && chance.per_mille(500);
  weather.drain_early = kind > 3 && chance.per_mille(250);
  weather.cut_short = kind > 3 && chance.per_mille(100);
  weather.tight_limits = chance.per_mille(500);

  io::sim::SimOptions& network = weather.network;
  constexpr std::array<std::size_t, 4> kBuffers = {2 * 1024, 8 * 1024, 64 * 1024, 64 * 1024};
  network.buffer = kBuffers[chance.below(kBuffers.size())];
  network.delay_most = std::chrono::microseconds(chance.between(50, 5000));
  network.reset_erases = chance.per_mille(500) ? 1000 : 0;
  if (weather.network_splits) {
    network.split = static_cast<unsigned>(chance.between(10, 600));
    network.short_send = static_cast<unsigned>(chance.between(10, 300));
    network.spurious = static_cast<unsigned>(chance.below(100));
    network.late_wake = static_cast<unsigned>(chance.below(500));
  }
  if (weather.network_cuts) {
    network.reset = static_cast<unsigned>(chance.below(20));
    network.end_early = static_cast<unsigned>(chance.below(20));
    network.refuse = static_cast<unsigned>(chance.below(60));
    network.lose = static_cast<unsigned>(chance.below(20));
    network.exhaust = static_cast<unsigned>(chance.below(50));
  }
  weather.shortage = chance.per_mille(250);
  return weather;
}

std::string Weather::text() const {
  return fmt::format("{} workers, {} connections, buffers of {} bytes{}{}, upstream trouble {}/1000, client trouble {}/1000{}{}{}{}{}",
                     workers, connections, network.buffer, network_splits ? ", splits" : "", network_cuts ? ", cuts" : "",
                     upstream_trouble, client_trouble, swaps ? ", policies change" : "", drain_early ? ", drained early" : "",
                     cut_short ? ", cut short" : "", tight_limits ? ", tight limits" : "", shortage ? ", shortage" : "");
}

}  // namespace weir::simulated
