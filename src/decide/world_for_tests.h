// A policy under construction and all else that a decision is made in: limits, balancer, conditions, the time.
#pragma once

#include <cstdint>

#include "base/hash.h"
#include "base/time.h"
#include "decide/decide.h"
#include "decide/limits/table.h"
#include "decide/policy_for_tests.h"

namespace weir::decide {

constexpr HashKey kSeed{9, 10};

struct PolicyInWorld : PolicyBuilder {
  limits::Table table{1 << 12};
  limits::InFlight in_flight{256};
  AskedLimits asked;
  Balancer balancer{WorkerId{0}, in_flight};
  Conditions conditions;
  Stamp now = stamp_from_nanos(1'000'000'000);
  std::uint64_t sequence = 0;

  State state() {
    return {.limits = table, .asked = asked, .balancer = balancer, .conditions = conditions, .in_flight = in_flight, .seed = kSeed};
  }
  ExchangeId next_exchange() { return {.worker = WorkerId{0}, .sequence = sequence++}; }
};

}  // namespace weir::decide
