// The part of the gateway's own protection that belongs to the whole process: measures memory and
// descriptors, judges them (decide/own_load.h) and tells the workers, who measure the rest
// (proxy/load_watch.h); reads what they found for whoever asks, and has a line said when something
// becomes short and when it is no longer. Belongs to the control loop.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "control/worker_thread.h"
#include "decide/own_load.h"
#include "io/loop.h"
#include "io/task.h"
#include "model/policy.h"
#include "proxy/load_watch.h"

namespace weir::control {

// One resource as it stands. Of memory, descriptors and an accept queue `used` of `most` bytes,
// descriptors or connections; the loop has the wait in nanoseconds, and no most. Of several workers
// the worst.
struct ResourceState {
  decide::ShedLevel level = decide::ShedLevel::none;
  double share = 0;                  // used of most
  std::uint64_t used = 0, most = 0;
};
using ResourceStates = std::array<ResourceState, kOwnResources>;   // by OwnResource

class OwnProtection {
 public:
  static constexpr Nanos kEvery = std::chrono::milliseconds(50);
  static constexpr Nanos kOver = std::chrono::seconds(1);     // none for so long: it is over
  static constexpr Nanos kTrim = std::chrono::seconds(10);    // between two times that unused memory is given back

  struct To {
    std::function<void(const proxy::ProcessLoad&)> publish;   // to every worker
    std::function<void(std::string)> say;
    std::function<void()> trim;                               // gives unused memory back to the system
  };
  OwnProtection(io::Loop& loop, const std::vector<std::unique_ptr<WorkerThread>>& workers, To to);

  // Measures too; the first time before any connection is accepted, by when workers have to know where room ends.
  void use(const OverloadRules& rules);
  io::Task<> keep();                 // until its scope is cancelled
  ResourceStates states() const;

 private:
  void measure();
  void tell();

  io::Loop& loop_;
  const std::vector<std::unique_ptr<WorkerThread>>& workers_;
  To to_;
  OverloadRules rules_;
  std::uint64_t memory_ = 0, most_memory_ = 0;
  std::uint64_t descriptors_ = 0, most_descriptors_ = 0, other_descriptors_ = 0;
  decide::ShareLevel memory_level_, descriptor_level_;
  proxy::ProcessLoad published_;
  struct Told {
    bool short_of = false;
    Stamp last;                      // that it was
  };
  std::array<Told, kOwnResources> told_;
  Stamp trimmed_ = Stamp::min();
};

// What a decision outside of the workers is told: of all resources and workers the worst, of several the first.
decide::OwnLoad own_load(const ResourceStates& states, const decide::KnownCallers* known);

// "short of memory: 1.9 GiB of 2.0 GiB; refusing sheddable requests"
std::string overload_line(OwnResource resource, const ResourceState& state);

// Memory that this process may have, 0 where nothing says: of its control group and those above it
// (v2, else v1) the least, else MemTotal. `root`: of the file system, for tests.
std::uint64_t memory_allowed(const std::string& root = "");

}  // namespace weir::control
