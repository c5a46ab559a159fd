// Small policies for the tests and benches of this room: what the configuration would say, without its text.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/check.h"
#include "decide/prepare.h"
#include "model/facts.h"
#include "model/policy.h"

namespace weir::decide {

struct PolicyBuilder {
  Policy policy;
  NameTable names;

  static Source line(std::size_t n) { return {.file = 0, .line = static_cast<std::uint32_t>(n), .column = 1}; }

  UpstreamId upstream(std::string_view name, std::vector<std::uint32_t> weights,
                      BalanceKind balance = BalanceKind::round_robin) {
    const UpstreamId id{static_cast<std::uint32_t>(policy.upstreams.size())};
    Upstream up;
    up.name = names.intern(name);
    up.balance = balance;
    up.first_endpoint = static_cast<std::uint32_t>(policy.endpoints.size());
    up.endpoint_count = static_cast<std::uint32_t>(weights.size());
    for (const std::uint32_t weight : weights) {
      Endpoint endpoint;
      endpoint.name = names.intern(std::string(name) + "/" + std::to_string(policy.endpoints.size()));
      endpoint.upstream = id;
      endpoint.address.address = Address::v4(127, 0, 0, 1);
      endpoint.address.port = static_cast<std::uint16_t>(9000 + policy.endpoints.size());
      endpoint.weight = weight;
      endpoint.identity = mix(policy.endpoints.size() + 1);
      policy.endpoints.push_back(std::move(endpoint));
    }
    policy.upstreams.push_back(std::move(up));
    return id;
  }

  // 10,000 routes to one upstream share it as a real configuration would.
  Route& route(std::string_view name, RouteMatch match, std::vector<UpstreamId> upstreams = {UpstreamId{0}}) {
    Route& made = policy.routes.emplace_back();
    made.name = names.intern(name);
    made.match = std::move(match);
    made.source = line(100 + policy.routes.size());
    Forward forward;
    for (const UpstreamId id : upstreams) forward.split.push_back({.upstream = id, .weight = 1});
    made.action = std::move(forward);
    if (policy.settings.empty()) policy.settings.emplace_back().timeouts.connect = {.value = std::chrono::seconds(2), .source = line(7)};
    return made;
  }
  // The route's, and no other's from now on.
  RouteSettings& own_settings(Route& route) {
    RouteSettings own = policy.settings_of(route);
    route.settings = static_cast<std::uint32_t>(policy.settings.size());
    return policy.settings.emplace_back(std::move(own));
  }

  Limit& limit(std::string_view name, std::vector<KeyKind> key, std::uint64_t per_second, std::uint64_t burst) {
    Limit& made = policy.limits.emplace_back();
    made.name = names.intern(name);
    for (const KeyKind kind : key) made.key.push_back({.kind = kind});
    made.rate = {.count = per_second * 1000, .period = std::chrono::seconds(1)};
    made.burst = burst;
    made.cells = {.k0 = mix(policy.limits.size()), .k1 = mix(per_second * 1'000'003 + burst)};
    made.source = line(200 + policy.limits.size());
    return made;
  }

  IdentityId identity(std::string_view name, IdentityKind kind = IdentityKind::api_key) {
    IdentityRule& rule = policy.identities.emplace_back();
    rule.name = names.intern(name);
    rule.kind = kind;
    rule.digest = mix(policy.identities.size() + 1000);
    return IdentityId{static_cast<std::uint16_t>(policy.identities.size() - 1)};
  }

  Policy& prepared() {
    WEIR_CHECK(prepare(policy).has_value());
    return policy;
  }
};

inline RouteMatch prefix(std::string path, std::vector<std::string> hosts = {},
                         std::vector<std::string> methods = {}) {
  return {.hosts = std::move(hosts), .path_kind = RouteMatch::PathKind::prefix, .path = std::move(path),
          .methods = std::move(methods), .headers = {}, .queries = {}};
}

inline RouteMatch exact(std::string path, std::vector<std::string> hosts = {},
                        std::vector<std::string> methods = {}) {
  RouteMatch match = prefix(std::move(path), std::move(hosts), std::move(methods));
  match.path_kind = RouteMatch::PathKind::exact;
  return match;
}

inline Facts request(std::string_view method, std::string_view host, std::string_view path) {
  Facts facts;
  facts.method = method;
  facts.host = host;
  facts.path = path;
  facts.client = Address::v4(192, 0, 2, 1);
  return facts;
}

inline WatchedValue text_value(std::string_view text) {
  return {.state = WatchedValue::State::text, .text = text};
}

}  // namespace weir::decide
