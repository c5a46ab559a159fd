#include "decide/learned.h"

#include <algorithm>
#include <array>

#include "base/hash.h"

namespace weir::decide {
namespace {

constexpr std::uint64_t kThousandths = 1000, kSeconds = 2;   // a rate's count is in thousandths

bool close_to(std::uint32_t a, std::uint32_t b) {
  const std::uint32_t apart = a > b ? a - b : b - a;
  return std::uint64_t{apart} * 10 <= b;
}

HashKey cells_of(const Limit& limit, Rate rate, std::uint64_t burst) {
  const auto word = [&](std::uint64_t which) {
    const std::array<std::uint64_t, 4> words = {which, rate.count, static_cast<std::uint64_t>(rate.period.count()), burst};
    return keyed_hash(limit.cells, words);
  };
  return {.k0 = word(0), .k1 = word(1)};
}

// Two seconds of the rate, rounded up, at least 2; a floor may be of any period.
std::uint64_t burst_of(Rate rate) {
  const auto above = static_cast<unsigned __int128>(rate.count) * kSeconds * 1'000'000'000;
  const auto below = static_cast<unsigned __int128>(rate.period.count()) * kThousandths;
  return std::max<std::uint64_t>(2, static_cast<std::uint64_t>((above + below - 1) / below));
}

}  // namespace

bool learns(const Policy& policy) {
  return std::ranges::any_of(policy.limits, [](const Limit& limit) { return limit.learned.has_value(); });
}

Rate learned_rate(const LearnedCap& cap, std::uint32_t peak) {
  const Rate own{.count = std::uint64_t{cap.times} * peak * cap.thousandths, .period = std::chrono::seconds(1)};
  return cap.floor && cap.floor->per_second() > own.per_second() ? *cap.floor : own;
}

std::shared_ptr<const LearnedRates> learned_rates(const Policy& policy, const CallerPeaks* peaks) {
  if (peaks == nullptr || !learns(policy)) return nullptr;
  auto made = std::make_shared<LearnedRates>();
  made->by_limit.resize(policy.limits.size());
  for (std::size_t i = 0; i < policy.limits.size(); ++i) {
    const Limit& limit = policy.limits[i];
    if (!limit.learned) continue;
    made->by_limit[i].reserve(peaks->all.size());
    for (const CallerPeak& peak : peaks->all) {
      const Rate rate = learned_rate(*limit.learned, peak.per_second);
      const std::uint64_t burst = burst_of(rate);
      made->by_limit[i].emplace(peak.caller, LearnedRate{.rate = rate, .burst = burst, .cells = cells_of(limit, rate, burst),
                                                         .pace = Pace::of(rate, burst), .peak = peak});
    }
  }
  return made;
}

std::vector<CallerPeak> steadied(std::span<const CallerPeak> before, std::vector<CallerPeak> fresh) {
  auto old = before.begin();
  for (CallerPeak& peak : fresh) {
    while (old != before.end() && old->caller < peak.caller) ++old;
    if (old == before.end() || old->caller != peak.caller) continue;
    if (close_to(peak.per_second, old->per_second)) peak.per_second = old->per_second;
  }
  return fresh;
}

}  // namespace weir::decide
