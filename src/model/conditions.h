// Conditions: the state of the world as decide may see it, computed on the control thread, published immutable and
// numbered. For now: which socket addresses stand behind each endpoint. Health, breakers and ejections join here.
#pragma once

#include <cstdint>
#include <vector>

#include "base/address.h"

namespace weir {

struct EndpointConditions {
  bool usable = true;
  std::vector<SocketAddress> addresses;   // resolved; at most 16, first is preferred
};

struct Conditions {
  std::uint64_t number = 0;
  std::vector<EndpointConditions> endpoints;   // parallel to Policy::endpoints
};

}  // namespace weir
