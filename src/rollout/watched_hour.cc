#include "rollout/watched_hour.h"

#include <algorithm>

namespace weir::rollout {
namespace {

std::int64_t second_of(Stamp at) { return at.time_since_epoch() / std::chrono::seconds(1); }

}  // namespace

std::string_view to_string(Series series) {
  constexpr std::array<std::string_view, kSeries> kNames = {"rate", "bad", "refused", "median", "p99"};
  return kNames[static_cast<std::size_t>(series)];
}

void WatchedHour::add(const Event& event, Stamp now) {
  advance(now);
  const bool refused = event.enforced().refuses || event.enforced().denies;
  ++now_.exchanges;
  now_.bad += event.bad ? 1 : 0;
  now_.refused += refused ? 1 : 0;
  if (!refused) now_.latency.add(event.latency);
  burn_.add(second_, 1, event.bad ? 1 : 0);
  touched_.add(second_, 1, event.bad && event.touched ? 1 : 0);
}

void WatchedHour::advance(Stamp now) {
  constexpr std::int64_t kForgotten = StepChange::kReference + StepChange::kRecent;   // seconds that change nothing any more
  const std::int64_t second = second_of(now);
  if (!begun_) second_ = second;
  begun_ = true;
  second_ = std::max(second_, second - kForgotten);
  while (second_ < second) end_second();
}

void WatchedHour::end_second() {
  const auto of = [this](std::uint64_t count) { return now_.exchanges == 0 ? 0 : static_cast<double>(count) / static_cast<double>(now_.exchanges); };
  const auto seconds = [](Nanos time) { return std::chrono::duration<double>(time).count(); };
  const std::array<double, kSeries> values = {static_cast<double>(now_.exchanges), of(now_.bad), of(now_.refused),
                                              seconds(now_.latency.median()), seconds(now_.latency.quantile(0.99))};
  ++second_;
  for (std::size_t i = 0; i < kSeries; ++i) {
    if (now_.exchanges == 0 && i != static_cast<std::size_t>(Series::rate)) continue;   // there is no share of nothing
    if (const auto step = series_[i].add(values[i]))
      reading_.steps[i] = {.up = step->up, .began = Stamp(std::chrono::seconds(second_ - static_cast<std::int64_t>(step->ago)))};
  }
  now_ = {};
}

void WatchedHour::begin_stage() {
  burn_ = touched_ = BurnRate(objective_);
  reading_.steps = {};
}

WatchReading WatchedHour::reading(Stamp now) {
  advance(now);
  reading_.burns = burn_.alarm(second_);
  touched_.alarm(second_);
  const std::uint64_t bad = burn_.bad(60);
  reading_.touched = bad == 0 ? 0 : static_cast<double>(touched_.bad(60)) / static_cast<double>(bad);
  return reading_;
}

}  // namespace weir::rollout
