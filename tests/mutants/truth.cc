#include "truth.h"

#include <algorithm>
#include <array>

namespace mutants {
namespace {

bool has(const std::vector<std::string>& all, std::string_view one) {
  return std::ranges::find(all, one) != all.end();
}

// `/a/*` is /a and all below it; anything else exactly that.
bool path_fits(std::string_view pattern, std::string_view path) {
  if (!pattern.ends_with("/*")) return pattern == path;
  const std::string_view prefix = pattern.substr(0, pattern.size() - 2);
  return path.starts_with(prefix) && (path.size() == prefix.size() || path[prefix.size()] == '/');
}

// The most precise of those that fit: exact host, then exact path, then the longest prefix, then a
// method, then headers, then the first. Every host here is exact or left out.
struct Routed {
  std::int8_t route = -1;
  bool other_method = false;  // one fits but for the method
};
Routed route_of(const Gateway& gateway, std::string_view host, std::string_view path,
                std::string_view method, bool canary) {
  Routed found;
  std::array<std::size_t, 5> best{};
  for (std::size_t i = 0; i < gateway.routes.size(); ++i) {
    const Route& route = gateway.routes[i];
    if (!route.hosts.empty() && !has(route.hosts, host)) continue;
    if (!path_fits(route.path, path)) continue;
    if (!route.header.empty() && !(route.header == "X-Canary" && route.value == "always" && canary))
      continue;
    if (!route.methods.empty() && !has(route.methods, method)) {
      found.other_method = true;
      continue;
    }
    const bool exact = !route.path.ends_with("/*");
    const std::array<std::size_t, 5> rank = {route.hosts.empty() ? 1u : 2u, exact ? 2u : 1u,
                                             route.path.size(), route.methods.empty() ? 0u : 1u,
                                             route.header.empty() ? 0u : 1u};
    if (found.route >= 0 && rank <= best) continue;
    best = rank;
    found.route = static_cast<std::int8_t>(i);
  }
  return found;
}

struct Bucket {
  double level = -1;  // < 0: never asked, full
  std::int64_t last = 0;
};

class Simulation {
 public:
  Simulation(const Gateway& gateway, const Traffic& traffic)
      : gateway_(gateway), traffic_(traffic) {
    for (const Caller& caller : traffic.callers) subjects_.push_back({caller.name, caller.group});
    for (const std::string_view service : kServices)
      subjects_.push_back({std::string(service), ""});
    addresses_from_ = subjects_.size();
    entities_ = addresses_from_ + traffic.addresses;
    for (std::size_t i = 0; i < gateway.identities.size(); ++i) {
      const Identity& rule = gateway.identities[i];
      if (rule.header == (rule.service ? "X-Service" : "X-Api-Key"))
        (rule.service ? service_ : key_) = static_cast<int>(i);
    }
    for (const Limit& limit : gateway.limits) prepare(limit);
    for (const Route& route : gateway.routes) {
      Rules& rules = rules_.emplace_back();
      for (const std::string& name : route.limits.value_or(gateway.default_limits)) {
        const auto at =
            std::ranges::find(gateway.limits, name, &Limit::name) - gateway.limits.begin();
        (gateway.limits[static_cast<std::size_t>(at)].before_auth ? rules.early : rules.late)
            .push_back(static_cast<std::size_t>(at));
      }
      outcome_.timeouts.push_back(route.response_ms.value_or(gateway.response_ms) *
                                  std::int64_t{1000});
    }
    for (const Upstream& upstream : gateway.upstreams) {
      first_load_.push_back(outcome_.loads.size());
      double sum = 0;
      for (const Endpoint& endpoint : upstream.endpoints) sum += endpoint.weight;
      for (const Endpoint& endpoint : upstream.endpoints) {
        outcome_.loads.push_back({.address = endpoint.address});
        shares_.push_back(endpoint.weight / sum);
      }
    }
    first_load_.push_back(outcome_.loads.size());
    now_.resize(outcome_.loads.size());
    outcome_.fullest.resize(gateway.limits.size());
  }

  Outcome run() {
    outcome_.refusals.reserve(traffic_.requests.size());
    outcome_.routes.reserve(traffic_.requests.size());
    for (const Request& request : traffic_.requests) {
      route_ = -1;
      outcome_.refusals.push_back(decide(request));
      outcome_.routes.push_back(route_);
      if (outcome_.refusals.back() == Refusal::none) load(request);
    }
    turn_minute();
    return std::move(outcome_);
  }

 private:
  struct Subject {
    std::string name, group;
  };
  struct Rules {
    std::vector<std::size_t> early, late;  // limits
  };
  struct Speed {
    double rate = 0, size = 0;  // size 0: does not concern it
  };
  struct Keyed {
    std::vector<Speed> speed;  // of each entity
    std::vector<Bucket> buckets;
    bool by_entity = false, by_address = false, by_net = false, by_route = false;
  };

  bool fits(const Who& who, std::size_t entity) const {
    if (who.everyone()) return true;
    if (entity >= addresses_from_) return who.anonymous;
    const Subject& subject = subjects_[entity];
    const int rule = entity < traffic_.callers.size() ? key_ : service_;
    const std::string& identity = gateway_.identities[static_cast<std::size_t>(rule)].name;
    return has(who.identities, identity) || has(who.groups, subject.group) ||
           has(who.callers, subject.name);
  }

  void prepare(const Limit& limit) {
    Keyed& keyed = keyed_.emplace_back();
    for (std::size_t entity = 0; entity < entities_; ++entity) {
      // An entity that no rule can name never asks.
      const bool nameable =
          entity >= addresses_from_ || (entity < traffic_.callers.size() ? key_ : service_) >= 0;
      if (!nameable || !fits(limit.concerns, entity)) {
        keyed.speed.push_back({});
        continue;
      }
      const Pace* pace = &limit.pace;
      for (const Override& each : limit.overrides) {
        if (!fits(each.who, entity)) continue;
        pace = &each.pace;
        break;
      }
      keyed.speed.push_back({.rate = pace->rate.per_second() / 1e9, .size = pace->size()});
    }
    std::size_t buckets = 1;
    const auto times = [&](std::string_view part, std::size_t count) {
      if (!has(limit.key, part)) return false;
      buckets *= count;
      return true;
    };
    keyed.by_entity = times("caller", entities_);
    keyed.by_address = times("client_ip", traffic_.addresses);
    keyed.by_net = times("client_net", traffic_.nets);
    keyed.by_route = times("route", gateway_.routes.size());
    keyed.buckets.resize(buckets);
  }

  // Whom the rules name: the first valid one; else the address.
  std::size_t entity_of(const Request& request) const {
    const bool key = request.caller >= 0 && key_ >= 0,
               service = request.service >= 0 && service_ >= 0;
    if (key && (!service || key_ < service_)) return static_cast<std::size_t>(request.caller);
    if (service) return traffic_.callers.size() + static_cast<std::size_t>(request.service);
    return addresses_from_ + request.address;
  }

  Refusal decide(const Request& request) {
    if (request.head > gateway_.head_cap) return Refusal::head;
    const Routed routed = route(request);
    if (routed.route < 0) return routed.other_method ? Refusal::method : Refusal::no_route;
    route_ = routed.route;
    const auto index = static_cast<std::size_t>(route_);
    const std::size_t address = addresses_from_ + request.address;
    if (!pass(rules_[index].early, request, address)) return Refusal::limit;
    const Route& route = gateway_.routes[index];
    if (!route.require.empty()) {
      const bool proven = std::ranges::any_of(route.require, [&](const std::string& name) {
        const int rule =
            static_cast<int>(std::ranges::find(gateway_.identities, name, &Identity::name) -
                             gateway_.identities.begin());
        return (rule == key_ && request.caller >= 0) || (rule == service_ && request.service >= 0);
      });
      if (!proven) return Refusal::auth;
    }
    return pass(rules_[index].late, request, entity_of(request)) ? Refusal::none : Refusal::limit;
  }

  Routed route(const Request& request) {
    Routed& known = memo_[request.target][request.canary ? 1 : 0];
    if (known.route == -2) {
      const Template& asked = kTemplates[request.target];
      known = route_of(gateway_, kHosts[asked.host], path_of(request), kMethods[asked.method],
                       request.canary);
    }
    return known;
  }

  // All of them have room, then each is charged; those that observe have no say.
  bool pass(const std::vector<std::size_t>& limits, const Request& request, std::size_t entity) {
    struct Asked {
      Bucket* bucket;
      Speed speed;
      std::size_t limit;
    };
    std::array<Asked, 8> asked;
    std::size_t count = 0;
    bool room = true;
    for (const std::size_t i : limits) {
      Keyed& keyed = keyed_[i];
      const Speed speed = keyed.speed[entity];
      if (speed.size == 0 || gateway_.limits[i].observe) continue;
      Bucket& bucket = keyed.buckets[key_of(keyed, request, entity)];
      bucket.level =
          bucket.level < 0
              ? speed.size
              : std::min(speed.size,
                         bucket.level + static_cast<double>(request.at - bucket.last) * speed.rate);
      bucket.last = request.at;
      if (bucket.level < 1 - 1e-9) room = false;
      asked[count++] = {&bucket, speed, i};
    }
    if (!room) return false;
    for (std::size_t i = 0; i < count; ++i) {
      asked[i].bucket->level -= 1;
      double& fullest = outcome_.fullest[asked[i].limit];
      fullest = std::max(fullest, 1 - asked[i].bucket->level / asked[i].speed.size);
    }
    return true;
  }

  std::size_t key_of(const Keyed& keyed, const Request& request, std::size_t entity) const {
    std::size_t key = 0;
    if (keyed.by_entity) key = entity;
    if (keyed.by_address) key = key * traffic_.addresses + request.address;
    if (keyed.by_net) key = key * traffic_.nets + request.net;
    if (keyed.by_route) key = key * gateway_.routes.size() + static_cast<std::size_t>(route_);
    return key;
  }

  void load(const Request& request) {
    const std::int64_t minute = request.at / (60 * kSecond);
    if (minute != minute_) turn_minute();
    minute_ = minute;
    double sum = 0;
    const auto& to = gateway_.routes[static_cast<std::size_t>(route_)].to;
    for (const auto& [name, weight] : to) sum += weight;
    for (const auto& [name, weight] : to) {
      const auto upstream =
          static_cast<std::size_t>(std::ranges::find(gateway_.upstreams, name, &Upstream::name) -
                                   gateway_.upstreams.begin());
      for (std::size_t i = first_load_[upstream]; i < first_load_[upstream + 1]; ++i)
        now_[i] += weight / sum * shares_[i];
    }
  }
  void turn_minute() {
    for (std::size_t i = 0; i < now_.size(); ++i) {
      outcome_.loads[i].all += now_[i];
      outcome_.loads[i].best = std::max(outcome_.loads[i].best, now_[i]);
      now_[i] = 0;
    }
  }

  const Gateway& gateway_;
  const Traffic& traffic_;
  Outcome outcome_;
  std::vector<Subject> subjects_;
  std::size_t addresses_from_ = 0, entities_ = 0;
  int key_ = -1, service_ = -1;  // identities that read what is sent
  std::vector<Keyed> keyed_;
  std::vector<Rules> rules_;
  std::vector<std::size_t> first_load_;
  std::vector<double> shares_, now_;
  std::array<std::array<Routed, 2>, kTemplates.size()> memo_ = [] {
    std::array<std::array<Routed, 2>, kTemplates.size()> fresh;
    for (auto& each : fresh) each.fill({.route = -2});
    return fresh;
  }();
  std::int64_t minute_ = 0;
  std::int8_t route_ = -1;
};

}  // namespace

Outcome simulate(const Gateway& gateway, const Traffic& traffic) {
  return Simulation(gateway, traffic).run();
}

}  // namespace mutants
