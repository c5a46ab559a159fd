#include "world.h"

#include <algorithm>
#include <cmath>
#include <iterator>

namespace judged {
namespace {

constexpr double kBadShare = 0.005, kSpell = 40, kBurst = 4, kGap = 0.03;
struct Kind {
  double until, median, sigma;
};
constexpr std::array<Kind, 6> kKinds = {
    {{.55, .010, .6}, {.70, .015, .6}, {.82, .008, .5}, {.90, .040, .7}, {.98, .010, .5}, {1, .200, .9}}};

double normal(Dice& dice) { return std::sqrt(-2 * std::log(1 - dice.uniform())) * std::cos(6.283185307179586 * dice.uniform()); }

}  // namespace

std::size_t Dice::poisson(double mean) {
  if (mean > 50) return static_cast<std::size_t>(std::max(0.0, std::round(mean + std::sqrt(mean) * normal(*this))));
  std::size_t n = 0;
  for (double left = std::exp(-mean), product = uniform(); product > left; product *= uniform()) ++n;
  return n;
}

std::size_t Dice::geometric(double mean) {
  return mean <= 1 ? 1 : 1 + static_cast<std::size_t>(std::log(1 - uniform()) / std::log(1 - 1 / mean));
}

World::World(const Setting& setting) : setting_(setting), dice_(setting.seed) {
  double sum = 0;
  for (std::size_t i = 0; i < setting.callers; ++i) {
    sum += std::pow(static_cast<double>(i + 1), -0.9);
    callers_.push_back({.until = sum, .group = static_cast<std::uint16_t>(1 + dice_.below(100)), .known = dice_.once_in(0.9) || i < 10});
  }
  for (Caller& caller : callers_) caller.until /= sum;
  if (setting.callers < 100) return;
  for (int i = 0; i < 5; ++i) callers_[50 + dice_.below(setting.callers - 50)].always_bad = true;
  limited_ = static_cast<std::uint32_t>(20 + dice_.below(30));
  callers_[limited_].known = true;
}

double World::share_of(std::uint32_t caller) const { return callers_[caller].until - (caller == 0 ? 0 : callers_[caller - 1].until); }

double World::duration(std::uint8_t route) { return kKinds[route].median * std::exp(kKinds[route].sigma * normal(dice_)); }

void World::burst(double at) {
  const double drawn = dice_.uniform();
  const auto found = std::ranges::lower_bound(callers_, drawn, {}, &Caller::until);
  Caller& caller = found == callers_.end() ? callers_.back() : *found;
  const Weather& weather = setting_.weather;
  for (std::size_t left = dice_.geometric(kBurst); left > 0; --left, at += kGap * 2 * dice_.uniform()) {
    const double kind = dice_.uniform();
    std::uint8_t route = 0;
    while (kind >= kKinds[route].until && route < 5) ++route;
    const bool surge = at >= weather.surge_from && at < weather.surge_to;
    if (caller.spell == 0 && dice_.once_in(kBadShare / kSpell * (surge ? 2 : 1))) caller.spell = static_cast<std::uint32_t>(dice_.geometric(kSpell));
    bool bad = caller.always_bad || caller.spell > 0;
    caller.spell -= caller.spell > 0 ? 1 : 0;
    if (at >= weather.blip_from && std::fmod(at - weather.blip_from, weather.blip_every) < weather.blip_to - weather.blip_from &&
        route == weather.blip_route)
      bad = bad || dice_.once_in(weather.blip_share);
    const auto who = static_cast<std::uint32_t>(&caller - callers_.data());
    requests_.push_back({.at = at, .caller = who, .group = caller.group, .route = route, .method = static_cast<std::uint8_t>(dice_.once_in(0.2)),
                         .identity = static_cast<std::uint8_t>(who % 2), .endpoint = static_cast<std::uint8_t>(dice_.below(4)),
                         .known = caller.known, .bad = bad, .at_limit = who == limited_ && limited_ > 0 && dice_.once_in(0.3),
                         .duration = duration(route) * (surge ? 2 : 1), .chance = weir::mix(static_cast<std::uint64_t>(dice_.uniform() * 0x1p53))});
  }
}

const std::vector<Request>& World::next_second() {
  requests_.clear();
  std::swap(requests_, later_);
  const Weather& weather = setting_.weather;
  double rate = setting_.requests_per_s / kBurst * (1 + 0.15 * normal(dice_));
  if (second_ >= weather.surge_from && second_ < weather.surge_to) rate *= weather.surge;
  if (second_ > weather.fades_from) rate *= std::max(0.1, 1 - 0.9 * (second_ - weather.fades_from) / (30 * kMinute));
  for (std::size_t left = dice_.poisson(std::max(0.0, rate)); left > 0; --left) burst(second_ + dice_.uniform());
  second_ += 1;
  std::ranges::sort(requests_, {}, &Request::at);
  const auto over = std::ranges::lower_bound(requests_, second_, {}, &Request::at);
  later_.assign(over, requests_.end());
  requests_.erase(over, requests_.end());
  return requests_;
}

}  // namespace judged
