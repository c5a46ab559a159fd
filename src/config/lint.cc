#include "config/lint.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "config/check.h"
#include "config/complaint.h"
#include "http/fields.h"

namespace weir::config {
namespace {

class Linter {
 public:
  Linter(const Spec& spec, Diagnostics& diagnostics) : spec_(spec), diagnostics_(diagnostics) {}
  void run();

 private:
  void collect_used();
  void routes_in_the_way();
  void unused();
  void unused_of(const RouteSpec& route);
  void bursts();
  void timeouts();
  void auth_timeout(const RouteSpec& route, const DefaultTimeoutsSpec& defaults);
  void keys();
  void nameless();
  void trust();
  void loops();

  Diagnostic& warn(Rule rule, Span at, std::string message, std::string remedy) {
    return diagnostics_.add(rule, at, std::move(message), std::move(remedy));
  }

  const Spec& spec_;
  Diagnostics& diagnostics_;
  std::unordered_set<std::string_view> used_limits_, used_concurrency_, used_upstreams_;
};

void Linter::run() {
  collect_used();
  routes_in_the_way();
  unused();
  bursts();
  timeouts();
  keys();
  nameless();
  trust();
  loops();
}

void Linter::collect_used() {
  for (const auto& each : spec_.routes.value) {
    const RouteSpec& route = each.value;
    const auto& limits = route.limits.given() ? route.limits : spec_.defaults.value.limits;
    for (const auto& ref : limits.value) used_limits_.insert(ref.value.text);
    const auto& concurrency = route.concurrency.given() ? route.concurrency : spec_.defaults.value.concurrency;
    for (const auto& ref : concurrency.value) used_concurrency_.insert(ref.value.text);
    if (route.upstream.given()) used_upstreams_.insert(route.upstream.value.text);
    for (const auto& part : route.split.value)
      used_upstreams_.insert(part.value.upstream.value.text);
    const auto& external = route.auth.value.external;
    if (external.given()) used_upstreams_.insert(external.value.upstream.value.text);
  }
}

// --- routes that stand in each other's way ----------------------------------------------------
// By the order of
// precedence (decide/route) a route is taken before another that matches the same request only if
// its host, path, method, headers or queries are more precise, and then it matches fewer requests.
// So what an earlier route takes away from a later one wholly are exactly the combinations of host
// and method that both name with the same path, headers and queries; a header that the earlier one
// asks for by its name alone may have a value in the later.

// What is asked of headers and queries: "h" or "q" and the name, in order; a value where one is
// asked.
struct Condition {
  std::string name;
  std::optional<std::string_view> value;
};

std::vector<Condition> conditions_of(const MatchSpec& match) {
  const auto value = [](const Given<HeaderValue>& given) {
    return given.given() ? std::optional<std::string_view>(given.value.text) : std::nullopt;
  };
  std::vector<Condition> conditions;
  for (const auto& each : match.headers.value)
    conditions.push_back({"h" + lower_case(each.value.name.value.text), value(each.value.value)});
  for (const auto& each : match.query.value)
    conditions.push_back({"q" + each.value.name.value.text, value(each.value.value)});
  std::sort(conditions.begin(), conditions.end(),
            [](const Condition& a, const Condition& b) { return a.name < b.name; });
  return conditions;
}

// One combination as a text; all parts are free of line ends. Of the conditions with a value those
// whose bit is set in `present` stand as if the name alone were asked for.
std::string text_of(const std::vector<Condition>& conditions, unsigned present) {
  std::string out;
  unsigned bit = 1;
  for (const Condition& each : conditions) {
    ((out += '\n') += each.name) += '\n';
    const bool by_name = !each.value || (present & bit) != 0;
    if (by_name)
      out += '?';
    else
      (out += '=') += *each.value;
    if (each.value) bit <<= 1;
  }
  return out;
}

void Linter::routes_in_the_way() {
  constexpr std::size_t kMaxCombinations = 2'000'000;  // beyond, nothing is said about the rest
  constexpr unsigned kMostValues = 6;                  // each doubles what is looked up
  const auto& routes = spec_.routes.value;
  std::unordered_map<std::string, std::uint32_t> taken;
  taken.reserve(routes.size());
  const std::vector<std::string_view> any = {""};
  std::vector<std::string_view> hosts, methods;
  std::string combination;
  std::vector<std::string> tails;  // its own first, then those that ask for less
  std::size_t looked_up = 0;
  const auto combine = [&](std::string_view host, std::string_view method,
                           const std::string& tail) -> const std::string& {
    return ((((combination.assign(host) += ' ') += method) += ' ') += tail);
  };
  for (std::uint32_t i = 0; i < routes.size() && taken.size() < kMaxCombinations; ++i) {
    const MatchSpec& match = routes[i].value.match.value;
    hosts.clear();
    methods.clear();
    for (const auto& host : match.hosts.value) hosts.push_back(host.value.text);
    for (const auto& method : match.methods.value) methods.push_back(method.value.text);
    const std::vector<Condition> conditions = conditions_of(match);
    const auto values = static_cast<unsigned>(std::ranges::count_if(
        conditions, [](const Condition& each) { return each.value.has_value(); }));
    const unsigned forms = values > kMostValues || looked_up > kMaxCombinations ? 1 : 1u << values;
    tails.clear();
    for (unsigned present = 0; present < forms; ++present)
      tails.push_back(print_path_pattern(match.path.value) + text_of(conditions, present));
    std::size_t lost = 0, all = 0;
    std::uint32_t first_by = 0;
    std::string first_lost;
    for (const std::string_view host : hosts.empty() ? any : hosts) {
      for (const std::string_view method : methods.empty() ? any : methods) {
        ++all;
        std::uint32_t by = taken.try_emplace(combine(host, method, tails.front()), i).first->second;
        for (std::size_t k = 1; k < tails.size(); ++k) {
          ++looked_up;
          const auto entry = taken.find(combine(host, method, tails[k]));
          if (entry != taken.end()) by = std::min(by, entry->second);
        }
        if (by == i) continue;
        if (lost++ == 0) {
          first_by = by;
          first_lost = fmt::format("{}{}{}{}", method, method.empty() ? "" : " ", host,
                                   print_path_pattern(match.path.value));
        }
      }
    }
    if (lost == 0) continue;
    const RouteSpec& route = routes[i].value;
    const Given<Name>& earlier = routes[first_by].value.name;
    const std::string_view name = route.name.value.text;
    if (lost == all) {
      warn(Rule::unreachable_route, route.name.at,
           fmt::format("routes.{}: no request ever takes this route; earlier ones match all of it",
                       name),
           "remove it, move it up, or make its match more precise")
          .notes.push_back({earlier.at, fmt::format("{} comes first", quote(earlier.value.text))});
    } else {
      warn(Rule::duplicate_route, route.name.at,
           fmt::format("routes.{}: requests such as {} go to an earlier route", name,
                       quote(first_lost)),
           "name each combination of host, path and method once")
          .notes.push_back({earlier.at, fmt::format("{} comes first", quote(earlier.value.text))});
    }
  }
}

void Linter::unused() {
  for (const auto& each : spec_.upstreams.value) {
    const Given<Name>& name = each.value.name;
    if (used_upstreams_.contains(name.value.text)) continue;
    warn(Rule::unused_upstream, name.at,
         fmt::format("upstreams.{}: no route leads here", name.value.text),
         "remove it, or name it in a route");
  }
  for (const auto& each : spec_.limits.value) {
    const Given<Name>& name = each.value.name;
    if (used_limits_.contains(name.value.text)) continue;
    warn(Rule::unused_limit, name.at, fmt::format("limits.{}: no route asks it", name.value.text),
         fmt::format("name it in defaults: {{limits: [{0}]}} or in a route, or remove it",
                     name.value.text));
  }
  for (const auto& each : spec_.concurrency.value) {
    const Given<Name>& name = each.value.name;
    if (used_concurrency_.contains(name.value.text)) continue;
    warn(Rule::unused_limit, name.at, fmt::format("concurrency.{}: no route asks it", name.value.text),
         fmt::format("name it in defaults: {{concurrency: [{0}]}} or in a route, or remove it",
                     name.value.text));
  }
  for (const auto& each : spec_.routes.value) unused_of(each.value);
}

// What a redirect or an answer from the configuration has no use for.
void Linter::unused_of(const RouteSpec& route) {
  if (!route.redirect.given() && !route.respond.given()) return;
  const auto idle = [&](std::string_view key, const auto& setting) {
    if (!setting.given()) return;
    warn(Rule::unused_setting, setting.at, fmt::format("routes.{}.{}: the route answers by itself, so nothing uses it", route.name.value.text, key),
         "leave it out");
  };
  if (!route.auth.value.external.given()) idle("timeouts", route.timeouts);   // an auth service is waited for
  idle("retry", route.retry);
  idle("concurrency", route.concurrency);
  idle("priority", route.priority);
}

// Clients bundle requests: a page, a batch, a retry. A bucket that holds less than two seconds of
// its rate refuses callers who are well below the rate.
void Linter::bursts() {
  const auto look = [&](const Given<Rate>& rate, const Given<std::uint64_t>& burst,
                        const std::string& from) {
    const std::uint64_t wanted = two_seconds_of(rate.value);
    if (!burst.given() || burst.value >= wanted) return;
    warn(Rule::small_burst, burst.at,
         fmt::format("{}burst: {} is less than two seconds of {}: callers below the rate are "
                     "refused when requests come together",
                     from, burst.value, print_rate(rate.value)),
         fmt::format("write burst: {} or more, or leave it out", wanted));
  };
  for (const auto& each : spec_.limits.value) {
    const LimitSpec& limit = each.value;
    const auto& parts = limit.key.value.parts;
    if (parts.size() == 1 && parts[0].value.kind == KeyKind::all) continue;
    look(limit.learned.given() ? limit.learned.value.by_default : limit.rate, limit.burst, fmt::format("limits.{}.", limit.name.value.text));
    for (const auto& other : limit.overrides.value) {
      look(other.value.rate, other.value.burst,
           fmt::format("limits.{}.overrides.", limit.name.value.text));
    }
  }
}

// --- timeouts ---------------------------------------------------------------------------------

struct Phase {
  std::string_view name;
  std::optional<Nanos> value;
  Span at;
};

// A timeout that somebody wrote, longer than one that ends it earlier. `inner` must come from the
// block that is looked at: a general default that is longer than one route's own total is no
// mistake.
void compare(const Phase& inner, const Phase& outer, const std::string& from,
             Diagnostics& diagnostics) {
  if (!inner.at.known() || !inner.value || !outer.value || *inner.value <= *outer.value) return;
  Diagnostic& made = diagnostics.add(
      Rule::timeout_order, inner.at,
      fmt::format("{}{}: {} can never pass, {} ends at {}", from, inner.name,
                  print_duration(*inner.value), outer.name, print_duration(*outer.value)),
      fmt::format("write at most {}, or raise {}", print_duration(*outer.value), outer.name));
  if (outer.at.known()) made.notes.push_back({outer.at, fmt::format("{} is set here", outer.name)});
}

template <class Own>
void compare_all(const Own& own, const DefaultTimeoutsSpec& defaults, const std::string& from,
                 Diagnostics& diagnostics) {
  const auto or_default = [](const auto& mine,
                             const auto& general) -> std::pair<std::optional<Nanos>, Span> {
    if (mine.given()) return {mine.value, mine.at};
    return {general.value, general.at};
  };
  const Phase connect{"connect", own.connect.value, own.connect.at};
  const Phase own_response{"response", own.response.value, own.response.at};
  const Phase idle{"idle", own.idle.value, own.idle.at};
  const auto [response_value, response_at] = or_default(own.response, defaults.response);
  const auto [total_value, total_at] = or_default(own.total, defaults.total);
  const Phase total{"total", total_value, total_at};
  compare(connect, {"response", response_value, response_at}, from, diagnostics);
  for (const Phase& phase : {connect, own_response, idle}) compare(phase, total, from, diagnostics);
}

// Asking takes place before the upstream's own timeouts begin, and within the total one.
void Linter::auth_timeout(const RouteSpec& route, const DefaultTimeoutsSpec& defaults) {
  const auto& external = route.auth.value.external;
  if (!external.given()) return;
  const auto& timeout = external.value.timeout;
  const RouteTimeoutsSpec& own = route.timeouts.value;
  const auto look = [&](std::string_view name, const auto& mine, const auto& general,
                        std::string_view means) {
    const auto& limit = mine.given() ? mine : general;
    if (!limit.value || timeout.value < *limit.value) return false;
    Diagnostic& made =
        warn(Rule::timeout_order, timeout.given() ? timeout.at : external.at,
             fmt::format("routes.{}.auth.external.timeout: {} is not below {}, which is {}: {}",
                         route.name.value.text, print_duration(timeout.value), name,
                         print_duration(*limit.value), means),
             fmt::format("write less than {}, or raise {}", print_duration(*limit.value), name));
    if (limit.given()) made.notes.push_back({limit.at, fmt::format("{} is set here", name)});
    return true;
  };
  if (look("total", own.total, defaults.total, "nothing is left for the upstream")) return;
  look("response", own.response, defaults.response,
       "an auth service that hangs would hold a request longer than its upstream may");
}

void Linter::timeouts() {
  const DefaultTimeoutsSpec& defaults = spec_.defaults.value.timeouts.value;
  compare_all(defaults, defaults, "defaults.timeouts.", diagnostics_);
  const auto& per_try = spec_.defaults.value.retry.value.per_try_timeout;
  compare({"per_try_timeout", per_try.value, per_try.at},
          {"response", defaults.response.value, defaults.response.at}, "defaults.retry.",
          diagnostics_);
  for (const auto& each : spec_.routes.value) {
    auth_timeout(each.value, defaults);
    if (!each.value.timeouts.given()) continue;
    compare_all(each.value.timeouts.value, defaults,
                fmt::format("routes.{}.timeouts.", each.value.name.value.text), diagnostics_);
  }
}

// --- keys -------------------------------------------------------------------------------------
// A limit by address counts everyone as one when the address is that of a load balancer. The text
// shows it where a listener cannot be reached by clients from elsewhere (a unix socket, loopback, a
// private network) and names no trusted_proxies: then something stands in front of it, and its
// address is the only one ever seen. Who really has clients there says so with `trusted_proxies:
// []`. A listener on 0.0.0.0 says nothing either way.

bool is_private(const Address& address) {
  static const std::array<Net, 7> nets = [] {
    constexpr std::array<std::string_view, 7> kTexts = {
        "10.0.0.0/8",    "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16",
        "100.64.0.0/10", "fc00::/7",      "fe80::/10"};  // RFC 1918, 3927, 6598, 4193, 4291
    std::array<Net, 7> made;
    for (std::size_t i = 0; i < made.size(); ++i) made[i] = Net::parse(kTexts[i]).value();
    return made;
  }();
  return std::any_of(nets.begin(), nets.end(),
                     [&](const Net& net) { return net.contains(address); });
}

std::string_view reach_of(const SocketAddress& address) {
  if (address.is_unix()) return "a unix socket";
  if (address.address.is_loopback()) return "a loopback address";
  return is_private(address.address) ? "a private address" : "";
}

// The header in which a proxy, or anyone, writes down who the client is.
bool tells_client(std::string_view header) {
  constexpr std::array<std::string_view, 8> kHeaders = {
      "x-forwarded-for",  "x-real-ip",   "forwarded",           "true-client-ip",
      "cf-connecting-ip", "x-client-ip", "x-cluster-client-ip", "fastly-client-ip"};
  return std::find(kHeaders.begin(), kHeaders.end(), header) != kHeaders.end();
}

void Linter::keys() {
  for (const auto& each : spec_.limits.value) {
    const LimitSpec& limit = each.value;
    if (!used_limits_.contains(limit.name.value.text)) continue;
    const std::string from = fmt::format("limits.{}.key: ", limit.name.value.text);
    const bool anonymous = spec_.identity.value.empty() || limit.who.value.anonymous.value;
    for (const auto& part : limit.key.value.parts) {
      const KeyKind kind = part.value.kind;
      const bool by_address = kind == KeyKind::client_ip || kind == KeyKind::client_net ||
                              (kind == KeyKind::caller && anonymous);
      for (const auto& listener : spec_.listeners.value) {
        const std::string_view reach = reach_of(listener.value.address.value);
        if (!by_address || listener.value.trusted_proxies.given() || reach.empty()) continue;
        warn(Rule::key_is_the_proxy, part.at,
             fmt::format("{}listener {} has {} and trusts no proxy: all clients of a load balancer "
                         "in front count as one",
                         from, quote(listener.value.name.value.text), reach),
             "name its networks under trusted_proxies, or write trusted_proxies: [] if clients "
             "connect directly")
            .notes.push_back({listener.value.address.at, "the listener's address is here"});
        break;
      }
      if (kind != KeyKind::header) continue;
      if (tells_client(part.value.name)) {
        warn(Rule::forgeable_key, part.at,
             fmt::format("{}anyone may write any {} and get a new bucket with each request", from,
                         part.value.name),
             "write client_ip, and name the proxies in front under trusted_proxies");
      }
      for (const auto& identity : spec_.identity.value) {
        const auto& header = identity.value.api_key.value.header;
        if (!identity.value.api_key.given() || !http::same_name(header.value.text, part.value.name))
          continue;
        warn(Rule::forgeable_key, part.at,
             fmt::format("{}a made-up {} gets a new bucket with each request", from,
                         part.value.name),
             "write caller: it counts by the credential that was found valid");
      }
    }
  }
}

// Whoever leaves the credential out does not meet a learned limit.
void Linter::nameless() {
  for (const auto& each : spec_.limits.value) {
    const LimitSpec& limit = each.value;
    if (!limit.learned.given() || limit.who.given()) continue;
    warn(Rule::limit_is_not_met, limit.learned.at,
         fmt::format("limits.{}.learned: callers without a credential do not meet this limit", limit.name.value.text),
         "say whom it is for, such as for: {identity: [...]}, and give the others a limit by client_ip");
  }
}

void Linter::trust() {
  const auto look = [&](const List<Net>& nets, const std::string& from, std::string_view what) {
    for (const auto& net : nets) {
      if (net.value.prefix != 0) continue;
      warn(Rule::trusts_everyone, net.at,
           fmt::format("{}{} is everyone: any client may {}", from, to_string(net.value), what),
           "name the networks of your own proxies or services");
    }
  };
  for (const auto& each : spec_.listeners.value) {
    look(each.value.trusted_proxies.value,
         fmt::format("listeners.{}.trusted_proxies: ", each.value.name.value.text),
         "claim any address");
  }
  for (const auto& each : spec_.identity.value) {
    look(each.value.service.value.from.value,
         fmt::format("identity.{}.service.from: ", each.value.name.value.text),
         "claim to be any service");
  }
}

void Linter::loops() {
  for (const auto& each : spec_.upstreams.value) {
    for (const auto& endpoint : each.value.endpoints.value) {
      for (const auto& listener : spec_.listeners.value) {
        if (!leads_to(endpoint.value.address.value, listener.value.address.value)) continue;
        warn(Rule::upstream_is_listener, endpoint.value.address.at,
             fmt::format("upstreams.{}.endpoints: {} is this gateway's own listener {}: requests "
                         "go round until loop_detected",
                         each.value.name.value.text, quote(endpoint.value.address.value.written),
                         quote(listener.value.name.value.text)),
             "name the service itself")
            .notes.push_back({listener.value.address.at, "the listener is here"});
      }
    }
  }
}

}  // namespace

void lint(const Spec& spec, Diagnostics& diagnostics) { Linter(spec, diagnostics).run(); }

}  // namespace weir::config
