#include "rollout/guards.h"

#include <algorithm>
#include <cmath>
#include <span>

namespace weir::rollout {
namespace {

constexpr std::uint32_t kNoSlice = ~0u;

double& of_arm(Arms& arms, Arm arm) { return arm == Arm::candidate ? arms.candidate : arms.control; }

std::span<const Signal> signals(Guard guard) {
  static constexpr std::array kBad = {Signal::bad, Signal::mostly_bad, Signal::touched_bad};
  static constexpr std::array kRefused = {Signal::refused};
  static constexpr std::array kSlow = {Signal::slow, Signal::mostly_slow};
  switch (guard) {
    case Guard::bad: return kBad;
    case Guard::refused: return kRefused;
    case Guard::slow: return kSlow;
    case Guard::volume: break;
  }
  return {};
}

}  // namespace

std::string_view to_string(Guard guard) {
  constexpr std::array<std::string_view, kGuards> kNames = {"bad", "refused", "slow", "volume"};
  return kNames[static_cast<std::size_t>(guard)];
}

std::string_view to_string(SliceName::Kind kind) {
  constexpr std::array<std::string_view, 5> kNames = {"whole", "route", "method", "identity", "group"};
  return kNames[static_cast<std::size_t>(kind)];
}

Guards::Guards() { slices_.push_back({}); }

std::uint32_t Guards::slice_of(SliceName name) {
  const std::uint64_t key = mix(name.value ^ mix(static_cast<std::uint64_t>(name.kind)));
  if (const auto found = places_.find(key); found != places_.end()) return found->second;
  if (slices_.size() > kSlices) return kNoSlice;
  slices_.push_back({.name = name});
  return places_.emplace(key, static_cast<std::uint32_t>(slices_.size() - 1)).first->second;
}

void Guards::add(const Event& event) {
  const bool refused = event.enforced().refuses || event.enforced().denies;
  const auto p99 = refused || event.bad ? std::nullopt : slow_.p99(event.route);
  const Marks marks{.bad = event.bad, .touched = event.touched, .known = event.known, .refused = refused,
                    .timed = p99.has_value(), .slow = p99 && event.latency > *p99};
  using Kind = SliceName::Kind;
  cells_.add(0, event.unit, event.arm, marks);
  const auto in = [&](Kind kind, std::uint64_t value) {
    const std::uint32_t slice = slice_of({kind, value});
    if (slice != kNoSlice) cells_.add(slice, event.unit, event.arm, marks);
  };
  if (event.route.valid()) in(Kind::route, event.route.value);
  if (event.method != 0) in(Kind::method, event.method);
  if (event.identity.valid()) in(Kind::identity, event.identity.value);
  if (event.group != 0) in(Kind::group, event.group);

  const bool success = !event.bad && !refused;
  if (success && event.arm == Arm::control) slow_.on_control(event.route, event.latency);
  presence_.on_exchange(event.unit, event.arm, event.at, success);
  const auto count = [&](Guard guard, bool counts, bool is) {
    GuardReading& reading = readings_[static_cast<std::size_t>(guard)];
    of_arm(reading.of, event.arm) += counts ? 1 : 0;
    of_arm(reading.count, event.arm) += counts && is ? 1 : 0;
  };
  count(Guard::bad, true, event.bad);
  count(Guard::refused, event.known, refused);
  count(Guard::slow, marks.timed, marks.slow);
}

void Guards::close(std::int32_t round, Stamp now, bool watched) {
  cells_.close(round, [this](const ClosedCell& cell) {
    Slice& slice = slices_[cell.slice];
    for (std::size_t i = 0; i < kSignals; ++i) {
      of_arm(slice.risk[i], cell.arm) += cell.at_risk[i] ? 1 : 0;
      of_arm(slice.bad[i], cell.arm) += cell.newly_bad[i] ? 1 : 0;
    }
  });
  for (Slice& slice : slices_) step(slice, watched);
  const Presence::Round volume = presence_.close(now);
  volume_.add(volume.at_risk, volume.gone_silent);
  GuardReading& shown = readings_[static_cast<std::size_t>(Guard::volume)];
  shown.of = volume.at_risk;
  shown.count += volume.gone_silent;
  slow_.close();
  settle();
}

void Guards::step(Slice& slice, bool watched) {
  constexpr auto kTouched = static_cast<std::size_t>(Signal::touched_bad);
  const bool whole = slice.name.kind == SliceName::Kind::whole;
  if (whole && slice.risk[0].candidate > 0 && slice.risk[0].control > 0) {
    at_risk_ += slice.risk[0];
    newly_bad_ += slice.bad[0];
  }
  if (!watched) {
    for (std::size_t i = 0; i < kSignals; ++i) slice.side[i].add(slice.risk[i], slice.bad[i]);
    slice.before.control += slice.risk[kTouched].control;
    slice.before_bad.control += slice.bad[kTouched].control;
  } else if (slice.before.control > 0) {
    const double usual = std::min(1.0, poisson_upper(slice.before_bad.control) / slice.before.control);
    slice.after.add(usual, slice.risk[kTouched].candidate, slice.bad[kTouched].candidate);
  }
  slice.risk = slice.bad = {};
}

double Guards::log_evidence(const Slice& slice, Guard guard) const {
  std::array<double, kSignals + 1> logs;
  std::size_t size = 0;
  for (const Signal signal : signals(guard)) logs[size++] = slice.side[static_cast<std::size_t>(signal)].log_value();
  if (guard == Guard::bad) logs[size++] = slice.after.log_value();
  return log_mean_exp(std::span(logs).first(size));
}

// The mean over slices, and the strongest of them.
void Guards::settle() {
  for (std::size_t i = 0; i < kGuards; ++i) {
    const auto guard = static_cast<Guard>(i);
    GuardReading& reading = readings_[i];
    if (guard == Guard::volume) {
      reading.log_evidence = reading.log_worst = volume_.log_value();
    } else {
      reading.worst = {};
      reading.log_worst = log_evidence(slices_[0], guard);
      double strongest = reading.log_worst;                          // weighed
      std::array<double, 2> parts = {reading.log_worst, 0};
      std::array<double, kSlices> logs{};                            // a slice that is not there has evidence 1
      for (std::size_t s = 1; s < slices_.size(); ++s) {
        const double log = logs[s - 1] = log_evidence(slices_[s], guard);
        if (log - std::log(static_cast<double>(kSlices)) <= strongest) continue;
        strongest = log - std::log(static_cast<double>(kSlices));
        reading.worst = slices_[s].name;
        reading.log_worst = log;
      }
      parts[1] = log_mean_exp(logs);
      reading.log_evidence = log_mean_exp(parts);
    }
    reading.log_highest = std::max(reading.log_highest, reading.log_evidence);
  }
}

void Guards::begin_stage() {
  for (GuardReading& reading : readings_) reading.count = reading.of = {};
  at_risk_ = newly_bad_ = {};
}

GuardReading Guards::reading(Guard guard) const { return readings_[static_cast<std::size_t>(guard)]; }

}  // namespace weir::rollout
