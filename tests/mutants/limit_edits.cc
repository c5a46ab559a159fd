// Edits of limits: of their paces, keys, overrides, and of who has them.
#include <algorithm>
#include <iterator>

#include "drawing.h"
#include "mutate.h"

namespace mutants {
namespace {

// The limit's own pace or that of an override.
Pace& some_pace(Limit& limit, Random& random) {
  if (!limit.overrides.empty() && uniform(random) < .5) return one_of(limit.overrides, random).pace;
  return limit.pace;
}

std::string divided(Gateway& gateway, Random& random, double low, double high, bool burst_too) {
  Limit& limit = one_of(gateway.limits, random);
  Pace& pace = some_pace(limit, random);
  const std::string was = paced(pace);
  const double by = magnitude(low, high, random);
  pace.rate = written(pace.rate.per_second() / by);
  if (burst_too && pace.burst) pace.burst = std::max(1, static_cast<int>(*pace.burst / by));
  return limit.name + ": " + was + " to " + paced(pace);
}

std::string limit_divided(Gateway& g, Random& random) { return divided(g, random, 3, 1000, true); }
std::string rate_divided(Gateway& g, Random& random) { return divided(g, random, 3, 1000, false); }
std::string limit_a_tenth(Gateway& g, Random& random) { return divided(g, random, 10, 10, true); }
std::string limit_raised(Gateway& g, Random& random) { return divided(g, random, .1, .9, true); }

std::string unit_swapped(Gateway& g, Random& random) {
  Limit& limit = one_of(g.limits, random);
  Pace& pace = some_pace(limit, random);
  const std::string was = paced(pace);
  pace.rate.unit = pace.rate.unit == "s" ? "min" : "s";
  return limit.name + ": " + was + " to " + paced(pace);
}

std::string unit_rewritten(Gateway& g, Random& random) {  // the same rate in another unit
  Limit& limit = one_of(g.limits, random);
  limit.pace.rate = {.count = limit.pace.rate.count * 60, .unit = "min"};
  return limit.name + " written as " + limit.pace.rate.text();
}

std::string caller_to_address(Gateway& g, Random& random) {
  Limit& limit = one_of(g.limits, random);
  const auto at = std::ranges::find(limit.key, "caller");
  if (at == limit.key.end()) return "";
  *at = uniform(random) < .7 ? "client_ip" : "client_net";
  return limit.name + ": by " + *at + " instead of by caller";
}

std::string address_to_net(Gateway& g, Random& random) {
  Limit& limit = one_of(g.limits, random);
  const auto at = std::ranges::find(limit.key, "client_ip");
  if (at == limit.key.end()) return "";
  limit.key = {uniform(random) < .5 ? "client_net" : "all"};
  return limit.name + ": by " + limit.key[0] + " instead of by address";
}

std::string key_narrowed(Gateway& g, Random& random) {  // each caller on each route: looser
  Limit& limit = one_of(g.limits, random);
  if (limit.before_auth || limit.key.size() > 1 || limit.key[0] == "all") return "";
  limit.key.emplace_back("route");
  return limit.name + ": by route as well";
}

std::string burst_lost(Gateway& g, Random& random) {
  Limit& limit = one_of(g.limits, random);
  Pace& pace = some_pace(limit, random);
  pace.burst =
      uniform(random) < .5 ? std::nullopt : std::optional(1 + static_cast<int>(random() % 10));
  return limit.name + ": burst lost, " + paced(pace);
}

std::string burst_up_rate_down(Gateway& g, Random& random) {
  Limit& limit = one_of(g.limits, random);
  limit.pace.rate = written(limit.pace.rate.per_second() * (.5 + .4 * uniform(random)));
  limit.pace.burst = static_cast<int>(limit.pace.size() * (2 + 6 * uniform(random)));
  return limit.name + ": " + paced(limit.pace) + ", burst up and rate down";
}

std::string override_to_wrong_group(Gateway& g, Random& random) {
  Limit& limit = g.limit("per-caller");
  Override& each = one_of(limit.overrides, random);
  if (!each.who.groups.empty()) {
    each.who.groups = {each.who.groups[0] == "gold" ? "silver" : "golf"};
    return "per-caller: override for group " + each.who.groups[0];
  }
  each.who.identities = {"partner"};
  std::ranges::reverse(limit.overrides);
  return "per-caller: override of services for partner, and first";
}

std::string override_lost(Gateway& g, Random& random) {
  auto& overrides = g.limit("per-caller").overrides;
  const auto at = overrides.begin() + static_cast<std::ptrdiff_t>(random() % overrides.size());
  const std::string rate = paced(at->pace);
  overrides.erase(at);
  return "per-caller: override of " + rate + " lost";
}

std::string override_of_some(
    Gateway& g, Random& random) {  // "slow down that scraper", with a pattern too wide or not
  Limit& limit = g.limit("per-caller");
  Override each;
  const auto from = random() % 40;
  for (std::uint64_t i = 0; i < 1 + random() % 6; ++i)
    each.who.callers.push_back("acme-" + std::to_string(from + 3 * i));
  each.pace = {.rate = written(magnitude(.005, 3, random)),
               .burst = 2 + static_cast<int>(random() % 30)};
  limit.overrides.insert(limit.overrides.begin(), each);
  return "per-caller: " + std::to_string(each.who.callers.size()) + " callers from " +
         each.who.callers[0] + " at " + paced(each.pace);
}

std::string override_raised(Gateway& g, Random& random) {
  Override& each = one_of(g.limit("per-caller").overrides, random);
  each.pace.rate = written(each.pace.rate.per_second() * (1 + 3 * uniform(random)));
  return "per-caller: an override raised to " + paced(each.pace);
}

std::string limit_added(Gateway& g, Random& random) {
  static const std::vector<std::string> kKeys = {"caller", "client_ip", "client_net", "all"};
  Route& route = one_of(g.routes, random);
  if (route.to.empty()) return "";
  Limit made{.name = "fresh",
             .key = {one_of(kKeys, random)},
             .pace = {.rate = written(magnitude(.01, 50, random)),
                      .burst = 2 + static_cast<int>(random() % 200)}};
  if (uniform(random) < .3) made.observe = true;
  std::vector<std::string> limits = route.limits.value_or(g.default_limits);
  limits.push_back("fresh");
  route.limits = limits;
  g.limits.push_back(made);
  return "a limit on " + route.name + ": " + made.key[0] + " " + paced(made.pace) +
         (made.observe ? ", observed" : "");
}

std::string limit_on_all(Gateway& g, Random& random) {  // meant for one route, put into defaults
  static const std::vector<std::string> kNames = {"logins", "orders-each", "anonymous",
                                                  "reports-each"};
  const std::string name = one_of(kNames, random);
  g.default_limits.push_back(name);
  return name + " among the limits of defaults";
}

std::string limit_removed(Gateway& g, Random& random) {
  const std::string name = one_of(g.default_limits, random);
  std::erase(g.default_limits, name);
  return name + " no longer among the limits of defaults";
}

std::string limit_observed(Gateway& g, Random& random) {
  Limit& limit = one_of(g.limits, random);
  limit.observe = true;
  limit.pace.rate = written(limit.pace.rate.per_second() / 50);
  return limit.name + ": observed only, at " + paced(limit.pace);
}

std::string limit_for_everyone(Gateway& g, Random& random) {
  Limit& limit = g.limit("anonymous");
  limit.concerns = {};
  limit.pace.rate = written(magnitude(.02, 2, random));
  limit.pace.burst = 5 + static_cast<int>(random() % 75);
  return "anonymous: for everyone, " + paced(limit.pace);
}

constexpr Edit kEdits[] = {
    {"limit divided", limit_divided},
    {"rate divided", rate_divided},
    {"limit a tenth", limit_a_tenth},
    {"limit raised", limit_raised},
    {"seconds and minutes swapped", unit_swapped},
    {"unit rewritten", unit_rewritten},
    {"per caller to per address", caller_to_address},
    {"per address to more", address_to_net},
    {"key narrowed", key_narrowed},
    {"burst lost", burst_lost},
    {"burst up, rate down", burst_up_rate_down},
    {"override on the wrong group", override_to_wrong_group},
    {"override lost", override_lost},
    {"override of some", override_of_some},
    {"override raised", override_raised},
    {"limit added", limit_added},
    {"limit in defaults", limit_on_all},
    {"limit removed", limit_removed},
    {"limit observed", limit_observed},
    {"limit for everyone", limit_for_everyone},
};

}  // namespace

std::span<const Edit> limit_edits() { return kEdits; }

}  // namespace mutants
