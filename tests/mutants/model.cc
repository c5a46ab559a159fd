#include "model.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace mutants {
namespace {

std::string quoted(std::string_view text) { return '"' + std::string(text) + '"'; }

std::string list(const std::vector<std::string>& all) {
  std::string text;
  for (const std::string& each : all) text += (text.empty() ? "" : ", ") + quoted(each);
  return '[' + text + ']';
}

std::string who_keys(const Who& who) {
  std::string text;
  const auto add = [&](std::string_view key, const std::vector<std::string>& values) {
    if (!values.empty())
      text += (text.empty() ? "" : ", ") + std::string(key) + ": " + list(values);
  };
  add("identity", who.identities);
  add("groups", who.groups);
  add("callers", who.callers);
  if (who.anonymous) text += (text.empty() ? "" : ", ") + std::string("anonymous: true");
  return text;
}

std::string pace_keys(const Pace& pace) {
  return "rate: " + pace.rate.text() +
         (pace.burst ? ", burst: " + std::to_string(*pace.burst) : "");
}

std::string limit_text(const Limit& limit) {
  std::string text =
      "  - {name: " + limit.name + ", key: " + list(limit.key) + ", " + pace_keys(limit.pace);
  if (limit.before_auth) text += ", before_auth: true";
  if (limit.observe) text += ", mode: observe";
  if (!limit.concerns.everyone()) text += ", for: {" + who_keys(limit.concerns) + "}";
  if (!limit.overrides.empty()) {
    text += ", overrides: [";
    for (const Override& each : limit.overrides) {
      text += std::string(&each == limit.overrides.data() ? "" : ", ") + "{" + who_keys(each.who) +
              ", " + pace_keys(each.pace) + "}";
    }
    text += "]";
  }
  return text + "}\n";
}

std::string route_text(const Route& route) {
  std::string text = "  - name: " + route.name + "\n    match: {path: " + quoted(route.path);
  if (!route.hosts.empty()) text += ", hosts: " + list(route.hosts);
  if (!route.methods.empty()) text += ", methods: " + list(route.methods);
  if (!route.header.empty())
    text += ", headers: [{name: " + route.header + ", value: " + route.value + "}]";
  text += "}\n";
  if (route.to.empty()) {
    text += "    respond: {status: 200, body: ok}\n";
  } else if (route.to.size() == 1) {
    text += "    upstream: " + route.to[0].first + "\n";
  } else {
    text += "    split: [";
    for (const auto& [upstream, weight] : route.to) {
      text += std::string(upstream == route.to[0].first ? "" : ", ") + "{upstream: " + upstream +
              ", weight: " + std::to_string(weight) + "}";
    }
    text += "]\n";
  }
  if (!route.require.empty()) text += "    auth: {require: " + list(route.require) + "}\n";
  if (route.limits) text += "    limits: " + list(*route.limits) + "\n";
  if (route.response_ms)
    text += "    timeouts: {response: " + std::to_string(*route.response_ms) + "ms}\n";
  if (!route.priority.empty()) text += "    priority: " + route.priority + "\n";
  if (!route.response_header.empty())
    text += "    response_headers: {set: {X-Served: " + route.response_header + "}}\n";
  return text;
}

Upstream upstream_of(std::string name, int first_port, int endpoints) {
  Upstream made{.name = std::move(name)};
  for (int i = 0; i < endpoints; ++i)
    made.endpoints.push_back({.address = "127.0.0.1:" + std::to_string(first_port + i)});
  return made;
}

template <class T>
T& named(std::vector<T>& all, std::string_view name) {
  return *std::ranges::find(all, name, &T::name);
}

}  // namespace

std::string Rate::text() const {
  char digits[32];
  std::snprintf(digits, sizeof digits, "%.3f", count);
  std::string text = digits;
  while (text.back() == '0') text.pop_back();
  if (text.back() == '.') text.pop_back();
  return text + "/" + unit;
}

double Pace::size() const {
  return burst ? *burst : std::max(2.0, std::floor(2 * rate.per_second()));
}

Limit& Gateway::limit(std::string_view name) { return named(limits, name); }
Route& Gateway::route(std::string_view name) { return named(routes, name); }
Upstream& Gateway::upstream(std::string_view name) { return named(upstreams, name); }

Gateway base_gateway() {
  Gateway made;
  made.default_limits = {"per-ip", "per-caller", "spike-arrest"};
  made.identities = {{.name = "partner", .header = "X-Api-Key"},
                     {.name = "services", .header = "X-Service", .service = true}};
  made.limits = {
      {.name = "per-ip", .key = {"client_ip"}, .pace = {{10}, 400}, .before_auth = true},
      {.name = "per-caller",
       .key = {"caller"},
       .pace = {{4}, 100},
       .overrides = {{{.groups = {"gold"}}, {{20}, 400}},
                     {{.groups = {"inhouse"}}, {{25}, 400}},
                     {{.identities = {"services"}}, {{30}, 500}}}},
      {.name = "spike-arrest", .key = {"all"}, .pace = {{60}, 500}},
      {.name = "orders-each", .key = {"caller", "route"}, .pace = {{3}, 90}},
      {.name = "logins", .key = {"client_ip"}, .pace = {{3}, 60}},
      {.name = "reports-each", .key = {"caller"}, .pace = {{50}, 1500}},
      {.name = "net-guard", .key = {"client_net"}, .pace = {{40}, 1000}},
      {.name = "anonymous",
       .key = {"client_ip"},
       .pace = {{2}, 80},
       .concerns = {.anonymous = true}},
  };
  made.upstreams = {upstream_of("auth", 9101, 3),    upstream_of("catalog", 9111, 4),
                    upstream_of("orders", 9121, 4),  upstream_of("payments", 9131, 2),
                    upstream_of("reports", 9141, 2), upstream_of("enrich", 9151, 2),
                    upstream_of("pricing", 9161, 2), upstream_of("canary", 9171, 1)};
  const std::vector<std::string> api = {"api.example.com"}, internal = {"internal.example.com"};
  made.routes = {
      {.name = "catalog",
       .hosts = api,
       .path = "/catalog/*",
       .methods = {"GET", "HEAD"},
       .to = {{"catalog", 1}},
       .response_ms = 500},
      {.name = "catalog-canary",
       .hosts = api,
       .path = "/catalog/*",
       .methods = {"GET", "HEAD"},
       .header = "X-Canary",
       .value = "always",
       .to = {{"canary", 1}},
       .response_ms = 500},
      {.name = "catalog-write",
       .hosts = api,
       .path = "/catalog/*",
       .methods = {"PUT", "POST"},
       .to = {{"catalog", 1}},
       .require = {"partner"},
       .response_ms = 500},
      {.name = "orders",
       .hosts = api,
       .path = "/orders/*",
       .methods = {"GET", "POST", "DELETE"},
       .to = {{"orders", 1}},
       .limits = {{"per-ip", "per-caller", "spike-arrest", "orders-each", "anonymous"}},
       .response_ms = 1000},
      {.name = "order-search",
       .hosts = api,
       .path = "/orders/search",
       .methods = {"GET"},
       .to = {{"catalog", 1}},
       .response_ms = 1000},
      {.name = "auth",
       .hosts = api,
       .path = "/auth/*",
       .methods = {"POST"},
       .to = {{"auth", 1}},
       .limits = {{"per-ip", "logins"}},
       .response_ms = 250},
      {.name = "payments",
       .hosts = api,
       .path = "/payments/*",
       .to = {{"payments", 1}},
       .require = {"partner"},
       .limits = {{"per-ip", "per-caller", "net-guard"}},
       .response_ms = 3000},
      {.name = "reports",
       .hosts = api,
       .path = "/reports/*",
       .to = {{"reports", 1}},
       .require = {"partner"},
       .limits = {{"per-caller", "reports-each"}},
       .response_ms = 10000},
      {.name = "pricing",
       .hosts = internal,
       .path = "/pricing/*",
       .to = {{"pricing", 1}},
       .require = {"services"},
       .limits = {{"per-caller"}}},
      {.name = "enrich",
       .hosts = internal,
       .path = "/enrich/*",
       .to = {{"enrich", 1}},
       .require = {"services"},
       .limits = {{"per-caller"}}},
      {.name = "v1",
       .hosts = api,
       .path = "/v1/*",
       .to = {{"catalog", 95}, {"canary", 5}},
       .response_ms = 500},
      {.name = "health", .path = "/healthz", .limits = {std::vector<std::string>{}}},
  };
  return made;
}

std::string yaml(const Gateway& gateway) {
  std::string text =
      "version: 1\nlisteners:\n  - {name: public, address: 127.0.0.1:8080, trusted_proxies: [], "
      "caps: {head: " +
      std::to_string(gateway.head_cap / 1024) + "KiB" +
      (gateway.head_cap < 8192 ? ", line: " + std::to_string(gateway.head_cap / 1024) + "KiB"
                               : "") +
      "}}\n";
  text += "data_dir: data\nrecord: {watch: [\"header:X-Canary\"]}\n";
  text += "defaults: {timeouts: {response: " + std::to_string(gateway.response_ms) +
          "ms}, limits: " + list(gateway.default_limits) + "}\n";
  text += "identity:\n";
  for (const Identity& each : gateway.identities) {
    text += "  - {name: " + each.name + ", " +
            (each.service ? "service: {header: " + each.header + ", from: [10.1.0.0/16]}"
                          : "api_key: {header: " + each.header + ", file: keys.yaml}") +
            "}\n";
  }
  text += "limits:\n";
  for (const Limit& each : gateway.limits) text += limit_text(each);
  text += "upstreams:\n";
  for (const Upstream& each : gateway.upstreams) {
    text += "  - {name: " + each.name + ", balance: " + each.balance + ", endpoints: [";
    for (const Endpoint& endpoint : each.endpoints) {
      text += std::string(&endpoint == each.endpoints.data() ? "" : ", ") + "{address: \"" +
              endpoint.address + "\", weight: " + std::to_string(endpoint.weight) + "}";
    }
    text += "]}\n";
  }
  text += "routes:\n";
  for (const Route& each : gateway.routes) text += route_text(each);
  return text;
}

}  // namespace mutants
