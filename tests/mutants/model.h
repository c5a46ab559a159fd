// A configuration as the tests see it: what an operator could have written, of the parts that
// decide. Its text is YAML (JSON, which is YAML) for `weir plan`; its meaning is simulated by
// truth.h.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace mutants {

// "4/s", "0.5/s", "30/min", "100/h".
struct Rate {
  double count = 1;
  std::string unit = "s";
  double per_second() const { return count / (unit == "s" ? 1 : unit == "min" ? 60 : 3600); }
  std::string text() const;
};

struct Who {  // left out: everyone
  std::vector<std::string> identities, groups, callers;
  bool anonymous = false;
  bool everyone() const {
    return identities.empty() && groups.empty() && callers.empty() && !anonymous;
  }
};

struct Pace {
  Rate rate;
  std::optional<int> burst;
  double size() const;  // left out: two seconds of the rate, at least 2
};

struct Override {
  Who who;
  Pace pace;
};

struct Limit {
  std::string name;
  std::vector<std::string> key;  // all, caller, client_ip, client_net, route
  Pace pace;
  bool before_auth = false, observe = false;
  Who concerns;
  std::vector<Override> overrides;
};

struct Identity {
  std::string name, header;
  bool service = false;  // else an API key
};

struct Endpoint {
  std::string address;
  int weight = 1;
};

struct Upstream {
  std::string name;
  std::vector<Endpoint> endpoints;
  std::string balance = "round_robin";
};

struct Route {
  std::string name;
  std::vector<std::string> hosts;
  std::string path;
  std::vector<std::string> methods;
  std::string header;  // "X-Canary", whose value is `value`
  std::string value;
  std::vector<std::pair<std::string, int>>
      to;  // upstreams with their weights; none: an answer from here
  std::vector<std::string> require;
  std::optional<std::vector<std::string>> limits;  // left out: those of defaults
  std::optional<int> response_ms;
  std::string priority;
  std::string response_header;  // set on the answer: changes nothing that is decided
};

struct Gateway {
  int head_cap = 32 * 1024;  // bytes, whole KiB
  int response_ms = 30'000;  // of defaults
  std::vector<std::string> default_limits;
  std::vector<Identity> identities;
  std::vector<Limit> limits;
  std::vector<Upstream> upstreams;
  std::vector<Route> routes;

  Limit& limit(std::string_view name);
  Route& route(std::string_view name);
  Upstream& upstream(std::string_view name);
};

// Revision R0: what runs, and what the mutants are mutants of.
Gateway base_gateway();
std::string yaml(const Gateway& gateway);

}  // namespace mutants
