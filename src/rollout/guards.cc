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

void Guards::close(std::int32_t round, Stamp now, Phase phase) {
  cells_.close(round, [this](const ClosedCell& cell) {
    Slice& slice = slices_[cell.slice];
    for (std::size_t i = 0; i < kSignals; ++i) {
      of_arm(slice.risk[i], cell.arm) += cell.at_risk[i] ? 1 : 0;
      of_arm(slice.bad[i], cell.arm) += cell.newly_bad[i] ? 1 : 0;
    }
    of_arm(slice.touched_risk, cell.arm) += cell.touched_at_risk ? 1 : 0;
    of_arm(slice.touched_bad, cell.arm) += cell.touched_newly_bad ? 1 : 0;
  });
  for (Slice& slice : slices_) step(slice, phase);
  const Presence::Round volume = presence_.close(now);
  if (phase == Phase::arms) volume_.add(volume.at_risk, volume.gone_silent);
  GuardReading& shown = readings_[static_cast<std::size_t>(Guard::volume)];
  shown.of = volume.at_risk;
  shown.count += volume.gone_silent;
  slow_.close();
  settle();
}

double Guards::usual(const Slice& slice) const {
  return std::min(1.0, poisson_upper(slice.since_bad.control) / slice.since_risk.control);
}

void Guards::step(Slice& slice, Phase phase) {
  const bool whole = slice.name.kind == SliceName::Kind::whole;
  if (whole && slice.risk[0].candidate > 0 && slice.risk[0].control > 0) {
    at_risk_ += slice.risk[0];
    newly_bad_ += slice.bad[0];
  }
  const Arms& risk = slice.touched_risk;
  const Arms& bad = slice.touched_bad;
  if (phase != Phase::watch)
    for (std::size_t i = 0; i < kSignals; ++i) slice.side[i].add(slice.risk[i], slice.bad[i]);
  if (phase == Phase::arms) {
    slice.since_risk.control += risk.control;
    slice.since_bad.control += bad.control;
  } else if (slice.since_risk.control > 0 && phase == Phase::watch) {
    slice.since_risk.candidate += risk.candidate;
    slice.since_bad.candidate += bad.candidate;
    slice.since.add(usual(slice), risk.candidate, bad.candidate);
  } else if (slice.since_risk.control > 0 && whole) {
    beside_.add(usual(slice), risk.sum(), bad.sum());
  }
  slice.risk = slice.bad = {};
  slice.touched_risk = slice.touched_bad = {};
}

void Guards::settle() {
  for (const Guard guard : {Guard::bad, Guard::refused, Guard::slow}) {
    mean_over_slices(readings_[static_cast<std::size_t>(guard)], [guard](const Slice& slice) {
      std::array<double, kSignals> logs{};
      std::size_t size = 0;
      for (const Signal signal : signals(guard)) logs[size++] = slice.side[static_cast<std::size_t>(signal)].log_value();
      return log_mean_exp(std::span(logs).first(size));
    });
  }
  GuardReading& volume = readings_[static_cast<std::size_t>(Guard::volume)];
  volume.log_evidence = volume.log_worst = volume_.log_value();
  volume.log_highest = std::max(volume.log_highest, volume.log_evidence);
  mean_over_slices(since_, [](const Slice& slice) { return slice.since.log_value(); });
  since_.of = slices_[0].since_risk;
  since_.count = slices_[0].since_bad;
}

void Guards::mean_over_slices(GuardReading& reading, const std::function<double(const Slice&)>& log_evidence) const {
  reading.worst = {};
  reading.log_worst = log_evidence(slices_[0]);
  double strongest = reading.log_worst;   // weighed
  std::array<double, kSlices> logs{};     // a slice that is not there has evidence 1
  for (std::size_t i = 1; i < slices_.size(); ++i) {
    const double log = logs[i - 1] = log_evidence(slices_[i]), weighed = log - std::log(static_cast<double>(kSlices));
    if (weighed <= strongest) continue;
    strongest = weighed;
    reading.worst = slices_[i].name;
    reading.log_worst = log;
  }
  reading.log_evidence = log_mean_exp(std::array{log_evidence(slices_[0]), log_mean_exp(logs)});
  reading.log_highest = std::max(reading.log_highest, reading.log_evidence);
}

void Guards::begin_stage() {
  for (GuardReading& reading : readings_) reading.count = reading.of = {};
  at_risk_ = newly_bad_ = {};
  presence_.arms_are_drawn();
}

void Guards::begin_comparison(std::int32_t round) {
  if (!compared_) {
    for (Slice& slice : slices_) slice.side = {};
  }
  compared_ = true;
  beside_ = {};
  settle();
  redraw(round);
}

void Guards::redraw(std::int32_t round) {
  cells_.redraw(round);
  presence_.arms_are_drawn();
}

void Guards::begin_watch() {
  for (Slice& slice : slices_) {
    slice.since = {};
    slice.since_risk.candidate = slice.since_bad.candidate = 0;
  }
  settle();
}

}  // namespace weir::rollout
