#include "decide/adaptive_limit.h"

#include <algorithm>
#include <cmath>

namespace weir::decide {
namespace {

constexpr double kSmoothing = 0.2, kFailing = 0.1, kBackOff = 0.9;
constexpr double kNearlyAll = 0.8;   // workers are told of a limit when it has changed by enough, and may stay below it

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
  const bool used = static_cast<double>(peak_) >= limit_ / 2;
  const bool full = static_cast<double>(peak_) >= kNearlyAll * limit_;
  const Nanos median = latency_.median();
  if (ok_ > 0) learn_floor(median, now);
  if (static_cast<double>(failed_) > kFailing * static_cast<double>(ok_ + failed_)) {
    limit_ *= kBackOff;
    starting_ = false;
    short_ = full;
  } else {
    const double gradient = std::clamp(rules.tolerance * ratio(floor_, median), 0.5, 1.0);
    const double wanted = limit_ * gradient + std::sqrt(limit_);
    starting_ = starting_ && gradient == 1;
    short_ = full && gradient < 1;
    if (starting_ && used) limit_ *= 2;
    else if (wanted < limit_ || used) limit_ += kSmoothing * (wanted - limit_);
  }
  limit_ = std::clamp<double>(limit_, rules.min, rules.max);
  ok_ = failed_ = peak_ = 0;
  latency_ = {};
  began_ = now;
  return limit() != before;
}

void AdaptiveConcurrency::learn_floor(Nanos median, Stamp now) {
  const bool unloaded = static_cast<double>(peak_) < limit_ / 2;
  if (floor_ == Nanos(0) || median <= floor_ || (unloaded && now - floor_seen_ >= kForget)) {
    floor_ = median;
    fastest_ = latency_.quantile(0.05) * 7 / 8;   // a quantile may be read an eighth too high
    floor_seen_ = now;
    return;
  }
  const double passed = std::chrono::duration<double>(now - began_).count();
  floor_ += Nanos(static_cast<std::int64_t>(static_cast<double>(floor_.count()) * kDrift * passed));
}

}  // namespace weir::decide
