// By whom the arms of a canary are drawn, and whether there is traffic enough to draw them at all.
//
//   unit    the caller, so that what is counted by caller stays whole; below 50 active ones the client address; below 50 of these
//           the request
//   thin    below 10 requests a second, or fewer than 3 units: no stage by percentage would see enough to be judged. Such a change
//           has its plan, its shadow and the watch, in which all are compared half against half where there are units enough, and says so
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "model/arms.h"

namespace weir::rollout {

using weir::Unit;

// Of the last ten minutes.
struct Traffic {
  double requests_per_s = 0;
  std::size_t callers = 0, clients = 0;
};

struct Staging {
  enum class Thin : std::uint8_t { no, few_requests, few_units };
  static constexpr double kRequestsPerS = 10;
  static constexpr std::size_t kUnits = 50, kFewest = 3;

  Unit unit = Unit::caller;
  Thin thin = Thin::no;
  bool by_percentage() const { return thin == Thin::no; }
  bool comparable() const { return thin != Thin::few_units; }   // half of them against the other half, drawn anew every minute
};

constexpr Staging staging_of(const Traffic& traffic) {
  Staging out;
  if (traffic.callers < Staging::kUnits) out.unit = traffic.clients < Staging::kUnits ? Unit::request : Unit::client;
  // A single caller at a single address may still be split by request; nobody at all may not.
  const double units = out.unit == Unit::request ? traffic.requests_per_s * 600
                                                 : static_cast<double>(out.unit == Unit::caller ? traffic.callers : traffic.clients);
  if (traffic.requests_per_s < Staging::kRequestsPerS) out.thin = Staging::Thin::few_requests;
  if (units < static_cast<double>(Staging::kFewest)) out.thin = Staging::Thin::few_units;
  return out;
}

}  // namespace weir::rollout
