// Of lower(): what a route says becomes a Route; what many share is kept once.
#include "config/lowering.h"

#include <fmt/core.h>

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/hash.h"
#include "config/complaint.h"

namespace weir::config {
namespace {

// Fixed: kept answers of an auth service are told apart by it in every process and revision.
constexpr HashKey kExternalAuth{0x77656972'61757468, 1};

PathRewrite path_rewrite(const Given<Path>& prefix, const Given<Path>& path) {
  if (prefix.given())
    return {.kind = PathRewrite::Kind::replace_prefix, .value = prefix.value.text};
  if (path.given()) return {.kind = PathRewrite::Kind::replace_full, .value = path.value.text};
  return {};
}

std::vector<HeaderOperation> operations(const HeadersSpec& spec) {
  using Kind = HeaderOperation::Kind;
  std::vector<HeaderOperation> made;
  for (const auto& name : spec.remove.value)
    made.push_back({.kind = Kind::remove, .name = name.value.text, .value = {}});
  for (const auto& [name, value] : spec.set.value.entries)
    made.push_back({.kind = Kind::set, .name = name.value.text, .value = value.value.text});
  for (const auto& [name, value] : spec.add.value.entries)
    made.push_back({.kind = Kind::add, .name = name.value.text, .value = value.value.text});
  return made;
}

OptionalTime optional_time(const Given<std::optional<Nanos>>& from) {
  if (!from.value) return std::nullopt;
  return ConfiguredTime{.value = *from.value, .source = source(from.at)};
}

RetryRules retry_rules(const Given<RetrySpec>& given) {
  const RetrySpec& spec = given.value;
  RetryRules made{.max_retries = static_cast<std::uint32_t>(spec.max_retries.value),
                  .on = 0,
                  .per_try_timeout = optional_time(spec.per_try_timeout),
                  .budget_ratio = spec.budget.value.ratio.value.of_one(),
                  .budget_min =
                      static_cast<std::uint32_t>(spec.budget.value.min_concurrent.value),
                  .source = source(given.at)};
  for (const auto& each : spec.on.value)
    made.on = static_cast<std::uint8_t>(made.on | 1u << static_cast<unsigned>(each.value));
  return made;
}

}  // namespace

RouteMatch Lowering::match(const MatchSpec& spec) {
  RouteMatch made;
  made.hosts = texts(spec.hosts.value);
  made.path_kind = spec.path.value.kind;
  made.path = spec.path.value.path;
  made.methods = texts(spec.methods.value);
  for (const auto& each : spec.headers.value) {
    made.headers.push_back(
        {.watched = position(policy_->watched_headers, lower_case(each.value.name.value.text)),
         .value = each.value.value.value.text,
         .present_only = !each.value.value.given()});
  }
  for (const auto& each : spec.query.value) {
    made.queries.push_back(
        {.watched = position(policy_->watched_queries, each.value.name.value.text),
         .value = each.value.value.value.text,
         .present_only = !each.value.value.given()});
  }
  return made;
}

decltype(Route::action) Lowering::action(const RouteSpec& spec) {
  if (spec.redirect.given()) {
    const RedirectSpec& from = spec.redirect.value;
    Redirect made{.status = static_cast<std::uint16_t>(from.status.value),
                  .scheme = {},
                  .host = from.host.value.text,
                  .port = std::nullopt,
                  .path = path_rewrite(from.prefix, from.path)};
    if (from.scheme.given()) made.scheme = from.scheme.value == Scheme::https ? "https" : "http";
    if (from.port.given()) made.port = static_cast<std::uint16_t>(from.port.value);
    return Boxed(std::move(made));
  }
  if (spec.respond.given()) {
    const RespondSpec& from = spec.respond.value;
    return Boxed(DirectResponse{.status = static_cast<std::uint16_t>(from.status.value),
                                .content_type = from.content_type.value.text,
                                .body = from.body.value.text});
  }
  Forward made;
  if (spec.upstream.given())
    made.split.push_back(
        {.upstream = id<UpstreamId>(names_.upstreams, spec.upstream.value)});
  for (const auto& part : spec.split.value) {
    made.split.push_back({.upstream = id<UpstreamId>(names_.upstreams, part.value.upstream.value),
                          .weight = static_cast<std::uint32_t>(part.value.weight.value),
                          .arm = part.value.arm.value});
  }
  if (const RewriteSpec& rewrite = spec.rewrite.value; spec.rewrite.given()) {
    made.rewrite = Boxed(TargetRewrite{.path = path_rewrite(rewrite.prefix, rewrite.path), .host = rewrite.host.value.text});
  }
  return made;
}

ExternalAuth Lowering::external_auth(const Given<ExternalAuthSpec>& given) const {
  const ExternalAuthSpec& spec = given.value;
  ExternalAuth made{.upstream = id<UpstreamId>(names_.upstreams, spec.upstream.value),
                    .path = spec.path.value.text,
                    .timeout = {.value = spec.timeout.value, .source = source(spec.timeout.at)},
                    .on_failure = spec.on_failure.value,
                    .headers = {},
                    .take = texts(spec.take.value),
                    .cache = std::nullopt,
                    .digest = 0,
                    .source = source(given.at)};
  std::string asked = fmt::format("{}\n{}\n", spec.upstream.value.text, made.path);
  for (const auto& name : spec.headers.value) {
    made.headers.push_back(lower_case(name.value.text));
    asked += made.headers.back() + "\n";
  }
  for (const std::string& name : made.take) asked += fmt::format("take {}\n", name);
  made.digest = keyed_hash(kExternalAuth, asked);
  if (spec.cache.given()) {
    made.cache = {.ttl = spec.cache.value.ttl.value,
                  .max = static_cast<std::uint32_t>(spec.cache.value.max.value)};
  }
  return made;
}

// What many share is kept once.
std::uint32_t Lowering::settings(const RouteSpec& spec) {
  RouteSettings made;
  for (const auto& ref : spec.concurrency.value) {
    made.concurrency.push_back(static_cast<std::uint16_t>(id<LimitId>(names_.concurrency, ref.value).index()));
  }
  for (const auto& ref : spec.auth.value.require.value)
    made.auth.require.push_back(id<IdentityId>(names_.identities, ref.value));
  if (const auto& external = spec.auth.value.external; external.given()) {
    policy_->external_auths.push_back(external_auth(external));
    made.auth.external = static_cast<std::uint32_t>(policy_->external_auths.size());
  }
  made.auth.source = source(spec.auth.at);
  const RouteTimeoutsSpec& timeouts = spec.timeouts.value;
  made.timeouts = {.connect = {.value = timeouts.connect.value, .source = source(timeouts.connect.at)},
                   .response = optional_time(timeouts.response),
                   .idle = optional_time(timeouts.idle),
                   .total = optional_time(timeouts.total)};
  made.retry = retry_rules(spec.retry);
  made.request_headers = operations(spec.request_headers.value);
  made.response_headers = operations(spec.response_headers.value);
  const auto [at, fresh] = settings_.emplace(std::move(made), static_cast<std::uint32_t>(policy_->settings.size()));
  if (fresh) policy_->settings.push_back(at->first);
  return at->second;
}

Route Lowering::route(const Given<RouteSpec>& given) {
  const RouteSpec& spec = given.value;
  Route made;
  made.name = table_.intern(spec.name.value.text);
  made.match = match(spec.match.value);
  made.action = action(spec);
  for (const bool early : {true, false}) {
    for (const auto& ref : spec.limits.value) {
      const auto limit = id<LimitId>(names_.limits, ref.value);
      if (policy_->limits[limit.index()].before_auth == early) made.limits.push_back(limit);
    }
  }
  made.settings = settings(spec);
  made.priority = spec.priority.value;
  made.encoded_slash_kept = spec.encoded_slash.value == SlashPolicy::keep;
  made.source = source(given.at);
  return made;
}

}  // namespace weir::config
