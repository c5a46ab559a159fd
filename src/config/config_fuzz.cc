// Any bytes -> compile. Never a crash, never an endless loop; every report can be rendered; and
// what is accepted keeps the promises that decide relies on: indices in range, nothing empty that
// must not be, and a policy that its own effective text compiles to again.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "config/compile.h"
#include "config/compact_tree.h"
#include "config/report.h"
#include "config/schema.h"
#include "config/spec.h"
#include "config/yaml.h"

namespace {

using namespace weir;

void check_limit(const Policy& policy, const Limit& limit) {
  WEIR_CHECK(limit.burst >= 1 && limit.rate.count > 0 && limit.rate.period.count() > 0 &&
             !limit.key.empty());
  for (const KeyPart& part : limit.key) {
    if (part.kind == KeyKind::header) WEIR_CHECK(part.watched < policy.watched_headers.size());
    if (part.kind == KeyKind::query) WEIR_CHECK(part.watched < policy.watched_queries.size());
    if (limit.before_auth)
      WEIR_CHECK(part.kind == KeyKind::client_ip || part.kind == KeyKind::client_net ||
                 part.kind == KeyKind::route);
  }
  for (const IdentityId id : limit.who.identities)
    WEIR_CHECK(id.index() < policy.identities.size());
}

void check_route(const Policy& policy, const Route& route) {
  WEIR_CHECK(route.match.path.starts_with('/') && route.limits.size() <= kMaxLimitsPerRoute);
  for (const LimitId id : route.limits) WEIR_CHECK(id.index() < policy.limits.size());
  for (const IdentityId id : policy.settings_of(route).auth.require) WEIR_CHECK(id.index() < policy.identities.size());
  WEIR_CHECK(route.settings < policy.settings.size());
  const RouteTimeouts& timeouts = policy.timeouts_of(route);
  WEIR_CHECK(timeouts.connect.value.count() > 0);
  for (const OptionalTime& time : {timeouts.response, timeouts.idle, timeouts.total}) {
    WEIR_CHECK(!time || time->value.count() > 0);
  }
  if (const auto* forward = std::get_if<Forward>(&route.action)) {
    WEIR_CHECK(!forward->split.empty());
    for (const WeightedUpstream& part : forward->split)
      WEIR_CHECK(part.upstream.index() < policy.upstreams.size());
  }
}

void check_policy(const Policy& policy) {
  WEIR_CHECK(!policy.listeners.empty() && !policy.routes.empty());
  for (const Listener& listener : policy.listeners) {
    WEIR_CHECK(listener.caps.connections > 0 && listener.caps.head.count > 0 &&
               listener.caps.fields > 0);
    WEIR_CHECK(listener.timeouts.head.count() > 0 &&
               (listener.address.is_unix() || listener.address.port > 0));
  }
  for (const Limit& limit : policy.limits) check_limit(policy, limit);
  for (const Upstream& upstream : policy.upstreams) {
    WEIR_CHECK(upstream.endpoint_count > 0 &&
               upstream.first_endpoint + upstream.endpoint_count <= policy.endpoints.size());
  }
  for (const Route& route : policy.routes) check_route(policy, route);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace weir::config;
  const std::string text(reinterpret_cast<const char*>(data), size);
  NameTable names;
  const Input input{.files = {{"fuzz.yaml", text}}, .directory = "/srv"};
  const Outcome outcome = compile(input, names);
  for (const std::string& report :
       {render_text(outcome, input.files), render_json(outcome, input.files),
        render_sarif(outcome, input.files, "0")}) {
    WEIR_CHECK(report.find('\x1b') == std::string::npos && report.find('\0') == std::string::npos);
  }
  WEIR_CHECK((outcome.policy == nullptr) == (outcome.errors > 0));
  if (outcome.policy == nullptr) return 0;
  check_policy(*outcome.policy);
  const auto first = effective(input);
  WEIR_CHECK(first.has_value());
  if (outcome.tree != nullptr) WEIR_CHECK(block(write_root(*completed(*outcome.tree))) == *first);
  const auto second = effective({.files = {{"effective.yaml", *first}}, .directory = "/elsewhere"});
  WEIR_CHECK(second.has_value() && *second == *first);
  return 0;
}
