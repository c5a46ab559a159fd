// What `show --effective` prints compiles to the policy that it was printed from: for every sound
// configuration among the goldens, the examples and the fuzzer's corpus.
#include <fmt/core.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "config/compile.h"
#include "config/compact_tree.h"
#include "config/report.h"
#include "config/schema.h"
#include "config/spec.h"
#include "config/yaml.h"

namespace weir::config {
namespace {

std::string describe(const CallerSet& who) {
  std::string out;
  for (const IdentityId id : who.identities) out += fmt::format("i{} ", id.value);
  for (const NamePattern& pattern : who.callers) out += pattern.text + " ";
  for (const std::string& group : who.groups) out += "g:" + group + " ";
  return out + (who.anonymous ? "anonymous" : "");
}

std::string describe(const PathRewrite& rewrite) {
  return fmt::format("{} {}", static_cast<int>(rewrite.kind), rewrite.value);
}

std::string describe(const OptionalTime& time) {
  return time ? fmt::format("{}", time->value.count()) : "none";
}

std::string describe(const std::vector<HeaderMatch>& matches) {
  std::string out;
  for (const HeaderMatch& match : matches)
    out += fmt::format("{}={}{} ", match.watched, match.value, match.present_only ? "?" : "");
  return out;
}

std::string describe(const std::vector<HeaderOperation>& operations) {
  std::string out;
  for (const HeaderOperation& each : operations)
    out += fmt::format("{} {}: {}; ", static_cast<int>(each.kind), each.name, each.value);
  return out;
}

std::string describe(const decltype(Route::action)& action) {
  if (const auto* forward = std::get_if<Forward>(&action)) {
    std::string out = "forward ";
    for (const WeightedUpstream& part : forward->split)
      out += fmt::format("{}:{} ", part.upstream.value, part.weight);
    return forward->rewrite ? out + describe(forward->rewrite->path) + forward->rewrite->host : out;
  }
  if (const auto* moved = std::get_if<Boxed<Redirect>>(&action)) {
    const Boxed<Redirect>& redirect = *moved;
    return fmt::format("redirect {} {} {} {} {}", redirect->status, redirect->scheme,
                       redirect->host, redirect->port.value_or(0), describe(redirect->path));
  }
  const DirectResponse& answer = *std::get<Boxed<DirectResponse>>(action);
  return fmt::format("respond {} {} {}", answer.status, answer.content_type, answer.body);
}

std::string describe_limit(const Limit& limit) {
  std::string out = fmt::format("limit {} {}/{} burst {} mode {} early {} for {} cells {:x}{:x}",
                                limit.name.value, limit.rate.count, limit.rate.period.count(),
                                limit.burst, static_cast<int>(limit.mode), limit.before_auth,
                                describe(limit.who), limit.cells.k0, limit.cells.k1);
  for (const KeyPart& part : limit.key)
    out += fmt::format(" key {} {}", static_cast<int>(part.kind), part.watched);
  for (const LimitOverride& each : limit.overrides) {
    out += fmt::format(" override {} {}/{} {} {:x}", describe(each.who), each.rate.count,
                       each.rate.period.count(), each.burst, each.cells.k0);
  }
  if (limit.expect) {
    out += fmt::format(" expect {} {} {}", describe(limit.expect->who),
                       limit.expect->max ? limit.expect->max->count : 0,
                       limit.expect->until ? limit.expect->until->count() : 0);
  }
  return out + "\n";
}

std::string describe_route(const Policy& policy, const Route& route) {
  std::string out = fmt::format("route {} ", route.name.value);
  for (const std::string& host : route.match.hosts) out += host + " ";
  out += fmt::format("{} {} ", static_cast<int>(route.match.path_kind), route.match.path);
  for (const std::string& method : route.match.methods) out += method + " ";
  out += describe(route.match.headers) + "| " + describe(route.match.queries) +
         describe(route.action) + " limits ";
  for (const LimitId id : route.limits) out += fmt::format("{} ", id.value);
  const RouteSettings& settings = policy.settings_of(route);
  for (const IdentityId id : settings.auth.require) out += fmt::format("require {} ", id.value);
  if (const ExternalAuth* const asked = policy.external_auth_of(route)) {
    out += fmt::format("asks {} {} {} {} {:x} ", asked->upstream.value, asked->path, asked->timeout.value.count(),
                       static_cast<int>(asked->on_failure), asked->digest);
    if (asked->cache) out += fmt::format("keeps {} {} ", asked->cache->ttl.count(), asked->cache->max);
  }
  const RouteTimeouts& timeouts = settings.timeouts;
  out += fmt::format("times {} {} {} {} ", timeouts.connect.value.count(), describe(timeouts.response),
                     describe(timeouts.idle), describe(timeouts.total));
  return out + describe(settings.request_headers) + "| " + describe(settings.response_headers) +
         fmt::format("{} {}\n", static_cast<int>(route.priority), route.encoded_slash_kept);
}

std::string describe_listener(const Listener& listener) {
  std::string out =
      fmt::format("listener {} {} ", listener.name.value, to_string(listener.address));
  for (const Net& net : listener.trusted_proxies) out += to_string(net) + " ";
  const auto& [head, body, idle] = listener.timeouts;
  const auto& caps = listener.caps;
  return out + fmt::format("{} {} {} {} {} {} {} {} {}\n", head.count(), body.count(), idle.count(),
                           caps.head.count, caps.line.count, caps.fields,
                           caps.body ? caps.body->count : 0, caps.min_rate.count, caps.connections);
}

// All that decides, nothing of where it was written.
std::string describe(const Policy& policy) {
  std::string out =
      fmt::format("{} {} {} {} {} {} {} {} {} {} {} {}\n", policy.loop.depth, policy.harm_budget.known_callers, policy.harm_budget.requests, policy.data_dir, policy.access_log, policy.record.enabled,
                  policy.workers, policy.via_name, policy.drain.count(),
                  static_cast<int>(policy.rate_limit_fields),
                  policy.refusal_detail ? static_cast<int>(*policy.refusal_detail) : -1,
                  policy.admin ? to_string(*policy.admin) : "");
  const auto nanos = [](const std::optional<Nanos>& time) { return time ? time->count() : -1; };
  const RolloutRules& rollout = policy.rollout;
  out += fmt::format("rollout {} {} {} {} {} ", nanos(rollout.shadow), nanos(rollout.watch), nanos(rollout.max_hold), static_cast<int>(rollout.on_not_enough_data),
                     static_cast<int>(rollout.busy));
  for (const RolloutRules::Step& step : rollout.canary) out += fmt::format("{} {} ", step.share, nanos(step.time));
  for (const std::string& host : policy.admin_hosts) out += host + "\n";
  for (const Listener& listener : policy.listeners) out += describe_listener(listener);
  for (const IdentityRule& rule : policy.identities) {
    out += fmt::format("identity {} {} {} {} {} ", rule.name.value, static_cast<int>(rule.kind),
                       rule.header, rule.scheme, rule.keys_file);
    for (const Net& net : rule.from) out += to_string(net) + " ";
  }
  for (const Limit& limit : policy.limits) out += describe_limit(limit);
  for (const Upstream& upstream : policy.upstreams) {
    out += fmt::format("upstream {} {} {} {}\n", upstream.name.value,
                       static_cast<int>(upstream.balance), upstream.first_endpoint,
                       upstream.endpoint_count);
  }
  for (const Endpoint& endpoint : policy.endpoints) {
    out += fmt::format("endpoint {} {} {} {} {}\n", endpoint.name.value, endpoint.host,
                       to_string(endpoint.address), endpoint.weight, endpoint.identity);
  }
  for (const Route& route : policy.routes) out += describe_route(policy, route);
  for (const std::string& name : policy.watched_headers) out += "watched " + name + "\n";
  for (const std::string& name : policy.watched_queries) out += "watched? " + name + "\n";
  return out;
}

TEST(Effective, CompilesToTheSamePolicy) {
  const std::filesystem::path root(WEIR_ROOT);
  std::size_t seen = 0;
  for (const char* folder : {"tests/config", "examples", "fuzz/config_fuzz"}) {
    for (const auto& entry : std::filesystem::recursive_directory_iterator(root / folder)) {
      if (!entry.is_regular_file()) continue;
      std::ostringstream text;
      text << std::ifstream(entry.path(), std::ios::binary).rdbuf();
      std::string yaml = text.str();
      if (entry.path().extension() == ".txt")
        yaml.resize(std::min(yaml.find("----------------------------------------\n"), yaml.size()));
      NameTable names;
      const Input input{.files = {{"conf/gateway.yaml", yaml}}, .directory = "/srv"};
      const Outcome outcome = compile(input, names);
      if (outcome.policy == nullptr) continue;
      ++seen;
      SCOPED_TRACE(entry.path().filename().string());
      const std::string printed = effective(input).value();
      if (outcome.tree != nullptr) EXPECT_EQ(block(write_root(*completed(*outcome.tree))), printed);
      const Input again{.files = {{"/tmp/effective.yaml", printed}}, .directory = "/elsewhere"};
      const Outcome second = compile(again, names);
      ASSERT_NE(second.policy, nullptr) << render_text(second, again.files) << printed;
      EXPECT_EQ(describe(*outcome.policy), describe(*second.policy)) << printed;
    }
  }
  EXPECT_GE(seen, 30u);
}

}  // namespace
}  // namespace weir::config
