#include "decide/hash_slots.h"

#include <cmath>

#include "base/hash.h"

namespace weir::decide {

double arrival(std::uint64_t identity, std::uint32_t weight, std::size_t slot) {
  // In (0, 1), never its ends; -ln of it is exponential.
  const double drawn = (static_cast<double>(mix(identity ^ mix(slot)) >> 11) + 0.5) * 0x1p-53;
  return -std::log(drawn) / weight;
}

std::vector<std::uint16_t> slot_owners(std::span<const Endpoint> endpoints, std::span<const std::uint16_t> members) {
  std::vector<std::uint16_t> owners(kHashSlots);
  for (std::size_t slot = 0; slot < kHashSlots; ++slot) {
    double first = 0;
    for (const std::uint16_t offset : members) {
      const double time = arrival(endpoints[offset].identity, endpoints[offset].weight, slot);
      if (offset != members.front() && time >= first) continue;
      first = time;
      owners[slot] = offset;
    }
  }
  return owners;
}

}  // namespace weir::decide
