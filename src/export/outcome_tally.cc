#include "export/outcome_tally.h"

#include <algorithm>

namespace weir::exporting {

Outcomes* OutcomeTally::of(NameId upstream, NameId endpoint) {
  if (!all_.empty() && all_.back().upstream == upstream && all_.back().endpoint == endpoint) return &all_.back().outcomes;
  const std::uint64_t key = std::uint64_t{upstream.value} << 32 | endpoint.value;
  if (const auto known = places_.find(key); known != places_.end()) return &all_[known->second].outcomes;
  if (all_.size() == kMost) return nullptr;
  places_.emplace(key, static_cast<std::uint32_t>(all_.size()));
  return &all_.emplace_back(EndpointOutcomes{.upstream = upstream, .endpoint = endpoint, .outcomes = {}}).outcomes;
}

void OutcomeTally::add(const ExchangeRecord& record) {
  if (!told_) return;
  for (std::size_t i = 0; i < std::min<std::size_t>(record.attempts, record.tries.size()); ++i) {
    add(record.upstream, record.tries[i], result_of(record, i));
  }
  if (record.auth.call.endpoint.valid()) add(record.auth.upstream, record.auth.call, result_of_call(record.auth.call));
}

void OutcomeTally::add(NameId upstream, const AttemptRecord& made, AttemptResult result) {
  Outcomes* const outcomes = of(upstream, made.endpoint);
  if (outcomes == nullptr) return;
  ++outcomes->attempts;
  const bool connected = made.status != 0 || (made.cause != Cause::connect_failed && made.cause != Cause::dns_failed);
  if (!connected) ++outcomes->unreached;
  switch (result) {
    case AttemptResult::good: outcomes->add_ok(std::chrono::microseconds(made.micros)); break;
    case AttemptResult::failed: outcomes->add_failed(); break;
    case AttemptResult::silent: break;
  }
}

void OutcomeTally::flush() {
  if (all_.empty()) return;
  told_(all_);
  all_.clear();
  places_.clear();
}

}  // namespace weir::exporting
