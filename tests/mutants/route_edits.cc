// Edits of upstreams, timeouts, routes, identities and the cap of the head.
#include <algorithm>
#include <iterator>

#include "drawing.h"
#include "mutate.h"

namespace mutants {
namespace {

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
  return "catalog: " + std::to_string(catalog.to[1].second) + " of " +
         std::to_string(95 + catalog.to[1].second) + " to canary";
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
  route.path = (prefix ? route.path.substr(0, route.path.size() - 2) : route.path) +
               one_of(kHow, random) + (prefix ? "/*" : "");
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

std::string route_shadowed(
    Gateway& g, Random& random) {  // a longer prefix for a new service takes what it should not
  static const std::vector<std::string> kPaths = {"/catalog/items/*", "/catalog/search",
                                                  "/orders/*",        "/auth/login",
                                                  "/payments/*",      "/reports/export"};
  Route made{.name = "newcomer",
             .hosts = {"api.example.com"},
             .path = one_of(kPaths, random),
             .to = {{"canary", 1}}};
  if (uniform(random) < .5) made.require = {uniform(random) < .5 ? "services" : "partner"};
  if (uniform(random) < .4) made.methods = {"POST"};
  g.routes.insert(g.routes.begin(), made);
  return "newcomer takes " + made.path +
         (made.require.empty() ? "" : " and wants " + made.require[0]);
}

std::string method_dropped(Gateway& g, Random& random) {
  Route& route = one_of(g.routes, random);
  if (route.methods.size() < 2) return "";
  const auto at =
      route.methods.begin() + static_cast<std::ptrdiff_t>(random() % route.methods.size());
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
  pace = {.rate = written(magnitude(.02, .5, random)),
          .burst = 5 + static_cast<int>(random() % 40)};
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
  return route.name + ": wants " + route.require[0] +
         (route.require.size() > 1 ? " or services" : "");
}

std::string identity_allowed(Gateway& g, Random& random) {
  Route& route = one_of(g.routes, random);
  if (route.require.size() != 1) return "";
  route.require = {"partner", "services"};
  return route.name + ": partner or services";
}

constexpr Edit kEdits[] = {
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
};

}  // namespace

std::span<const Edit> route_edits() { return kEdits; }

}  // namespace mutants
