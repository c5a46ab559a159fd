// Watcher: what a readiness token points to. Each has one timer of its own, because everything that
// waits for a descriptor also waits for a deadline.
#pragma once

#include <cstdint>

#include "io/timers.h"

namespace weir::io {

class Watcher : public Timer {
 public:
  // Called from the loop's dispatch with ReadyFlags (kernel.h). May close or destroy any stream,
  // itself too.
  virtual void ready(std::uint32_t flags) = 0;

 protected:
  Watcher() = default;
  ~Watcher() = default;
};

}  // namespace weir::io
