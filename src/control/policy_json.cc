#include "control/policy_json.h"

#include <algorithm>
#include <array>
#include <unordered_map>
#include <utility>
#include <variant>

#include "base/json.h"
#include "config/values.h"
#include "decide/admission.h"
#include "decide/breaker.h"
#include "fmt/core.h"

namespace weir::control {
namespace {

using exporting::LimitVerdict;
using exporting::MetricsSnapshot;

double milliseconds(Nanos time) { return static_cast<double>(time.count()) / 1e6; }

void field(JsonWriter& json, std::string_view name, const OptionalTime& time) {
  json.key(name);
  if (time)
    json.value(milliseconds(time->value));
  else
    json.null();
}

void place(JsonWriter& json, const Policy& policy, const Source& source) {
  json.field("at", place_text(policy, source));
}

template <class Range, class Text>
void strings(JsonWriter& json, std::string_view name, const Range& range, const Text& text) {
  json.key(name).begin_array();
  for (const auto& each : range) json.value(text(each));
  json.end_array();
}

void latency(JsonWriter& json, const Histogram* seconds) {
  json.field("requests", seconds == nullptr ? 0 : seconds->count());
  for (const auto& [name, quantile] : {std::pair("p50_ms", 0.5), std::pair("p99_ms", 0.99)}) {
    json.key(name);
    if (seconds == nullptr || seconds->count() == 0)
      json.null();
    else
      json.value(milliseconds(seconds->quantile(quantile)));
  }
}

// Rows of the metrics by name; what the budget had no room for has no row of its own.
template <class Row>
std::unordered_map<std::uint32_t, const Row*> by_name(const std::vector<Row>& rows,
                                                      NameId Row::* name) {
  std::unordered_map<std::uint32_t, const Row*> found;
  for (const Row& row : rows) {
    if (!row.overflow) found.emplace((row.*name).value, &row);
  }
  return found;
}

template <class Map>
auto row_of(const Map& rows, NameId name) {
  const auto found = rows.find(name.value);
  return found == rows.end() ? nullptr : found->second;
}

void matches(JsonWriter& json, std::string_view name, const std::vector<HeaderMatch>& list,
             const std::vector<std::string>& watched) {
  json.key(name).begin_array();
  for (const HeaderMatch& match : list) {
    json.begin_object().field("name", watched[match.watched]).key("value");
    if (match.present_only)
      json.null();  // any
    else
      json.value(match.value);
    json.end_object();
  }
  json.end_array();
}

void action(JsonWriter& json, const Route& route, const Policy& policy, const NameTable& names) {
  json.key("action").begin_object();
  if (const auto* forward = std::get_if<Forward>(&route.action)) {
    json.field("kind", "forward").key("upstreams").begin_array();
    for (const WeightedUpstream& part : forward->split) {
      json.begin_object()
          .field("name", names.text(policy.upstreams[part.upstream.index()].name))
          .field("weight", part.weight)
          .end_object();
    }
    json.end_array();
  } else if (const auto* redirect = std::get_if<Boxed<Redirect>>(&route.action)) {
    json.field("kind", "redirect").field("status", (*redirect)->status);
  } else {
    json.field("kind", "direct_response")
        .field("status", std::get<Boxed<DirectResponse>>(route.action)->status);
  }
  json.end_object();
}

std::string_view priority_name(Priority priority) {
  static constexpr std::array<std::string_view, 3> kNames = {"critical", "normal", "sheddable"};
  return kNames[static_cast<std::size_t>(priority)];
}

std::string_view balance_name(BalanceKind kind) {
  static constexpr std::array<std::string_view, 5> kNames = {
      "round_robin", "least_request", "random", "ring_hash", "peak_ewma"};
  return kNames[static_cast<std::size_t>(kind)];
}

void route_json(JsonWriter& json, const Route& route, const Policy& policy, const NameTable& names,
                const Histogram* seconds) {
  const auto same = [](const std::string& text) -> const std::string& { return text; };
  json.begin_object().field("name", names.text(route.name)).key("match").begin_object();
  strings(json, "hosts", route.match.hosts, same);
  json.field("path",
             config::print_path_pattern({.kind = route.match.path_kind, .path = route.match.path}));
  strings(json, "methods", route.match.methods, same);
  matches(json, "headers", route.match.headers, policy.watched_headers);
  matches(json, "query", route.match.queries, policy.watched_queries);
  json.end_object();
  action(json, route, policy, names);
  strings(json, "limits", route.limits,
          [&](LimitId id) { return names.text(policy.limits[id.index()].name); });
  strings(json, "auth", policy.settings_of(route).auth.require,
          [&](IdentityId id) { return names.text(policy.identities[id.index()].name); });
  json.key("external_auth");
  if (const ExternalAuth* const asked = policy.external_auth_of(route)) {
    json.begin_object()
        .field("upstream", names.text(policy.upstreams[asked->upstream.index()].name))
        .field("path", asked->path)
        .field("timeout_ms", milliseconds(asked->timeout.value))
        .field("on_failure", asked->on_failure == ExternalAuth::OnFailure::refuse ? "refuse" : "allow")
        .end_object();
  } else {
    json.null();
  }
  const RouteTimeouts& timeouts = policy.timeouts_of(route);
  json.key("timeouts")
      .begin_object()
      .field("connect_ms", milliseconds(timeouts.connect.value));
  field(json, "response_ms", timeouts.response);
  field(json, "idle_ms", timeouts.idle);
  field(json, "total_ms", timeouts.total);
  json.end_object().field("priority", priority_name(route.priority));
  latency(json, seconds);
  place(json, policy, route.source);
  json.end_object();
}

// Picks of each endpoint of one upstream by name, and their sum.
struct Picks {
  std::unordered_map<std::uint32_t, std::uint64_t> by_endpoint;
  std::uint64_t sum = 0;
};

std::unordered_map<std::uint32_t, Picks> picks_by_upstream(const MetricsSnapshot& counts) {
  std::unordered_map<std::uint32_t, Picks> found;
  for (const MetricsSnapshot::Picks& row : counts.endpoints) {
    if (row.overflow) continue;
    Picks& picks = found[row.upstream.value];
    picks.by_endpoint[row.endpoint.value] += row.count;
    picks.sum += row.count;
  }
  return found;
}

double share(std::uint64_t part, std::uint64_t whole) {
  return whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole);
}

void endpoints_json(JsonWriter& json, const Upstream& upstream, const Policy& policy,
                    const NameTable& names, const Picks& picks, const UpstreamState& state) {
  const std::uint8_t first_tier = upstream.tiers.empty() ? 0 : policy.endpoints[upstream.first_endpoint + upstream.tiers.front().members.front()].tier;
  std::uint64_t weights = 0;
  for (std::uint32_t i = 0; i < upstream.endpoint_count; ++i) {
    const Endpoint& endpoint = policy.endpoints[upstream.first_endpoint + i];
    if (endpoint.tier == first_tier) weights += endpoint.weight;
  }
  json.key("endpoints").begin_array();
  for (std::uint32_t i = 0; i < upstream.endpoint_count; ++i) {
    const std::size_t index = upstream.first_endpoint + i;
    const Endpoint& endpoint = policy.endpoints[index];
    const bool known = index < state.conditions.endpoints.size();
    const auto count = picks.by_endpoint.find(endpoint.name.value);
    const std::uint64_t picked = count == picks.by_endpoint.end() ? 0 : count->second;
    json.begin_object().field("name", names.text(endpoint.name)).key("addresses").begin_array();
    for (const SocketAddress& address : state.conditions.addresses(index))
      json.value(to_string(address));
    json.end_array().field("weight", endpoint.weight).field("tier", endpoint.tier);
    if (index < state.health.size()) json.field("health", to_string(state.health[index]));
    const EndpointConditions now =
        known ? state.conditions.endpoints[index] : EndpointConditions();
    json.field("usable", now.usable)
        .field("warmth", static_cast<double>(now.warmth) / EndpointConditions::kWarm);
    json.field("in_flight", state.in_flight.count(endpoint.identity)).field("picks", picked);
    json.field("share", share(picked, picks.sum))
        .field("share_wanted", endpoint.tier == first_tier ? share(endpoint.weight, weights) : 0);
    json.key("share_ratio");
    if (index < state.share_ratios.size() && state.share_ratios[index]) {
      json.value(*state.share_ratios[index]);
    } else {
      json.null();
    }
    place(json, policy, endpoint.source);
    json.end_object();
  }
  json.end_array();
}

void admission_json(JsonWriter& json, const Upstream& upstream, const UpstreamState& state, std::size_t index) {
  if (!upstream.breaker && !upstream.adaptive_limit) return;
  const UpstreamConditions now =
      index < state.conditions.upstreams.size() ? state.conditions.upstreams[index] : UpstreamConditions();
  json.field("in_flight", state.in_flight.count(decide::in_flight_identity(upstream)));
  if (upstream.breaker) json.field("breaker", decide::to_string(now.breaker));
  if (upstream.adaptive_limit) json.field("limit", now.limit);
}

struct LimitCounts {
  std::uint64_t passed = 0, refused = 0, would = 0;
};

std::unordered_map<std::uint32_t, LimitCounts> count_limits(const MetricsSnapshot& counts) {
  std::unordered_map<std::uint32_t, LimitCounts> found;
  for (const MetricsSnapshot::Limit& row : counts.limits) {
    if (row.overflow) continue;
    LimitCounts& of = found[row.limit.value];
    const bool observed = row.mode == LimitMode::observe;
    (row.verdict == LimitVerdict::passed ? of.passed
     : observed                          ? of.would
                                         : of.refused) += row.count;
  }
  return found;
}

}  // namespace

std::string place_text(const Policy& policy, const Source& source) {
  if (source.line == 0 || source.file >= policy.files.size()) return "";
  return fmt::format("{}:{}", policy.files[source.file], source.line);
}

std::string key_text(std::span<const KeyPart> key, const Policy& policy) {
  static constexpr std::array<std::string_view, 7> kNames = {
      "all", "caller", "client_ip", "client_net", "route", "header:", "query:"};
  std::string out;
  for (const KeyPart& part : key) {
    if (!out.empty()) out += " + ";
    out += kNames[static_cast<std::size_t>(part.kind)];
    if (part.kind == KeyKind::header) out += policy.watched_headers[part.watched];
    if (part.kind == KeyKind::query) out += policy.watched_queries[part.watched];
  }
  return out;
}

std::string routes_json(const Policy& policy, const NameTable& names,
                        const MetricsSnapshot& counts) {
  std::string out;
  JsonWriter json(out);
  const auto rows = by_name(counts.routes, &MetricsSnapshot::Route::route);
  json.begin_object()
      .field("revision", fmt::format("r{}", policy.revision))
      .key("routes")
      .begin_array();
  for (const Route& route : policy.routes) {
    const MetricsSnapshot::Route* row = row_of(rows, route.name);
    route_json(json, route, policy, names, row == nullptr ? nullptr : &row->seconds);
  }
  json.end_array().end_object();
  return out + "\n";
}

std::string upstreams_json(const Policy& policy, const NameTable& names,
                           const MetricsSnapshot& counts, const UpstreamState& state) {
  std::string out;
  JsonWriter json(out);
  const auto rows = by_name(counts.upstreams, &MetricsSnapshot::Upstream::upstream);
  auto picks = picks_by_upstream(counts);
  json.begin_object()
      .field("revision", fmt::format("r{}", policy.revision))
      .key("upstreams")
      .begin_array();
  for (const Upstream& upstream : policy.upstreams) {
    const MetricsSnapshot::Upstream* row = row_of(rows, upstream.name);
    json.begin_object()
        .field("name", names.text(upstream.name))
        .field("balance", balance_name(upstream.balance));
    latency(json, row == nullptr ? nullptr : &row->seconds);
    json.key("connections").begin_object().field("fresh", row == nullptr ? 0 : row->fresh);
    json.field("reused", row == nullptr ? 0 : row->reused).end_object();
    json.field("retries", row == nullptr ? 0 : row->retries).key("retry_amplification");
    const auto index = static_cast<std::size_t>(&upstream - policy.upstreams.data());
    if (index < state.amplification.size() && state.amplification[index])
      json.value(*state.amplification[index]);
    else
      json.null();
    admission_json(json, upstream, state, index);
    endpoints_json(json, upstream, policy, names, picks[upstream.name.value], state);
    place(json, policy, upstream.source);
    json.end_object();
  }
  json.end_array().end_object();
  return out + "\n";
}

namespace {

void learned_json(JsonWriter& json, const Limit& limit, std::size_t callers) {
  if (!limit.learned) {
    json.null();
    return;
  }
  json.begin_object().field("times", limit.learned->factor()).key("floor");
  if (limit.learned->floor)
    json.value(config::print_rate(*limit.learned->floor));
  else
    json.null();
  json.field("callers", callers).end_object();
}

}  // namespace

std::string limits_json(const Policy& policy, const NameTable& names,
                        const MetricsSnapshot& counts, const LearnedRates* learned) {
  std::string out;
  JsonWriter json(out);
  auto decisions = count_limits(counts);
  std::vector<std::uint32_t> routes(policy.limits.size());
  for (const Route& route : policy.routes) {
    for (const LimitId id : route.limits) ++routes[id.index()];
  }
  json.begin_object()
      .field("revision", fmt::format("r{}", policy.revision))
      .key("limits")
      .begin_array();
  for (std::size_t i = 0; i < policy.limits.size(); ++i) {
    const Limit& limit = policy.limits[i];
    const LimitCounts& of = decisions[limit.name.value];
    json.begin_object()
        .field("name", names.text(limit.name))
        .field("key", key_text(limit.key, policy));
    json.field("rate", config::print_rate(limit.rate))
        .field("rate_per_s", limit.rate.per_second())
        .field("burst", limit.burst);
    json.field("mode", limit.mode == LimitMode::enforce ? "enforce" : "observe")
        .field("before_auth", limit.before_auth);
    json.field("overrides", limit.overrides.size()).key("learned");
    learned_json(json, limit, learned == nullptr ? 0 : learned->by_limit[i].size());
    json.field("routes", routes[i]);
    json.field("passed", of.passed)
        .field("refused", of.refused)
        .field("would_have_refused", of.would);
    place(json, policy, limit.source);
    json.end_object();
  }
  json.end_array().end_object();
  return out + "\n";
}

}  // namespace weir::control
