#include "pushes.h"

#include <algorithm>
#include <cmath>
#include <string_view>
#include <utility>

#include "../judge/changes.h"
#include "auth/group_named.h"
#include "base/check.h"
#include "fmt/core.h"

namespace weir::simulated {
namespace {

constexpr std::string_view kLive =
    "version: 1\n"
    "listeners: [{name: public, address: 10.1.0.1:80, trusted_proxies: [127.0.0.0/8]}]\n"
    "identity:\n"
    "  - {name: keys, api_key: {header: X-Api-Key, file: keys.yaml}}\n"
    "  - {name: teams, service: {header: X-Team, from: [198.51.0.0/16]}}\n"
    "  - {name: partners, api_key: {header: X-Partner-Key, file: partners.yaml}}\n"
    "limits:\n"
    "  - {name: per-caller, key: caller, rate: 60/s, burst: 120}\n"
    "  - {name: everybody, key: all, rate: 2000/s, burst: 4000}\n"
    "defaults: {timeouts: {response: 30s}, limits: [per-caller, everybody]}\n"
    "record: {enabled: false}\n"
    "rollout: {shadow: 2m, canary: [5%: 3m, 25%: 3m], watch: 60m, max_hold: 3m, on_not_enough_data: promote_watched}\n"
    "upstreams:\n"
    "  - {name: shop, endpoints: [{address: 10.2.0.1:9001, weight: 8}, {address: 10.2.0.1:9002, weight: 1}], ejection: false}\n"
    "  - {name: back, endpoints: [10.2.0.1:9003, 10.2.0.1:9004]}\n"
    "routes:\n"
    "  - {name: catalog, match: {path: /catalog/*}, upstream: shop}\n"
    "  - {name: orders, match: {path: /orders/*}, upstream: back}\n"
    "  - {name: auth, match: {path: /auth/*}, upstream: back}\n"
    "  - {name: payments, match: {path: /payments/*}, upstream: back}\n"
    "  - {name: internal, match: {path: /internal/*}, upstream: back}\n"
    "  - {name: reports, match: {path: /reports/*}, upstream: back}\n";

// One place of the configuration, written anew.
std::string with(std::string_view what, const std::string& instead, std::string text = std::string(kLive)) {
  const std::size_t at = text.find(what);
  WEIR_CHECK(at != std::string::npos);
  return text.replace(at, what.size(), instead);
}

constexpr std::string_view kRollout = "rollout: {shadow: 2m, canary: [5%: 3m, 25%: 3m], watch: 60m, max_hold: 3m, on_not_enough_data: promote_watched}\n";
constexpr std::string_view kPerCaller = "rate: 60/s, burst: 120}", kWeights = "9001, weight: 8}", kIdentity = "  - {name: keys, ", kRoutes = "routes:\n";

std::string route_line(std::string_view name, std::string_view more) {
  return fmt::format("  - {{name: {0}, match: {{path: /{0}/*}}, upstream: {1}{2}}}\n", name, name == "catalog" ? "shop" : "back", more);
}
std::string with_route(std::string_view name, const std::string& more) { return with(route_line(name, ""), route_line(name, more)); }

// All but the catalog: 2 to 15 % of the requests take it.
std::string_view some_route(judged::Dice& dice) { return judged::kRoutes[1 + dice.below(5)]; }

}  // namespace

std::string pushed_over() { return std::string(kLive); }

// The second one of the shop takes six times as long and has a worker for each 40 requests a second: enough for a ninth of them.
std::vector<ServiceOptions> pushed_services() {
  const ServiceOptions wide{.workers = 10'000, .queue = 0, .needs = {}};
  return {wide, {.workers = 1, .queue = 8, .slowdown = 6, .needs = {}}, wide, wide};
}

Push benign_push(std::uint64_t seed) {
  judged::Dice dice(seed ^ 0x9b);
  Push push{.name = "", .candidate = "", .weather = judged::benign(seed).weather};
  switch (seed % 8) {
    case 0: push.name = "limit loosened", push.candidate = with(kPerCaller, fmt::format("rate: {}/s, burst: 240}}", 80 + dice.below(75))); break;
    case 1: push.name = "timeout above all durations", push.candidate = with("response: 30s", fmt::format("response: {}s", 40 + dice.below(80))); break;
    case 2: push.name = "route that nobody takes", push.candidate = with(kRoutes, "routes:\n  - {name: new, match: {path: /new/*}, upstream: back}\n"); break;
    case 3: push.name = "weights moved a little", push.candidate = with(kWeights, "9001, weight: 7}"); break;
    case 4: push.name = "limit that nobody reaches", push.candidate = with("limits:\n", "limits:\n  - {name: new, key: client_ip, rate: 500/s}\n", with("limits: [per", "limits: [new, per")); break;
    case 5: push.name = "header added", push.candidate = with_route(some_route(dice), ", response_headers: {set: {X-Served-By: weir}}"); break;
    case 6: push.name = "route split in two", push.candidate = with(kRoutes, "routes:\n  - {name: reading, match: {path: /orders/*, methods: [GET]}, upstream: back}\n"); break;
    default: push.name = "other balance", push.candidate = with("9004]}", "9004], balance: least_request}"); break;
  }
  return push;
}

Push harmful_push(std::uint64_t seed) {
  judged::Dice dice(seed ^ 0x9f);
  Push push{.name = "", .harmful = true, .candidate = "", .weather = {}};
  switch (seed % 8) {
    case 0: push.name = "limit too tight for all", push.candidate = with(kPerCaller, fmt::format("rate: {}/min, burst: {}}}", 4 + dice.below(200), 2 + dice.below(4))); break;
    case 1:
      push.name = "limit too tight for a heavy caller";
      push.candidate = with(kPerCaller, fmt::format("rate: 60/s, burst: 120, overrides: [{{callers: [c{}], rate: 6/min, burst: 2}}]}}", dice.below(10)));
      break;
    case 2: push.name = "callers counted as teams", push.candidate = with(kPerCaller, "rate: 5/s, burst: 10}", with(kIdentity, "  - {name: teams, service: {header: X-Team, from: [198.51.0.0/16]}}\n" + std::string(kIdentity), with("  - {name: teams, service: {header: X-Team, from: [198.51.0.0/16]}}\n", ""))); break;
    case 3: push.name = "timeout below what is usual", push.candidate = with_route("payments", fmt::format(", timeouts: {{response: {}ms}}", 15 + dice.below(65))); break;
    case 4: {
      const std::string_view route = some_route(dice);
      push.name = fmt::format("route {} removed", route), push.candidate = with(route_line(route, ""), "");
      break;
    }
    case 5: push.name = "weights that overload an endpoint", push.candidate = with(kWeights, "9001, weight: 1}"); break;
    case 6: {
      const std::string_view route = some_route(dice);
      push.name = fmt::format("keys denied on {}", route), push.candidate = with_route(route, ", auth: {require: [partners]}");
      break;
    }
    default: {
      const std::string_view route = some_route(dice);
      push.name = fmt::format("a header that {} needs is removed", route), push.candidate = with_route(route, fmt::format(", request_headers: {{remove: [{}]}}", kCrowdMark));
      break;
    }
  }
  return push;
}

std::string tenant_refused(std::string_view group) {
  return with(kPerCaller, fmt::format("rate: 60/s, burst: 120, overrides: [{{groups: [{}], rate: 1/min, burst: 1}}]}}", group));
}

std::string tenant_broken(std::string_view group) {
  return with(kRoutes, fmt::format("routes:\n  - {{name: tenant, match: {{path: /catalog/*, headers: [{{name: X-Tenant, value: {}}}]}}, upstream: shop, request_headers: {{remove: [{}]}}}}\n",
                                   group, kCrowdMark));
}

namespace {

std::string text_of(const std::string& text, const PushOptions& options) { return options.as_shipped ? with(kRollout, "", text) : with("watch: 60m", "watch: " + options.watch, text); }

std::string tenant_of(const rollout::Judgement& judgement, const Crowd& crowd) {
  if (!judgement.failure) return "";
  const bool guard = judgement.failure->kind == rollout::Failure::Kind::guard;
  const rollout::SliceName& worst = guard ? judgement.guards[static_cast<std::size_t>(judgement.failure->guard)].worst : judgement.since.worst;
  return worst.kind == rollout::SliceName::Kind::group ? auth::group_named(*crowd.keys(1), kGoingOutKey, worst.value) : "";
}

GoingOutOptions options_of(const Push& what, const PushOptions& options) {
  GoingOutOptions out{.setting = options.setting, .live = text_of(pushed_over(), options), .services = pushed_services()};
  if (options.as_shipped) out.setting = {.callers = 2000, .requests_per_s = 300};
  out.setting.seed = options.seed;
  out.setting.weather = what.weather;
  for (ServiceOptions& service : out.services) service.needs = "x-mark";
  out.services[1].workers = static_cast<std::size_t>(std::lround(out.setting.requests_per_s / 40));
  return out;
}

}  // namespace

PushResult push(const Push& what, const PushOptions& options) {
  const GoingOutOptions world = options_of(what, options);
  GoingOut going(world);
  going.run(options.learns);
  going.crowd().count_anew();
  going.begin(text_of(what.candidate, options), {.way = rollout::Way::pipeline, .author = "simulation", .reason = what.name, .fast = options.fast, .confirm_within = {}});
  const Stamp began = going.now();
  going.run_until([&] { return going.machine()->ended(); }, options.at_most);
  PushResult result{.status = going.status(), .tenant = tenant_of(going.judgement(), going.crowd()), .took = going.now() - began, .hurt = {}, .findings = {}};
  result.findings = going.end();
  result.hurt = going.crowd().all();
  result.hour_hurt = static_cast<double>(result.hurt.hurt) / (3600 * world.setting.requests_per_s);
  return result;
}

Harm unjudged(const Push& what, const PushOptions& options, Nanos time) {
  GoingOut going(options_of(what, options));
  going.run(std::chrono::seconds(10));
  going.force(text_of(what.candidate, options));
  going.run(std::chrono::seconds(1));
  going.crowd().count_anew();
  going.run(time);
  return {.all = going.crowd().all(), .most = going.crowd().hurt_most()};
}

}  // namespace weir::simulated
