#include "changes.h"

#include <array>
#include <string_view>

namespace judged {
namespace {

// The n-th chance of a request.
double chance(const Request& request, std::uint64_t n) { return static_cast<double>(weir::mix(request.chance + n) >> 11) * 0x1p-53; }

constexpr double kCanary = 12 * kMinute;   // begins after ten minutes of learning and two of shadow

Weather bad_weather(Dice& dice) {
  Weather weather;
  const double from = kCanary + dice.between(0, 55 * kMinute);
  switch (dice.below(7)) {
    case 0: weather = {.surge = 4, .surge_from = from, .surge_to = from + 10 * kMinute}; break;
    case 1:
      weather = {.blip_share = dice.between(0.1, 1), .blip_from = from, .blip_to = from + dice.between(20, 300),
                 .blip_route = static_cast<std::uint8_t>(dice.below(6))};
      break;
    case 2: weather = {.fades_from = kCanary}; break;
    case 3:
      weather = {.blip_share = dice.between(0.1, 1), .blip_from = from, .blip_to = from + dice.between(20, 120),
                 .blip_route = static_cast<std::uint8_t>(dice.below(6)), .blip_every = dice.between(300, 1200)};
      break;
    default: break;
  }
  return weather;
}

// Callers from the heaviest on until they have the share of all requests of known ones.
std::uint32_t heavy_with(const World& world, double share) {
  double sum = 0;
  std::uint32_t caller = 0;
  while (caller + 1 < world.callers() && sum < share) sum += world.share_of(caller++);
  return caller;
}

std::uint32_t some_known(const World& world, Dice& dice) {
  for (;;)
    if (const auto caller = static_cast<std::uint32_t>(dice.below(world.callers())); world.known(caller)) return caller;
}

Change limits(Dice& dice, const World& world) {
  const double share = dice.between(0.012, 0.5), refused = dice.between(0.0, 0.8);
  // All known callers' requests in question times what is refused of them is 1.2 % at least.
  const double part = std::max(refused, 0.012 / share);
  const std::uint32_t heavy = heavy_with(world, std::min(1.0, share));
  return {.name = "limit too tight for the heavy", .harmful = true, .decide = [=](const Request& request, bool, Fate& fate) {
            fate.touched = fate.candidate.refuses = request.caller < heavy && chance(request, 1) < part;
          }};
}

Change one_caller(Dice& dice, const World& world) {
  const std::uint32_t who = some_known(world, dice);
  const double part = dice.between(0.6, 1);
  return {.name = "one known caller refused", .harmful = true, .decide = [=](const Request& request, bool, Fate& fate) {
            if (request.caller == who) fate.touched = fate.candidate.refuses = chance(request, 1) < part;
          }};
}

// Nobody knows the durations there would be: a cut is seen only where it happens.
Change timeouts(Dice& dice, bool foreseen) {
  const double part = dice.between(0.012, 0.2);
  return {.name = foreseen ? "timeout too short, foreseen" : "timeout too short, unforeseen", .harmful = true,
          .decide = [=](const Request& request, bool, Fate& fate) {
            fate.touched = true;
            const bool cut = chance(request, 1) < part;
            fate.candidate.cuts = foreseen && cut;
            fate.candidate_bad = fate.candidate_bad || cut;
          }};
}

Change wrong_upstream(Dice& dice) {
  const auto route = static_cast<std::uint8_t>(dice.below(6));
  return {.name = "wrong upstream for a route", .harmful = true, .decide = [=](const Request& request, bool, Fate& fate) {
            if (request.route == route) fate.touched = fate.candidate_bad = true;
          }};
}

Change some_fail(Dice& dice) {
  const double part = dice.between(0.012, 0.1);
  return {.name = "some of all requests fail", .harmful = true, .decide = [=](const Request& request, bool, Fate& fate) {
            fate.touched = true;
            fate.candidate_bad = fate.candidate_bad || chance(request, 1) < part;
          }};
}

Change tenant(Dice& dice, bool refused) {
  const auto group = static_cast<std::uint16_t>(1 + dice.below(100));
  return {.name = refused ? "tenant refused by an override" : "tenant sent where all fails", .harmful = true,
          .decide = [=](const Request& request, bool, Fate& fate) {
            if (request.group != group) return;
            fate.touched = true;
            (refused ? fate.candidate.refuses : fate.candidate_bad) = true;
          }};
}

Change access(Dice& dice) {
  const auto route = static_cast<std::uint8_t>(dice.below(6)), method = static_cast<std::uint8_t>(dice.below(2));
  return {.name = "access to a route lost", .harmful = true, .decide = [=](const Request& request, bool, Fate& fate) {
            if (request.route == route && request.method == method) fate.touched = fate.candidate.denies = true;
          }};
}

Change slower(Dice& dice) {
  const double times = dice.between(2, 5);
  return {.name = "all slower", .harmful = true, .decide = [=](const Request&, bool, Fate& fate) {
            fate.touched = true;
            fate.candidate_s *= times;
          }};
}

Change at_full_load(Dice& dice) {
  const double part = dice.between(0.03, 0.3);
  const auto route = static_cast<std::uint8_t>(dice.below(4));
  return {.name = "overload at 100 % only", .harmful = true, .decide = [=](const Request& request, bool everybody, Fate& fate) {
            fate.touched = request.route == route;
            if (fate.touched && everybody) fate.candidate_bad = fate.candidate_bad || chance(request, 1) < part;
          }};
}

Change at_the_peak(Dice& dice) {
  const double from = kCanary + dice.between(0, 45 * kMinute), part = dice.between(0.02, 0.3);
  return {.name = "limit too tight from some time on", .harmful = true, .decide = [=](const Request& request, bool, Fate& fate) {
            fate.touched = fate.candidate.refuses = request.at > from && chance(request, 1) < part;
          }};
}

Change gone(Dice& dice) {
  const double part = dice.between(0.5, 0.9);
  return {.name = "callers stay away", .harmful = true, .decide = [=](const Request& request, bool, Fate& fate) {
            fate.touched = true;
            fate.gone = static_cast<double>(weir::mix(request.caller) >> 11) * 0x1p-53 < part && chance(request, 1) > 0.02;
          }};
}

}  // namespace

Change benign(std::uint64_t seed) {
  Dice dice(seed ^ 0xbe);
  Weather weather = bad_weather(dice);
  const auto group = static_cast<std::uint16_t>(1 + dice.below(100));
  const auto route = static_cast<std::uint8_t>(dice.below(6));
  weather.blip_route = route;   // what is touched fails by chance: the hardest case
  switch (dice.below(8)) {
    case 0: return {.name = "nothing", .weather = weather, .decide = [](const Request&, bool, Fate&) {}};
    case 1:
      return {.name = "limits raised", .weather = weather, .decide = [](const Request& request, bool, Fate& fate) {
                if (request.at_limit) fate.candidate.refuses = false, fate.touched = true;
              }};
    case 2:
      return {.name = "route split in two", .weather = weather, .decide = [=](const Request& request, bool, Fate& fate) {
                fate.touched = request.route == route;
              }};
    case 3:   // the bucket stands elsewhere: the same share is refused, but other requests
      return {.name = "refusals move", .weather = weather, .decide = [](const Request& request, bool, Fate& fate) {
                if (!request.at_limit && chance(request, 1) > 0.0005) return;
                fate.candidate.refuses = request.at_limit && chance(request, 2) < 0.9;
                fate.touched = fate.candidate.refuses != fate.control.refuses;
              }};
    case 4:
      return {.name = "limit for unknown callers", .weather = weather, .decide = [](const Request& request, bool, Fate& fate) {
                if (!request.known && chance(request, 1) < 0.3) fate.touched = fate.candidate.refuses = true;
              }};
    case 5:
      return {.name = "other weights", .weather = weather, .decide = [](const Request& request, bool, Fate& fate) {
                fate.touched = request.endpoint == 3;
                fate.candidate_s *= 1 + 0.1 * (chance(request, 1) - 0.5);
              }};
    case 6:
      return {.name = "override for a group", .weather = weather, .decide = [=](const Request& request, bool, Fate& fate) {
                fate.touched = request.group == group;
              }};
    default:
      return {.name = "equal upstream elsewhere", .weather = weather, .decide = [=](const Request& request, bool, Fate& fate) {
                fate.touched = request.route == route;
                if (fate.touched) fate.candidate.endpoint.value += 10'000;
              }};
  }
}

Change slight(std::uint64_t seed) {
  Dice dice(seed ^ 0x51);
  const double tiny = dice.between(0, 0.0004);
  return {.name = "a few more refused", .weather = bad_weather(dice), .decide = [=](const Request& request, bool, Fate& fate) {
            if (chance(request, 1) < tiny) fate.touched = fate.candidate.refuses = true;
          }};
}

Change harmful(std::uint64_t seed, const World& world) {
  Dice dice(seed ^ 0xfa);
  switch (seed % 13) {
    case 0: return limits(dice, world);
    case 1: return one_caller(dice, world);
    case 2: return timeouts(dice, true);
    case 3: return timeouts(dice, false);
    case 4: return wrong_upstream(dice);
    case 5: return some_fail(dice);
    case 6: return tenant(dice, true);
    case 7: return tenant(dice, false);
    case 8: return access(dice);
    case 9: return slower(dice);
    case 10: return at_full_load(dice);
    case 11: return at_the_peak(dice);
    default: return gone(dice);
  }
}

}  // namespace judged
