// The parts of advise(): each looks at one topic and adds what it finds.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>
#include <string_view>

#include "replay/advice.h"
#include "replay/advice_thresholds.h"
#include "replay/plan_report.h"
#include "replay/review.h"

namespace weir::replay {

void advise_limits(const AdviceInput& in,
                   Advice& out);  // refuses_known, little and absurd headroom
void advise_unused(const AdviceInput& in, Advice& out);    // never_hit
void advise_timeouts(const AdviceInput& in, Advice& out);  // timeout_short, timeout_long, auth_timeout
void advise_own_timeouts(const AdviceInput& in, Advice& out);  // upstream_timeout
void advise_load(const AdviceInput& in, Advice& out);      // weights, capacity
void advise_keys(const AdviceInput& in, Advice& out);      // busy_key, expired

// How long the input is.
inline Nanos span_of(const AdviceInput& in) {
  return in.counts.from ? *in.counts.to - *in.counts.from : Nanos(0);
}
// The log of a whole day ends some moments before the day does.
inline bool lasts(const AdviceInput& in, Nanos wanted) {
  return span_of(in) + threshold::kNearlyWhole >= wanted;
}
inline std::string name_of(const AdviceInput& in, NameId id) {
  return std::string(in.names.text(id));
}

// The next number up that a person would write: 1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8 times a power of
// ten; nothing between whole numbers below ten.
std::uint64_t written_up(double number);
// Durations that people write: two digits, of milliseconds below ten seconds.
inline Nanos time_up(double nanos) {
  return std::chrono::milliseconds(static_cast<std::int64_t>(written_up(std::max(std::ceil(nanos / 1e6), 1.0))));
}

inline Measure counted_as(std::string_view name, std::uint64_t count) {
  return {.name = name, .value = static_cast<double>(count)};
}
inline Measure milliseconds_as(std::string_view name, Nanos time) {
  return {.name = name,
          .value = static_cast<double>(time.count()) / 1e6,
          .unit = Measure::Unit::milliseconds};
}
inline Measure measured(std::string_view name, double value, Measure::Unit unit) {
  return {.name = name, .value = value, .unit = unit};
}

}  // namespace weir::replay
