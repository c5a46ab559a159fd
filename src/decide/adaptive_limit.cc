#include "decide/adaptive_limit.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace weir::decide {
namespace {

constexpr double kSmoothing = 0.2, kFailing = 0.1, kBackOff = 0.9;

double ratio(Nanos a, Nanos b) { return static_cast<double>(a.count()) / static_cast<double>(b.count()); }

}  // namespace

void AdaptiveConcurrency::on_outcomes(const Outcomes& outcomes) {
  ok_ += outcomes.ok;
  failed_ += outcomes.failed;
  latency_.merge(outcomes.latency);
}

bool AdaptiveConcurrency::tick(const AdaptiveLimit& rules, std::uint64_t in_flight, Stamp now) {
  limit_ = std::clamp<double>(limit_, rules.min, rules.max);
  peak_ = std::max(peak_, in_flight);
  if (began_ == Stamp::min()) began_ = now;
  if (now - began_ < kStep || ok_ + failed_ < kSamples) return false;
  const std::uint32_t before = limit();
  if (ok_ > 0) learn_floor(now);
  const bool failing = static_cast<double>(failed_) > kFailing * static_cast<double>(ok_ + failed_);
  const double gradient = failing ? 0 : std::clamp(rules.tolerance * ratio(floor_, latency_.median()), 0.5, 1.0);
  short_ = full() && gradient < 1;
  well_ = full() && gradient == 1 ? well_ + 1 : 0;
  if (gradient < 1 && before_doubling_ > 0) take_back();
  else if (gradient < 1) give_way(failing, gradient);
  else grow();
  limit_ = std::clamp<double>(limit_, rules.min, rules.max);
  ok_ = failed_ = peak_ = 0;
  latency_ = {};
  began_ = now;
  return limit() != before;
}

void AdaptiveConcurrency::grow() {
  before_doubling_ = 0;
  if (well_ >= kWell && limit_ < back_to_) {
    before_doubling_ = limit_;
    limit_ = std::min(2 * limit_, back_to_);
  } else if (used()) {
    limit_ += kSmoothing * std::sqrt(limit_);
  }
}

void AdaptiveConcurrency::give_way(bool failing, double gradient) {
  if (std::isinf(back_to_)) back_to_ = 0;   // the start is over
  back_to_ = std::max(back_to_, limit_ / 2);
  const double wanted = limit_ * gradient + std::sqrt(limit_);
  if (failing) limit_ *= kBackOff;
  else if (wanted < limit_ || used()) limit_ += kSmoothing * (wanted - limit_);
}

// What it was before was well, and there is nothing above it to come back to.
void AdaptiveConcurrency::take_back() {
  limit_ = std::exchange(before_doubling_, 0);
  back_to_ = 0;
}

// The median of few answers is far off now and then, and the lowest of many such would be far below what is ever seen again.
void AdaptiveConcurrency::learn_floor(Stamp now) {
  window_.merge(latency_);
  window_peak_ = std::max(window_peak_, peak_);
  const bool whole = window_.total() >= kFloorSamples;
  const Nanos median = window_.median();
  const bool unloaded = static_cast<double>(window_peak_) < limit_ / 2;
  if (guessed_ || (whole && (median <= floor_ || (unloaded && now - floor_seen_ >= kForget)))) {
    floor_ = median;
    fastest_ = window_.quantile(0.05) * 7 / 8;   // a quantile may be read an eighth too high
    floor_seen_ = now;
    guessed_ = !whole;
  } else {
    const double passed = std::chrono::duration<double>(now - began_).count();
    floor_ += Nanos(static_cast<std::int64_t>(static_cast<double>(floor_.count()) * kDrift * passed));
  }
  if (!whole) return;
  window_ = {};
  window_peak_ = 0;
}

}  // namespace weir::decide
