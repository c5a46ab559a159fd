#include "load/tally.h"

namespace weir::load {

void Tally::merge(const Tally& other) {
  latency.merge(other.latency);
  service.merge(other.service);
  for (std::size_t i = 0; i < endings.size(); ++i) endings[i] += other.endings[i];
  for (std::size_t i = 0; i < statuses.size(); ++i) statuses[i] += other.statuses[i];
  calls += other.calls;
  errors += other.errors;
  bytes += other.bytes;
}

}  // namespace weir::load
