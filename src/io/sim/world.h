// SimWorld: a clock, a network and chance, all driven by one seed; the same seed and the same
// program give the same run, event by event (trace_hash() proves it). Each simulated process gets a
// SimKernel; the loops above are the real ones. Time stands still while code runs and jumps to the
// next event when every process sleeps; each look at the kernel costs SimOptions::turn_cost.
//   SimWorld world(seed);
//   SimKernel& a = world.kernel("client");
//   Loop loop(a);
//   world.run({&loop}, until);            // several loops, stepped in an order drawn from the seed
// A single loop may also simply be run (block_on): its kernel then moves the time itself.
// Not for threads: everything belongs to the one that made the world.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/address.h"
#include "base/time.h"
#include "io/loop.h"
#include "io/sim/chance.h"
#include "io/sim/connection.h"
#include "io/sim/kernel.h"
#include "io/sim/options.h"

namespace weir::io::sim {

class SimWorld {
 public:
  explicit SimWorld(std::uint64_t seed, SimOptions options = {});
  ~SimWorld();
  SimWorld(const SimWorld&) = delete;
  SimWorld& operator=(const SimWorld&) = delete;

  // The kernel of the process of that name, made when first asked for. Lives as long as the world.
  SimKernel& kernel(const std::string& name);
  // The process crashes: its peers are reset, its listeners gone, and nothing it does from now on
  // has an effect. Its Loop is turned no more and may be destroyed at any time.
  void kill(SimKernel& kernel);

  // Turns the loops until `done` says so (true) or `until` is reached or nothing can ever happen
  // again (false).
  bool run(std::span<Loop* const> loops, Stamp until, const std::function<bool()>& done = {});
  bool run(std::initializer_list<Loop*> loops, Stamp until,
           const std::function<bool()>& done = {}) {
    return run(std::span<Loop* const>(loops.begin(), loops.size()), until, done);
  }

  Stamp now() const { return now_; }
  WallTime wall() const {
    return wall_from_nanos((now_.time_since_epoch() + wall_offset_).count());
  }
  void step_wall(Nanos by) { wall_offset_ += by; }

  SimOptions& options() { return options_; }  // may be changed at any time
  void on_connect(ConnectHook hook) { connect_hook_ = std::move(hook); }
  // One line per event, for a person: `time process what`. Costs only while set.
  void on_trace(std::function<void(std::string_view)> sink) { trace_sink_ = std::move(sink); }
  std::uint64_t trace_hash() const { return trace_hash_; }
  std::uint64_t seed() const { return seed_; }
  // Something happens later: for scripted tests ("at 3 s the upstream hangs").
  void at(Stamp when, std::function<void()> what);
  void after(Nanos delay, std::function<void()> what) { at(now_ + delay, std::move(what)); }
  Chance& chance() { return chance_; }

 private:
  friend class SimKernel;
  friend class Connection;

  void trace(std::string_view process, std::string_view what, std::int64_t a, std::int64_t b = 0);
  void spend(Nanos time) { now_ += time; }
  void run_due();
  // To the next event, at most to `limit`. False when there is none up to then; time is at `limit`
  // then.
  bool step(Stamp limit);
  Nanos draw_delay() {
    return Nanos(static_cast<std::int64_t>(
        chance_.between(static_cast<std::uint64_t>(options_.delay_least.count()),
                        static_cast<std::uint64_t>(options_.delay_most.count()))));
  }

  const std::uint64_t seed_;
  SimOptions options_;
  Chance chance_;
  Stamp now_ = stamp_from_nanos(1'000'000'000);
  Nanos wall_offset_ = std::chrono::seconds(1'800'000'000);
  std::multimap<Stamp, std::function<void()>> events_;  // equal times in the order they were added
  std::map<std::string, std::unique_ptr<SimKernel>> kernels_;
  std::multimap<SocketAddress, std::weak_ptr<Listening>> listening_;
  int next_handle_ = 3;
  std::uint16_t next_port_ = 40000;
  std::uint64_t connects_ = 0;
  bool driving_ = false;
  ConnectHook connect_hook_;
  std::function<void(std::string_view)> trace_sink_;
  std::uint64_t trace_hash_ = 0;
};

}  // namespace weir::io::sim
