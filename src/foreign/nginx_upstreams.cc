#include "foreign/nginx_upstreams.h"

#include <algorithm>

#include "fmt/core.h"
#include "foreign/printable.h"

namespace weir::foreign {
namespace {

constexpr std::uint64_t kHeaviest = 1000;

}  // namespace

std::optional<std::string> NginxUpstreams::use(const NginxUrl& url, const NginxDirective& pass,
                                               std::string& why) {
  if (const auto known = names_.find(url.authority); known != names_.end()) return known->second;
  const NginxDirective* block = nullptr;
  if (site_.http.block != nullptr) {
    for (const NginxDirective* each : here(*site_.http.block, "upstream")) {
      if (each->argument(1) == url.authority) block = each;
    }
  }
  std::optional<Made> made;
  if (block != nullptr) {
    made = read_block(*block);
  } else if (const auto address = weir_endpoint(url.authority, "80")) {
    made = Made{.name = weir_name(url.authority, "upstream"),
                .where = verdicts_.where(&pass),
                .balance = {},
                .endpoints = {{.address = *address}}};
  }
  if (!made) {
    why = block != nullptr ? "no server of its upstream takes requests"
                           : "its address cannot be read";
    return std::nullopt;
  }
  made->name = free_name(made->name);
  names_.emplace(url.authority, made->name);
  made_.push_back(std::move(*made));
  return made_.back().name;
}

std::string NginxUpstreams::free_name(std::string_view wanted) const {
  std::string name(wanted);
  for (int number = 2;; ++number) {
    if (std::ranges::find(made_, name, &Made::name) == made_.end()) return name;
    name = fmt::format("{}-{}", wanted, number);
  }
}

std::optional<NginxUpstreams::Made> NginxUpstreams::read_block(const NginxDirective& block) {
  verdicts_.say(&block, Fate::translated);
  Made made{.name = weir_name(block.argument(1), "upstream"), .where = verdicts_.where(&block)};
  for (const NginxDirective* server : here(block, "server")) read_server(*server, made.endpoints);
  read_balance(block, made);
  settle_weights(made.endpoints);
  if (made.endpoints.empty()) return std::nullopt;
  return made;
}

void NginxUpstreams::read_server(const NginxDirective& server, std::vector<Endpoint>& endpoints) {
  const auto address = weir_endpoint(server.argument(1), "80");
  if (!address) {
    verdicts_.say(&server, Fate::not_translatable,
                  "its address cannot be read; the endpoint is left out");
    return;
  }
  Endpoint made{.address = *address, .directive = &server};
  verdicts_.say(&server, Fate::translated);
  for (std::size_t i = 2; i <= server.arguments(); ++i) {
    const std::string_view word = server.argument(i);
    const std::string_view name = word.substr(0, word.find('='));
    if (name == "weight") {
      made.weight = decimal(word.substr(std::min(name.size() + 1, word.size()))).value_or(1);
    } else if (name == "backup") {
      made.backup = true;
    } else if (name == "down") {
      made.down = true;
    } else if (name == "max_fails" || name == "fail_timeout") {
      verdicts_.say(&server, Fate::approximated,
                    "max_fails and fail_timeout: an endpoint is ejected for 30 s after 5 failures in "
                    "a row; write ejection: {consecutive_failures, time} for other numbers");
    } else if (name == "resolve") {
      verdicts_.say(&server, Fate::translated, "weir looks names up again by itself");
    } else {
      verdicts_.say(&server, Fate::approximated,
                    fmt::format("without {}, which weir has not", printable(name, 40)));
    }
  }
  const auto twice = std::ranges::find(endpoints, made.address, &Endpoint::address);
  if (twice == endpoints.end()) {
    endpoints.push_back(std::move(made));
    return;
  }
  verdicts_.say(&server, Fate::approximated,
                "the address stands here twice; the weights are added up");
  if (!made.down && !made.backup) twice->weight += made.weight;
}

// Backups are the second tier; weights fit weir's bounds.
void NginxUpstreams::settle_weights(std::vector<Endpoint>& endpoints) {
  std::uint64_t heaviest = 1;
  for (Endpoint& each : endpoints) {
    if (each.down) each.weight = 0;
    heaviest = std::max(heaviest, each.weight);
  }
  if (heaviest > kHeaviest) {
    for (Endpoint& each : endpoints) {
      if (each.weight == 0) continue;
      each.weight = std::max<std::uint64_t>(1, each.weight * kHeaviest / heaviest);
      verdicts_.say(each.directive, Fate::approximated, "weights are scaled down to at most 1000");
    }
  }
  if (std::ranges::all_of(endpoints, [](const Endpoint& e) { return e.weight == 0; }))
    endpoints.clear();
}

void NginxUpstreams::read_balance(const NginxDirective& block, Made& made) {
  for (const NginxDirective& each : block.inside) {
    const std::string& name = each.name();
    if (name == "server") continue;
    if (name == "least_conn") {
      made.balance = "least_request";
      verdicts_.say(&each, Fate::approximated,
                    "least_request takes the less busy of two endpoints drawn by weight");
    } else if (name == "random") {
      made.balance = each.argument(1) == "two" ? "least_request" : "random";
      verdicts_.say(&each, Fate::translated);
    } else if (name == "ip_hash") {
      made.balance = "ring_hash";
      made.hash = "client_net";
      verdicts_.say(&each, Fate::approximated,
                    "clients of a network (IPv4 /24, IPv6 /48) stay at one endpoint, another one "
                    "than nginx takes, while it has its share");
    } else if (name == "hash" && each.argument(1) == "$remote_addr") {
      made.balance = "ring_hash";
      made.hash = "client_ip";
      verdicts_.say(&each, Fate::approximated,
                    "a client stays at one endpoint, another one than nginx takes, while it has "
                    "its share");
    } else if (name == "hash" || name == "sticky") {
      verdicts_.say(&each, Fate::not_translatable,
                    "clients go to every endpoint in turn (round_robin); ring_hash goes by caller, "
                    "address, header or query: see `hash` in the guide");
    } else if (name.starts_with("keepalive")) {
      verdicts_.say(&each, Fate::translated, "weir always keeps connections to upstreams");
    } else if (name == "zone") {
      verdicts_.say(&each, Fate::translated, "weir's workers share what they must by themselves");
    } else if (name == "include") {
      verdicts_.say(&each, Fate::translated, "read");
    } else {
      verdicts_.say_all(each, Fate::not_translatable, "not known to this importer");
    }
  }
}

std::string NginxUpstreams::yaml() const {
  if (made_.empty()) return "";
  std::string out = "\nupstreams:\n";
  for (const Made& made : made_) {
    out += fmt::format("  # {}\n  - name: {}\n", made.where, yaml_scalar(made.name));
    out += "    endpoints:\n";
    for (const Endpoint& each : made.endpoints) {
      const std::string address = yaml_scalar(each.address);
      const std::string from =
          each.directive == nullptr ? "" : fmt::format("    # {}", verdicts_.where(each.directive));
      const std::string tier = each.backup ? ", tier: 1" : "";
      if (each.weight == 1 && tier.empty())
        out += fmt::format("      - {}{}\n", address, from);
      else
        out += fmt::format("      - {{address: {}, weight: {}{}}}{}\n", address, each.weight, tier,
                           from);
    }
    if (!made.balance.empty()) out += fmt::format("    balance: {}\n", made.balance);
    if (!made.hash.empty()) out += fmt::format("    hash: {}\n", made.hash);
  }
  return out;
}

}  // namespace weir::foreign
