// What a worker knows of the gateway's own load: it measures how long requests wait for it and how
// full its accept queues are, is told about memory and descriptors by control, and holds what
// decisions are told (decide/own_load.h).
//
// How long a request waits is measured by one more event that goes through the kernel's queue and
// the loop's as they do: raised every tick (50 ms), and again at once while the last one stood in a queue.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <utility>

#include "base/time.h"
#include "decide/known_callers.h"
#include "decide/own_load.h"
#include "io/loop.h"
#include "io/notice.h"
#include "io/wait.h"
#include "model/policy.h"

namespace weir::proxy {

// What all workers of the process share, as control finds it.
struct ProcessLoad {
  decide::ShedLevel memory = decide::ShedLevel::none, descriptors = decide::ShedLevel::none;
  // Accepting pauses where so many connections are open, of clients and of upstreams.
  std::size_t most_connections = std::numeric_limits<std::size_t>::max();
  friend bool operator==(const ProcessLoad&, const ProcessLoad&) = default;
};

// As of the worker's last tick; for other threads.
struct LoadGauges {
  std::atomic<std::int64_t> wait_ns{0};        // for a worker, the last that was measured
  std::atomic<double> accept_share{0};         // of the fullest queue
  std::atomic<decide::ShedLevel> loop{decide::ShedLevel::none}, accept_queue{decide::ShedLevel::none};
};

class LoadWatch final : private io::Notice {
 public:
  explicit LoadWatch(io::Loop& loop) : loop_(loop) {}
  ~LoadWatch() { loop_.forget(*this); }

  // Every 50 ms. `accept_share`: of the fullest accept queue.
  void tick(double accept_share);
  void use(const OverloadRules& rules);
  void use(const ProcessLoad& process);
  void use(std::shared_ptr<const decide::KnownCallers> known);

  const decide::OwnLoad& own() const { return own_; }
  // Whether what a request has waited is to be reckoned with.
  bool is_long(Nanos waited) const { return waited > long_; }
  // Connections cost what is short: they end with their next answer, and idle ones now.
  bool is_short_of_room() const { return short_of_room_; }
  // Control's word, and the count of this moment: a burst is over before control has looked.
  bool pauses_accepting() const {
    return process_.descriptors >= decide::ShedLevel::unknown_critical || loop_.all_connections() >= process_.most_connections;
  }
  const LoadGauges& gauges() const { return gauges_; }

 private:
  // The event, let through by the kernel, in the loop's queue.
  class Queued final : public io::Wait {
   public:
    explicit Queued(LoadWatch& watch) : watch_(watch) {}
    bool prepare() override {
      watch_.reached();
      return false;
    }

   private:
    void finish(int) override {}
    LoadWatch& watch_;
  };

  void noticed() override { loop_.make_beginning(queued_); }
  void reached();
  void raise();
  void waited(Nanos delay);
  void put_together();

  io::Loop& loop_;
  bool enabled_ = false;
  double from_ = 1;
  Nanos target_{0};
  Nanos long_ = Nanos::max();
  Queued queued_{*this};
  bool raised_ = false;
  Stamp raised_at_;
  decide::QueueLevel queue_;
  decide::ShareLevel accept_;
  double accept_before_ = 0;
  ProcessLoad process_;
  bool short_of_room_ = false;
  std::shared_ptr<const decide::KnownCallers> known_;
  decide::OwnLoad own_;
  LoadGauges gauges_;
};

}  // namespace weir::proxy
