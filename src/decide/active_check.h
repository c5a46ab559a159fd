// One endpoint under active checks: good until `fall` bad results in a row, then bad until `rise` good ones.
#pragma once

#include <cstdint>

#include "model/policy.h"

namespace weir::decide {

struct Probe {
  bool good = false;
  bool reached = false;   // a connection stood: somebody is there, whatever was answered
};

class ActiveCheck {
 public:
  // True: the opinion has changed.
  bool on_probe(const HealthCheck& rules, Probe probe) {
    reached_ = probe.reached;
    if (probe.good != down_) {
      against_ = 0;
      return false;
    }
    if (++against_ < (down_ ? rules.rise : rules.fall)) return false;
    down_ = !down_;
    against_ = 0;
    return true;
  }
  bool down() const { return down_; }
  bool reached() const { return reached_; }   // by the last probe

 private:
  bool down_ = false, reached_ = true;
  std::uint32_t against_ = 0;   // results in a row that speak against the opinion
};

}  // namespace weir::decide
