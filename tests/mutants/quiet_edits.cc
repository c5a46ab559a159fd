// Edits that change nothing, or nothing that anybody feels, however much text they move.
#include <algorithm>
#include <iterator>

#include "drawing.h"
#include "mutate.h"

namespace mutants {
namespace {

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

std::string unused_added(Gateway& g, Random&) {
  g.limits.push_back({.name = "soon", .key = {"caller"}, .pace = {{1}, 2}});
  g.routes.push_back({.name = "soon",
                      .hosts = {"soon.example.com"},
                      .path = "/*",
                      .to = {{"canary", 1}},
                      .limits = {{"soon"}}});
  return "a route of a host that nobody asks for";
}

// The same upstream and limits under two names. Not catalog and orders: the canary's header and the
// search would then be less precise than the part.
std::string route_divided(Gateway& g, Random& random) {
  const bool auth = random() % 2 == 0;
  Route part = g.route(auth ? "auth" : "payments");
  part.name += "-part";
  part.path = auth ? "/auth/login" : "/payments/*";
  if (!auth) part.methods = {"POST"};
  g.routes.push_back(part);
  return part.name + " beside the route that it was";
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

std::span<const Edit> quiet_edits() { return kEdits; }

}  // namespace mutants
