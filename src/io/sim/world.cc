#include "io/sim/world.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/hash.h"
#include "fmt/core.h"

namespace weir::io::sim {

SimWorld::SimWorld(std::uint64_t seed, SimOptions options)
    : seed_(seed), options_(options), chance_(mix(seed)) {
  WEIR_CHECK(options.turn_cost > Nanos(0) && options.delay_least <= options.delay_most &&
             options.buffer > 0);
}

SimWorld::~SimWorld() {
  events_.clear();
  kernels_.clear();
}

SimKernel& SimWorld::kernel(const std::string& name) {
  auto& kernel = kernels_[name];
  if (kernel == nullptr) {
    const std::uint64_t own = keyed_hash(HashKey{.k0 = seed_, .k1 = 0}, name);
    kernel = std::make_unique<SimKernel>(*this, name, own);
  }
  return *kernel;
}

void SimWorld::kill(SimKernel& kernel) {
  trace(kernel.name(), "is killed", 0);
  while (!kernel.sockets_.empty()) kernel.drop(kernel.sockets_.begin()->first, true);
  kernel.dead_ = true;
}

void SimWorld::at(Stamp when, std::function<void()> what) {
  events_.emplace(std::max(when, now_), std::move(what));
}

bool SimWorld::step(Stamp limit) {
  if (events_.empty() || events_.begin()->first > limit) {
    if (limit != Stamp::max()) now_ = std::max(now_, limit);
    return false;
  }
  const auto first = events_.begin();
  now_ = std::max(now_, first->first);
  const auto what = std::move(first->second);
  events_.erase(first);
  what();
  return true;
}

void SimWorld::run_due() {
  while (!events_.empty() && events_.begin()->first <= now_) step(now_);
}

bool SimWorld::run(std::span<Loop* const> loops, Stamp until, const std::function<bool()>& done) {
  std::vector<std::pair<Loop*, SimKernel*>> processes;
  for (Loop* loop : loops) {
    auto* kernel = dynamic_cast<SimKernel*>(&loop->kernel());
    WEIR_CHECK(kernel != nullptr && &kernel->world_ == this);
    kernel->sleeps_until_ = now_;  // whatever was spawned since the last run
    processes.emplace_back(loop, kernel);
  }
  const bool was_driving = std::exchange(driving_, true);
  bool finished = false;
  while (now_ < until) {
    run_due();
    if (done && (finished = done())) break;
    bool any = false;
    const std::size_t offset = chance_.below(processes.size());
    for (std::size_t i = 0; i < processes.size(); ++i) {
      const auto [loop, kernel] = processes[(i + offset) % processes.size()];
      if (kernel->dead_ || (kernel->sleeps_until_ > now_ && !kernel->anything_ready())) continue;
      any = true;
      if (loop->turn(Nanos::max())) kernel->sleeps_until_ = now_;
    }
    if (any) continue;
    Stamp next = events_.empty() ? Stamp::max() : events_.begin()->first;
    for (const auto& [loop, kernel] : processes) {
      if (!kernel->dead_) next = std::min(next, kernel->sleeps_until_);
    }
    if (next == Stamp::max()) break;  // nobody waits for anything that could come
    now_ = std::max(now_, std::min(next, until));
  }
  driving_ = was_driving;
  return finished;
}

void SimWorld::trace(std::string_view process, std::string_view what, std::int64_t a,
                     std::int64_t b) {
  const std::uint64_t words[] = {trace_hash_,
                                 static_cast<std::uint64_t>(now_.time_since_epoch().count()),
                                 static_cast<std::uint64_t>(a), static_cast<std::uint64_t>(b)};
  const HashKey key{.k0 = keyed_hash(HashKey{}, process), .k1 = keyed_hash(HashKey{}, what)};
  trace_hash_ = keyed_hash(key, words);
  if (trace_sink_) {
    trace_sink_(fmt::format("{:.6f} {} {} {} {}",
                            static_cast<double>(now_.time_since_epoch().count()) / 1e9, process,
                            what, a, b));
  }
}

}  // namespace weir::io::sim
