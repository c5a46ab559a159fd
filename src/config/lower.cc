#include "config/lower.h"

#include <fmt/core.h>

#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/hash.h"
#include "config/complaint.h"
#include "decide/own_load.h"
#include "decide/prepare.h"

namespace weir::config {
namespace {

// Fixed keys: these hashes name the same cells and pools in every process and revision.
constexpr HashKey kCellsLow{0x77656972'63656c6c, 1}, kCellsHigh{0x77656972'63656c6c, 2};
constexpr HashKey kEndpoint{0x77656972'656e6470, 1},
    kIdentity{0x77656972'6964656e, 1}, kExternalAuth{0x77656972'61757468, 1};

Source source(Span at) { return {.file = at.file, .line = at.line, .column = at.column}; }

template <class T>
std::vector<T> values(const List<T>& list) {
  std::vector<T> out;
  out.reserve(list.size());
  for (const auto& each : list) out.push_back(each.value);
  return out;
}

template <class T>
std::vector<std::string> texts(const List<T>& list) {
  std::vector<std::string> out;
  out.reserve(list.size());
  for (const auto& each : list) out.push_back(each.value.text);
  return out;
}

std::uint16_t position(const std::vector<std::string>& sorted, std::string_view word) {
  const auto found = std::lower_bound(sorted.begin(), sorted.end(), word);
  WEIR_CHECK(found != sorted.end() && *found == word);
  return static_cast<std::uint16_t>(found - sorted.begin());
}

void sort_unique(std::vector<std::string>& words) {
  std::sort(words.begin(), words.end());
  words.erase(std::unique(words.begin(), words.end()), words.end());
}

class Lowering {
 public:
  Lowering(const Spec& spec, const Names& names, NameTable& table)
      : spec_(spec), names_(names), table_(table) {}
  std::shared_ptr<Policy> run();

 private:
  void watched();
  void settings();
  Listener listener(const Given<ListenerSpec>& given);
  IdentityRule identity(const Given<IdentitySpec>& given);
  CallerSet callers(const CallersSpec& spec);
  Limit limit(const Given<LimitSpec>& given);
  ConcurrencyLimit concurrency(const Given<ConcurrencySpec>& given);
  std::vector<KeyPart> key(const KeySpec& spec) const;
  HealthCheck health_check(const Given<HealthCheckSpec>& given) const;
  Ejection ejection(const Given<EjectionSpec>& given) const;
  Breaker breaker(const Given<BreakerSpec>& given) const;
  void upstream(const Given<UpstreamSpec>& given);
  std::uint32_t shared(const RouteTimeouts& timeouts);
  std::uint32_t shared(const RetryRules& rules);
  ExternalAuth external_auth(const Given<ExternalAuthSpec>& given) const;
  Route route(const Given<RouteSpec>& given);
  RouteMatch match(const MatchSpec& spec);
  std::variant<Forward, Redirect, DirectResponse> action(const RouteSpec& spec);

  template <class IdType, class Ref>
  IdType id(const NameIndex& index, const Ref& ref) const {
    const auto found = index.find(ref.text);
    WEIR_CHECK(found != index.end());
    using Rep = decltype(IdType::value);
    return IdType{static_cast<Rep>(found->second)};
  }

  const Spec& spec_;
  const Names& names_;
  NameTable& table_;
  std::shared_ptr<Policy> policy_ = std::make_shared<Policy>();
  std::map<RouteTimeouts, std::uint32_t> timeouts_;   // where each stands in Policy::timeouts
  std::map<RetryRules, std::uint32_t> retries_;       // and in Policy::retries
};

std::shared_ptr<Policy> Lowering::run() {
  watched();
  settings();
  for (const auto& each : spec_.listeners.value) policy_->listeners.push_back(listener(each));
  for (const auto& each : spec_.identity.value) policy_->identities.push_back(identity(each));
  for (const auto& each : spec_.limits.value) policy_->limits.push_back(limit(each));
  for (const auto& each : spec_.concurrency.value) policy_->concurrency_limits.push_back(concurrency(each));
  for (const auto& each : spec_.upstreams.value) upstream(each);
  policy_->routes.reserve(spec_.routes.value.size());
  for (const auto& each : spec_.routes.value) policy_->routes.push_back(route(each));
  // The bounds it could break were checked before: limits of a route, endpoints of an upstream.
  WEIR_CHECK(decide::prepare(*policy_).has_value());
  return std::move(policy_);
}

void Lowering::watched() {
  auto& headers = policy_->watched_headers;
  auto& queries = policy_->watched_queries;
  const auto watch = [&](const KeyPartSpec& part) {
    if (part.kind == KeyKind::header) headers.push_back(part.name);
    if (part.kind == KeyKind::query) queries.push_back(part.name);
  };
  for (const auto& part : spec_.record.value.watch.value) watch(part.value);
  for (const auto& each : spec_.limits.value) {
    for (const auto& part : each.value.key.value.parts) watch(part.value);
  }
  for (const auto& each : spec_.concurrency.value) {
    for (const auto& part : each.value.key.value.parts) watch(part.value);
  }
  for (const auto& each : spec_.upstreams.value) {
    for (const auto& part : each.value.hash.value.key.value.parts) watch(part.value);
  }
  for (const auto& each : spec_.routes.value) {
    for (const auto& header : each.value.match.value.headers.value)
      headers.push_back(lower_case(header.value.name.value.text));
    for (const auto& query : each.value.match.value.query.value)
      queries.push_back(query.value.name.value.text);
  }
  sort_unique(headers);
  sort_unique(queries);
}

void Lowering::settings() {
  Policy& policy = *policy_;
  if (spec_.admin.given()) policy.admin = spec_.admin.value.address.value;
  policy.admin_hosts = texts(spec_.admin.value.hosts.value);
  policy.data_dir = spec_.data_dir.value.text;
  if (spec_.refusals.value.detail.given())
    policy.refusal_detail = spec_.refusals.value.detail.value;
  policy.rate_limit_fields = spec_.rate_limit_fields.value;
  policy.access_log = spec_.access_log.value.text == "off" ? "" : spec_.access_log.value.text;
  const RecordSpec& record = spec_.record.value;
  policy.record = {.enabled = record.enabled.value,
                   .shapes = {.paths = record.paths.value, .addresses = record.addresses.value},
                   .keep = record.keep.value,
                   .max_bytes = record.max_bytes.value};
  for (const auto& server : spec_.dns.value.servers.value)
    policy.dns.servers.push_back(server.value);
  policy.dns.min_ttl = spec_.dns.value.min_ttl.value;
  policy.dns.max_ttl = spec_.dns.value.max_ttl.value;
  const OverloadSpec& overload = spec_.overload.value;
  policy.overload = {.enabled = overload.enabled.value,
                     .memory = overload.memory.given() ? std::optional(overload.memory.value) : std::nullopt,
                     .from = overload.from.value.of_one(),
                     .queue_delay = overload.queue_delay.value,
                     .names = {},
                     .source = source(spec_.overload.at)};
  for (std::size_t i = 0; i < kOwnResources; ++i)
    policy.overload.names[i] = table_.intern(decide::to_string(static_cast<OwnResource>(i)));
  policy.loop = {.depth = static_cast<std::uint32_t>(spec_.loop.value.depth.value),
                 .source = source(spec_.loop.value.depth.at)};
  const HarmBudgetSpec& budget = spec_.rollout.value.harm_budget.value;
  policy.harm_budget = {.known_callers = budget.known_callers.value,
                        .requests = budget.requests.value.of_one()};
  const RolloutSpec& rollout = spec_.rollout.value;
  policy.rollout = {.shadow = rollout.shadow.value, .canary = {}, .watch = rollout.watch.value, .max_hold = rollout.max_hold.value,
                    .on_not_enough_data = rollout.on_not_enough_data.value, .busy = rollout.busy.value};
  for (const auto& step : rollout.canary.value.steps) policy.rollout.canary.push_back({.share = step.value.share.of_one(), .time = step.value.time});
  policy.workers = static_cast<std::uint32_t>(spec_.workers.value);
  policy.deadline_header = spec_.deadline.value.header.value.text;
  policy.via_name = spec_.via_name.value.text;
  policy.drain = spec_.drain.value;
}

Listener Lowering::listener(const Given<ListenerSpec>& given) {
  const ListenerSpec& spec = given.value;
  const auto& caps = spec.caps.value;
  const auto& timeouts = spec.timeouts.value;
  Listener made;
  made.name = table_.intern(spec.name.value.text);
  made.address = spec.address.value;
  made.trusted_proxies = values(spec.trusted_proxies.value);
  made.timeouts = {
      .head = timeouts.head.value, .body = timeouts.body.value, .idle = timeouts.idle.value};
  made.caps = {.head = caps.head.value,
               .line = caps.line.value,
               .fields = static_cast<std::uint32_t>(caps.fields.value),
               .body = caps.body.value,
               .min_rate = caps.min_rate.value.per_second,
               .connections = static_cast<std::uint32_t>(caps.connections.value)};
  made.source = source(given.at);
  return made;
}

IdentityRule Lowering::identity(const Given<IdentitySpec>& given) {
  const IdentitySpec& spec = given.value;
  IdentityRule made;
  made.name = table_.intern(spec.name.value.text);
  made.digest = keyed_hash(kIdentity, spec.name.value.text);
  made.source = source(given.at);
  if (spec.api_key.given()) {
    made.kind = IdentityKind::api_key;
    made.header = lower_case(spec.api_key.value.header.value.text);
    made.scheme = spec.api_key.value.scheme.value.text;
    made.keys_file = spec.api_key.value.file.value.text;
  } else {
    made.kind = IdentityKind::service;
    made.header = lower_case(spec.service.value.header.value.text);
    made.from = values(spec.service.value.from.value);
  }
  return made;
}

CallerSet Lowering::callers(const CallersSpec& spec) {
  CallerSet made;
  for (const auto& ref : spec.identity.value)
    made.identities.push_back(id<IdentityId>(names_.identities, ref.value));
  for (const auto& pattern : spec.callers.value) made.callers.push_back({pattern.value.text});
  made.groups = texts(spec.groups.value);
  made.anonymous = spec.anonymous.value;
  return made;
}

// What a limit counts by, and how fast: when any of it changes, its cells are others.
HashKey cells(std::string_view name, const KeySpec& key, Rate rate, std::uint64_t burst) {
  std::string what = fmt::format("{}\n{} {} {}\n", name, rate.count, rate.period.count(), burst);
  for (const auto& part : key.parts)
    what += fmt::format("{} {}\n", static_cast<int>(part.value.kind), part.value.name);
  return {.k0 = keyed_hash(kCellsLow, what), .k1 = keyed_hash(kCellsHigh, what)};
}

std::vector<KeyPart> Lowering::key(const KeySpec& spec) const {
  std::vector<KeyPart> made;
  for (const auto& part : spec.parts) {
    KeyPart key{.kind = part.value.kind, .watched = 0};
    if (key.kind == KeyKind::header)
      key.watched = position(policy_->watched_headers, part.value.name);
    if (key.kind == KeyKind::query)
      key.watched = position(policy_->watched_queries, part.value.name);
    made.push_back(key);
  }
  return made;
}

// What is under way does not depend on how much may be: a change of it starts nothing anew.
ConcurrencyLimit Lowering::concurrency(const Given<ConcurrencySpec>& given) {
  const ConcurrencySpec& spec = given.value;
  return {.name = table_.intern(spec.name.value.text),
          .key = key(spec.key.value),
          .who = callers(spec.who.value),
          .max_in_flight = static_cast<std::uint32_t>(spec.max_in_flight.value),
          .cells = cells(spec.name.value.text, spec.key.value, Rate{}, 0),
          .source = source(given.at)};
}

Breaker Lowering::breaker(const Given<BreakerSpec>& given) const {
  const BreakerSpec& spec = given.value;
  return {.max_in_flight = static_cast<std::uint32_t>(spec.max_in_flight.value),
          .max_in_flight_per_endpoint = static_cast<std::uint32_t>(spec.max_in_flight_per_endpoint.value),
          .failure_ratio = spec.failure_ratio.given() ? spec.failure_ratio.value.of_one() : 0,
          .min_requests = static_cast<std::uint32_t>(spec.min_requests.value),
          .window = spec.window.value,
          .open = spec.open.value,
          .max_open = spec.max_open.value,
          .probes = static_cast<std::uint32_t>(spec.probes.value),
          .source = source(given.at)};
}

Limit Lowering::limit(const Given<LimitSpec>& given) {
  const LimitSpec& spec = given.value;
  Limit made;
  made.name = table_.intern(spec.name.value.text);
  made.key = key(spec.key.value);
  made.rate = spec.rate.value;
  made.burst = spec.burst.value;
  made.mode = spec.mode.value;
  made.before_auth = spec.before_auth.value;
  made.who = callers(spec.who.value);
  for (const auto& each : spec.overrides.value) {
    made.overrides.push_back({.who = callers(each.value),
                              .rate = each.value.rate.value,
                              .burst = each.value.burst.value,
                              .cells = cells(spec.name.value.text, spec.key.value,
                                             each.value.rate.value, each.value.burst.value),
                              .pace = {},
                              .source = source(each.at)});
  }
  if (spec.learned.given()) {
    const LearnedSpec& learned = spec.learned.value;
    made.learned = {.times = static_cast<std::uint32_t>(learned.times.value),
                    .floor = learned.floor.given() ? std::optional(learned.floor.value) : std::nullopt,
                    .source = source(spec.learned.at)};
  }
  if (spec.expect.given()) {
    const ExpectSpec& expect = spec.expect.value;
    made.expect.emplace();
    made.expect->who = callers(expect);
    if (expect.max.given()) made.expect->max = expect.max.value;
    if (expect.until.given()) made.expect->until = expect.until.value;
  }
  made.cells = cells(spec.name.value.text, spec.key.value, spec.rate.value, spec.burst.value);
  made.source = source(given.at);
  return made;
}

HealthCheck Lowering::health_check(const Given<HealthCheckSpec>& given) const {
  const HealthCheckSpec& spec = given.value;
  HealthCheck made;
  made.path = spec.path.value.text;
  made.host = spec.host.value.text;
  for (const auto& each : spec.status.value) made.status.push_back(each.value.value);
  made.body = spec.body.value.text;
  made.interval = spec.interval.value;
  made.timeout = spec.timeout.value;
  made.rise = static_cast<std::uint32_t>(spec.rise.value);
  made.fall = static_cast<std::uint32_t>(spec.fall.value);
  made.source = source(given.at);
  return made;
}

Ejection Lowering::ejection(const Given<EjectionSpec>& given) const {
  const EjectionSpec& spec = given.value;
  return {.consecutive_failures = static_cast<std::uint32_t>(spec.consecutive_failures.value),
          .failure_ratio = spec.failure_ratio.value.of_one(),
          .latency_factor = static_cast<double>(spec.latency_factor.value),
          .min_requests = static_cast<std::uint32_t>(spec.min_requests.value),
          .window = spec.window.value,
          .time = spec.time.value,
          .max_time = spec.max_time.value,
          .max_share = spec.max_share.value.of_one(),
          .source = source(given.at)};
}

void Lowering::upstream(const Given<UpstreamSpec>& given) {
  const UpstreamSpec& spec = given.value;
  const UpstreamId self{static_cast<std::uint32_t>(policy_->upstreams.size())};
  Upstream made;
  made.name = table_.intern(spec.name.value.text);
  made.balance = spec.balance.value;
  made.hash.key = key(spec.hash.value.key.value);
  const std::optional<Share>& above = spec.hash.value.above_share.value;
  made.hash.load = above ? std::optional(1 + above->of_one()) : std::nullopt;
  made.first_endpoint = static_cast<std::uint32_t>(policy_->endpoints.size());
  made.endpoint_count = static_cast<std::uint32_t>(spec.endpoints.value.size());
  if (spec.health_check.given()) made.health_check = health_check(spec.health_check);
  if (spec.ejection.value.enabled.value)
    made.ejection = ejection(spec.ejection);
  else
    made.ejection.reset();
  made.slow_start = spec.slow_start.value;
  made.panic_below = spec.panic_below.value.of_one();
  if (spec.breaker.given()) made.breaker = breaker(spec.breaker);
  if (const AdaptiveLimitSpec& adaptive = spec.adaptive_limit.value; spec.adaptive_limit.given() && adaptive.enabled.value) {
    made.adaptive_limit = {.min = static_cast<std::uint32_t>(adaptive.min.value),
                           .max = static_cast<std::uint32_t>(adaptive.max.value),
                           .tolerance = 1 + adaptive.tolerance.value.of_one(),
                           .source = source(spec.adaptive_limit.at)};
  }
  made.late_probe = spec.late_probe.value;
  made.version_header = spec.version_header.value.text;
  made.source = source(given.at);
  for (const auto& each : spec.endpoints.value) {
    const EndpointAddress& address = each.value.address.value;
    policy_->endpoints.push_back({.name = table_.intern(address.written),
                                  .upstream = self,
                                  .host = address.host,
                                  .address = address.address,
                                  .weight = static_cast<std::uint32_t>(each.value.weight.value),
                                  .tier = static_cast<std::uint8_t>(each.value.tier.value),
                                  .identity = keyed_hash(kEndpoint, address.written),
                                  .source = source(each.at)});
  }
  policy_->upstreams.push_back(std::move(made));
}

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

PathRewrite path_rewrite(const Given<Path>& prefix, const Given<Path>& path) {
  if (prefix.given())
    return {.kind = PathRewrite::Kind::replace_prefix, .value = prefix.value.text};
  if (path.given()) return {.kind = PathRewrite::Kind::replace_full, .value = path.value.text};
  return {};
}

std::variant<Forward, Redirect, DirectResponse> Lowering::action(const RouteSpec& spec) {
  if (spec.redirect.given()) {
    const RedirectSpec& from = spec.redirect.value;
    Redirect made{.status = static_cast<std::uint16_t>(from.status.value),
                  .scheme = {},
                  .host = from.host.value.text,
                  .port = std::nullopt,
                  .path = path_rewrite(from.prefix, from.path)};
    if (from.scheme.given()) made.scheme = from.scheme.value == Scheme::https ? "https" : "http";
    if (from.port.given()) made.port = static_cast<std::uint16_t>(from.port.value);
    return made;
  }
  if (spec.respond.given()) {
    const RespondSpec& from = spec.respond.value;
    return DirectResponse{.status = static_cast<std::uint16_t>(from.status.value),
                          .content_type = from.content_type.value.text,
                          .body = from.body.value.text};
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
  made.rewrite = path_rewrite(spec.rewrite.value.prefix, spec.rewrite.value.path);
  made.host = spec.rewrite.value.host.value.text;
  return made;
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

// What many share is kept once: its place in `all`.
template <class T>
std::uint32_t place_of(const T& value, std::map<T, std::uint32_t>& places, std::vector<T>& all) {
  const auto [at, fresh] = places.emplace(value, static_cast<std::uint32_t>(all.size()));
  if (fresh) all.push_back(value);
  return at->second;
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

std::uint32_t Lowering::shared(const RouteTimeouts& timeouts) {
  return place_of(timeouts, timeouts_, policy_->timeouts);
}
std::uint32_t Lowering::shared(const RetryRules& rules) {
  return place_of(rules, retries_, policy_->retries);
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
  made.timeouts = shared(
      {.connect = {.value = timeouts.connect.value, .source = source(timeouts.connect.at)},
       .response = optional_time(timeouts.response),
       .idle = optional_time(timeouts.idle),
       .total = optional_time(timeouts.total)});
  made.retry = shared(retry_rules(spec.retry));
  made.request_headers = operations(spec.request_headers.value);
  made.response_headers = operations(spec.response_headers.value);
  made.priority = spec.priority.value;
  made.encoded_slash_kept = spec.encoded_slash.value == SlashPolicy::keep;
  made.source = source(given.at);
  return made;
}

}  // namespace

std::shared_ptr<Policy> lower(const Spec& spec, const Names& names, NameTable& table) {
  return Lowering(spec, names, table).run();
}

}  // namespace weir::config
