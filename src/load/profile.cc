#include "load/profile.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "fmt/core.h"

namespace weir::load {
namespace {

constexpr Nanos kLongest = std::chrono::hours(24 * 31);

double seconds(Nanos time) { return std::chrono::duration<double>(time).count(); }
double calls_of(const Stretch& stretch) {
  return (stretch.from + stretch.to) / 2 * seconds(stretch.length);
}

}  // namespace

Result<Profile> Profile::of(std::vector<Stretch> stretches) {
  if (stretches.empty() || stretches.size() > kMostStretches) {
    return fail(
        ErrorKind::too_large,
        fmt::format("a rate over time has 1 to {} parts, not {}", kMostStretches, stretches.size()),
        Origin::config);
  }
  Profile made;
  for (const Stretch& each : stretches) {
    const bool rates_fit =
        each.from >= 0 && each.to >= 0 && each.from <= kMostRate && each.to <= kMostRate;
    if (!rates_fit) {
      return fail(ErrorKind::invalid, fmt::format("a rate lies between 0 and {:.0f}/s", kMostRate),
                  Origin::config);
    }
    if (each.length <= Nanos(0) || each.length > kLongest - made.length_) {
      return fail(ErrorKind::invalid, "a run lasts longer than nothing and at most 31 days",
                  Origin::config);
    }
    made.length_ += each.length;
    made.calls_ += calls_of(each);
  }
  made.rate_before_ = stretches.front().from;
  made.stretches_ = std::move(stretches);
  return made;
}

Result<Profile> Profile::steps(const std::vector<double>& rates, Nanos length) {
  std::vector<Stretch> stretches;
  const auto count = static_cast<std::int64_t>(rates.size());
  for (std::int64_t i = 0; i < count; ++i) {
    const double rate = rates[static_cast<std::size_t>(i)];
    stretches.push_back(
        {.length = length * (i + 1) / count - length * i / count, .from = rate, .to = rate});
  }
  return of(std::move(stretches));
}

Result<Profile> Profile::on_off(double rate, Nanos on, Nanos off, Nanos length) {
  if (on <= Nanos(0) || off <= Nanos(0)) {
    return fail(ErrorKind::invalid, "both parts of on-off last longer than nothing",
                Origin::config);
  }
  if (length / (on + off) >= static_cast<std::int64_t>(kMostStretches / 2)) {
    return fail(ErrorKind::too_large,
                fmt::format("on-off has at most {} turns in one run", kMostStretches / 2 - 1),
                Origin::config);
  }
  const double while_on = rate * seconds(on + off) / seconds(on);
  std::vector<Stretch> stretches;
  for (Nanos at{0}; at < length; at += on + off) {
    stretches.push_back({.length = std::min(on, length - at), .from = while_on, .to = while_on});
    if (at + on < length)
      stretches.push_back({.length = std::min(off, length - at - on), .from = 0, .to = 0});
  }
  auto made = of(std::move(stretches));
  if (made) made->rate_before_ = rate;
  return made;
}

Profile Profile::scaled(double by) const {
  Profile made = *this;
  for (Stretch& each : made.stretches_) {
    each.from *= by;
    each.to *= by;
  }
  made.calls_ *= by;
  made.before_ *= by;
  made.rate_before_ *= by;
  return made;
}

std::optional<Nanos> Profile::when(double count) {
  for (; at_ < stretches_.size(); ++at_) {
    const Stretch& here = stretches_[at_];
    const double calls = calls_of(here), within = count - before_;
    if (within < calls) {
      // from·t + (to − from)/(2·length)·t² = within, solved without a difference of nearly equal
      // numbers.
      const double growth = (here.to - here.from) / seconds(here.length);
      const double root = std::sqrt(std::max(0.0, here.from * here.from + 2 * growth * within));
      const double at = within <= 0 ? 0 : 2 * within / (here.from + root);
      const auto nanos = Nanos(static_cast<std::int64_t>(std::llround(at * 1e9)));
      return began_ + std::min(nanos, here.length - Nanos(1));
    }
    before_ += calls;
    began_ += here.length;
  }
  return std::nullopt;
}

}  // namespace weir::load
