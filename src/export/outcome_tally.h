// What a worker's exchanges say about the endpoints that they went to, added up between two ticks. Bound: kMost endpoints
// a tick; what came to others in that time is not counted, the next tick begins anew.
#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <utility>
#include <vector>

#include "base/hash.h"
#include "model/outcomes.h"
#include "model/records.h"

namespace weir::exporting {

class OutcomeTally {
 public:
  static constexpr std::size_t kMost = 4096;
  using Told = std::function<void(std::span<const EndpointOutcomes>)>;

  void tell(Told told) { told_ = std::move(told); }
  void add(const ExchangeRecord& record);
  void flush();

 private:
  struct Spread {
    using is_avalanching = void;
    std::size_t operator()(std::uint64_t key) const { return mix(key); }
  };
  void add(NameId upstream, const AttemptRecord& made, AttemptResult result);
  Outcomes* of(NameId upstream, NameId endpoint);

  Told told_;
  std::vector<EndpointOutcomes> all_;
  boost::unordered_flat_map<std::uint64_t, std::uint32_t, Spread> places_;   // in all_, by upstream and endpoint
};

}  // namespace weir::exporting
