#include "mutate.h"

#include <algorithm>
#include <cmath>
#include <iterator>

namespace mutants {
namespace {

double uniform(Random& random) { return std::uniform_real_distribution<double>(0, 1)(random); }

template <class List>
auto& one_of(List& list, Random& random) {
  return *(std::begin(list) + static_cast<std::ptrdiff_t>(random() % std::size(list)));
}

// From `low` to `high`, evenly by magnitude.
double magnitude(double low, double high, Random& random) { return low * std::pow(high / low, uniform(random)); }

// As people write it: thousandths at most, slow ones by the minute or hour.
Rate written(double per_second) {
  if (per_second >= 10) return {.count = std::round(per_second), .unit = "s"};
  if (per_second >= .1) return {.count = std::round(per_second * 100) / 100, .unit = "s"};
  if (per_second >= .002) return {.count = std::round(per_second * 60 * 100) / 100, .unit = "min"};
  return {.count = std::max(.001, std::round(per_second * 3600 * 100) / 100), .unit = "h"};
}

std::string paced(const Pace& pace) {
  return pace.rate.text() + (pace.burst ? " burst " + std::to_string(*pace.burst) : "");
}

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
  pace.burst = uniform(random) < .5 ? std::nullopt : std::optional(1 + static_cast<int>(random() % 10));
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

std::string override_of_some(Gateway& g, Random& random) {  // "slow down that scraper", with a pattern too wide or not
  Limit& limit = g.limit("per-caller");
  Override each;
  const auto from = random() % 40;
  for (std::uint64_t i = 0; i < 1 + random() % 6; ++i) each.who.callers.push_back("acme-" + std::to_string(from + 3 * i));
  each.pace = {.rate = written(magnitude(.005, 3, random)), .burst = 2 + static_cast<int>(random() % 30)};
  limit.overrides.insert(limit.overrides.begin(), each);
  return "per-caller: " + std::to_string(each.who.callers.size()) + " callers from " + each.who.callers[0] + " at " + paced(each.pace);
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
  Limit made{.name = "fresh", .key = {one_of(kKeys, random)}, .pace = {.rate = written(magnitude(.01, 50, random)), .burst = 2 + static_cast<int>(random() % 200)}};
  if (uniform(random) < .3) made.observe = true;
  std::vector<std::string> limits = route.limits.value_or(g.default_limits);
  limits.push_back("fresh");
  route.limits = limits;
  g.limits.push_back(made);
  return "a limit on " + route.name + ": " + made.key[0] + " " + paced(made.pace) + (made.observe ? ", observed" : "");
}

std::string limit_on_all(Gateway& g, Random& random) {  // meant for one route, put into defaults
  static const std::vector<std::string> kNames = {"logins", "orders-each", "anonymous", "reports-each"};
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

std::string weight_typo(Gateway& g, Random& random) {
  Upstream& upstream = one_of(g.upstreams, random);
  if (upstream.endpoints.size() < 2) return "";
  Endpoint& endpoint = one_of(upstream.endpoints, random);
  endpoint.weight = static_cast<int>(uniform(random) < .3 ? 0 : magnitude(4, 100, random));
  return upstream.name + ": weight " + std::to_string(endpoint.weight) + " for " + endpoint.address;
}

std::string weights_scaled(Gateway& g, Random& random) {
  Upstream& upstream = one_of(g.upstreams, random);
  const int by = 2 + static_cast<int>(random() % 99);
  for (Endpoint& endpoint : upstream.endpoints) endpoint.weight *= by;
  return upstream.name + ": all weights times " + std::to_string(by);
}

std::string endpoints_lost(Gateway& g, Random& random) {
  Upstream& upstream = one_of(g.upstreams, random);
  const std::size_t keep = 1 + random() % upstream.endpoints.size();
  if (keep == upstream.endpoints.size()) return "";
  upstream.endpoints.resize(keep);
  return upstream.name + ": " + std::to_string(keep) + " endpoints left";
}

std::string split_typo(Gateway& g, Random& random) {
  Route& route = g.route("v1");
  if (uniform(random) < .5) {
    std::swap(route.to[0].second, route.to[1].second);
    return "v1: shares of the split the wrong way round";
  }
  Route& catalog = g.route("catalog");
  catalog.to = {{"catalog", 95}, {"canary", 5 + static_cast<int>(random() % 40)}};
  return "catalog: " + std::to_string(catalog.to[1].second) + " of " + std::to_string(95 + catalog.to[1].second) + " to canary";
}

std::string timeout_lowered(Gateway& g, Random& random) {
  Route& route = one_of(g.routes, random);
  if (route.to.empty()) return "";
  route.response_ms = 1 + static_cast<int>(magnitude(2, 400, random));
  return route.name + ": response within " + std::to_string(*route.response_ms) + " ms";
}

std::string timeout_unit(Gateway& g, Random& random) {  // 500ms for 500s, 3s for 3ms
  Route& route = one_of(g.routes, random);
  if (!route.response_ms) return "";
  route.response_ms = std::max(1, *route.response_ms / (uniform(random) < .5 ? 1000 : 10));
  return route.name + ": response within " + std::to_string(*route.response_ms) + " ms";
}

std::string timeout_raised(Gateway& g, Random& random) {
  Route& route = one_of(g.routes, random);
  if (!route.response_ms) return "";
  *route.response_ms *= 2 + static_cast<int>(random() % 5);
  return route.name + ": response within " + std::to_string(*route.response_ms) + " ms";
}

std::string path_typo(Gateway& g, Random& random) {
  Route& route = one_of(g.routes, random);
  static const std::vector<std::string> kHow = {"s", "/v2", "x"};
  const bool prefix = route.path.ends_with("/*");
  route.path = (prefix ? route.path.substr(0, route.path.size() - 2) : route.path) + one_of(kHow, random) + (prefix ? "/*" : "");
  return route.name + ": path " + route.path;
}

std::string host_typo(Gateway& g, Random& random) {
  Route& route = one_of(g.routes, random);
  if (route.hosts.empty()) return "";
  route.hosts = {uniform(random) < .5 ? "api.exmaple.com" : "www.example.com"};
  return route.name + ": host " + route.hosts[0];
}

std::string route_lost(Gateway& g, Random& random) {
  const auto at = g.routes.begin() + static_cast<std::ptrdiff_t>(random() % g.routes.size());
  const std::string name = at->name;
  g.routes.erase(at);
  return name + ": route lost";
}

std::string route_shadowed(Gateway& g, Random& random) {  // a longer prefix for a new service takes what it should not
  static const std::vector<std::string> kPaths = {"/catalog/items/*", "/catalog/search", "/orders/*", "/auth/login", "/payments/*", "/reports/export"};
  Route made{.name = "newcomer", .hosts = {"api.example.com"}, .path = one_of(kPaths, random), .to = {{"canary", 1}}};
  if (uniform(random) < .5) made.require = {uniform(random) < .5 ? "services" : "partner"};
  if (uniform(random) < .4) made.methods = {"POST"};
  g.routes.insert(g.routes.begin(), made);
  return "newcomer takes " + made.path + (made.require.empty() ? "" : " and wants " + made.require[0]);
}

std::string method_dropped(Gateway& g, Random& random) {
  Route& route = one_of(g.routes, random);
  if (route.methods.size() < 2) return "";
  const auto at = route.methods.begin() + static_cast<std::ptrdiff_t>(random() % route.methods.size());
  const std::string method = *at;
  route.methods.erase(at);
  return route.name + ": " + method + " dropped";
}

std::string method_added(Gateway& g, Random& random) {
  Route& route = one_of(g.routes, random);
  if (route.methods.empty()) return "";
  route.methods.emplace_back("OPTIONS");
  return route.name + ": OPTIONS too";
}

std::string wrong_upstream(Gateway& g, Random& random) {
  Route& route = one_of(g.routes, random);
  const std::string to = one_of(g.upstreams, random).name;
  if (route.to.size() != 1 || route.to[0].first == to) return "";
  route.to[0].first = to;
  return route.name + ": to " + to;
}

std::string header_match_lost(Gateway& g, Random& random) {
  Route& route = g.route("catalog-canary");
  if (uniform(random) < .5) {
    route.header.clear();
    std::swap(g.routes[0], g.routes[1]);
    return "catalog-canary: takes all, no header asked for, and first";
  }
  route.value = "never";
  return "catalog-canary: X-Canary: never";
}

std::string key_header_renamed(Gateway& g, Random& random) {
  Identity& rule = one_of(g.identities, random);
  rule.header = rule.service ? "X-Service-Name" : "X-Partner-Key";
  return rule.name + ": reads " + rule.header;
}

std::string head_cap_cut(Gateway& g, Random& random) {
  g.head_cap = 1024 << (random() % 4);
  return "head cap " + std::to_string(g.head_cap) + " B";
}

std::string identities_reordered(Gateway& g, Random&) {
  std::swap(g.identities[0], g.identities[1]);
  return "services before partner";
}

std::string identities_reordered_with_limit(Gateway& g, Random& random) {
  std::swap(g.identities[0], g.identities[1]);
  Pace& pace = g.limit("per-caller").overrides[2].pace;
  pace = {.rate = written(magnitude(.02, .5, random)), .burst = 5 + static_cast<int>(random() % 40)};
  return "services before partner, and theirs is " + paced(pace);
}

std::string wrong_identity(Gateway& g, Random& random) {
  Route& route = one_of(g.routes, random);
  if (route.require.empty()) return "";
  route.require = {route.require[0] == "partner" ? "services" : "partner"};
  return route.name + ": wants " + route.require[0];
}

std::string identity_demanded(Gateway& g, Random& random) {
  Route& route = one_of(g.routes, random);
  if (!route.require.empty() || route.to.empty()) return "";
  route.require = {"partner"};
  if (uniform(random) < .5) route.require.emplace_back("services");
  return route.name + ": wants " + route.require[0] + (route.require.size() > 1 ? " or services" : "");
}

std::string identity_allowed(Gateway& g, Random& random) {
  Route& route = one_of(g.routes, random);
  if (route.require.size() != 1) return "";
  route.require = {"partner", "services"};
  return route.name + ": partner or services";
}

// ---- what changes nothing, or nothing that anybody feels
std::string limit_renamed(Gateway& g, Random& random) {
  Limit& limit = one_of(g.limits, random);
  const std::string was = limit.name, is = was + "-2026";
  limit.name = is;
  std::ranges::replace(g.default_limits, was, is);
  for (Route& route : g.routes) {
    if (route.limits) std::ranges::replace(*route.limits, was, is);
  }
  return was + ": now " + is;
}

std::string route_renamed(Gateway& g, Random& random) {
  Route& route = one_of(g.routes, random);
  route.name += "-v2";
  return "a route is now " + route.name;
}

std::string upstream_renamed(Gateway& g, Random& random) {
  Upstream& upstream = one_of(g.upstreams, random);
  const std::string was = upstream.name;
  upstream.name += "-service";
  for (Route& route : g.routes) {
    for (auto& [name, weight] : route.to) {
      if (name == was) name = upstream.name;
    }
  }
  return was + ": now " + upstream.name;
}

std::string routes_reordered(Gateway& g, Random& random) {
  std::ranges::shuffle(g.routes, random);
  return "routes in another order";
}

std::string limits_reordered(Gateway& g, Random& random) {
  std::ranges::shuffle(g.limits, random);
  std::ranges::shuffle(g.default_limits, random);
  return "limits in another order";
}

std::string endpoints_reordered(Gateway& g, Random& random) {
  Upstream& upstream = one_of(g.upstreams, random);
  if (upstream.endpoints.size() < 2) return "";
  std::ranges::rotate(upstream.endpoints, upstream.endpoints.begin() + 1);
  return upstream.name + ": endpoints in another order";
}

std::string balance_changed(Gateway& g, Random& random) {
  Upstream& upstream = one_of(g.upstreams, random);
  upstream.balance = "least_request";
  return upstream.name + ": least_request";
}

std::string unused_added(Gateway& g, Random& random) {
  g.limits.push_back({.name = "soon", .key = {"caller"}, .pace = {{1}, 2}});
  g.routes.push_back({.name = "soon", .hosts = {"soon.example.com"}, .path = "/*", .to = {{"canary", 1}}, .limits = {{"soon"}}});
  return "a route of a host that nobody asks for" + std::string(random() % 2 ? "" : "");
}

std::string route_divided(Gateway& g, Random& random) {  // the same upstream and limits under two names
  static const std::vector<std::string> kRoutes = {"catalog", "orders", "auth", "payments"};
  const std::string name = one_of(kRoutes, random);
  Route part = g.route(name);
  part.name += "-part";
  part.path = name == "catalog" ? "/catalog/items/*" : name == "orders" ? "/orders/search" : name == "auth" ? "/auth/login" : "/payments/*";
  if (name == "payments") part.methods = {"POST"};
  if (name == "catalog" || name == "orders") return "";  // the canary's header and the search are less precise, or as precise, then
  g.routes.push_back(part);
  return name + ": in two";
}

std::string priority_given(Gateway& g, Random& random) {
  Route& route = one_of(g.routes, random);
  route.priority = uniform(random) < .5 ? "critical" : "sheddable";
  return route.name + ": " + route.priority;
}

std::string header_set(Gateway& g, Random& random) {
  Route& route = one_of(g.routes, random);
  route.response_header = "by-weir";
  return route.name + ": a header set on answers";
}

std::string host_added(Gateway& g, Random& random) {
  Route& route = one_of(g.routes, random);
  if (route.hosts.empty()) return "";
  route.hosts.emplace_back("beta.example.com");
  return route.name + ": host beta.example.com too";
}

std::string defaults_spelled(Gateway& g, Random&) {
  for (Route& route : g.routes) {
    if (!route.limits) route.limits = g.default_limits;
  }
  g.default_limits.clear();
  return "limits of defaults spelled at each route";
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
    {"weight typo", weight_typo},
    {"weights scaled", weights_scaled},
    {"endpoints lost", endpoints_lost},
    {"split typo", split_typo},
    {"timeout lowered", timeout_lowered},
    {"timeout in the wrong unit", timeout_unit},
    {"timeout raised", timeout_raised},
    {"path typo", path_typo},
    {"host typo", host_typo},
    {"route lost", route_lost},
    {"route shadowed", route_shadowed},
    {"method dropped", method_dropped},
    {"method added", method_added},
    {"wrong upstream", wrong_upstream},
    {"header match", header_match_lost},
    {"key header renamed", key_header_renamed},
    {"header cap cut", head_cap_cut},
    {"identity rules reordered", identities_reordered},
    {"identity rules reordered, limit", identities_reordered_with_limit},
    {"wrong identity", wrong_identity},
    {"identity demanded", identity_demanded},
    {"identity allowed", identity_allowed},
    {"limit renamed", limit_renamed},
    {"route renamed", route_renamed},
    {"upstream renamed", upstream_renamed},
    {"routes reordered", routes_reordered},
    {"limits reordered", limits_reordered},
    {"endpoints reordered", endpoints_reordered},
    {"balance changed", balance_changed},
    {"unused added", unused_added},
    {"route in two", route_divided},
    {"priority given", priority_given},
    {"header set", header_set},
    {"host added", host_added},
    {"defaults spelled", defaults_spelled},
};

}  // namespace

std::span<const Edit> edits() { return kEdits; }

}  // namespace mutants
