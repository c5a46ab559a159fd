#include "config/lower.h"

#include <fmt/core.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "base/hash.h"
#include "config/complaint.h"
#include "config/lowering.h"
#include "decide/own_load.h"
#include "decide/prepare.h"

namespace weir::config {
namespace {

// Fixed keys: these hashes name the same cells in every process and revision.
constexpr HashKey kCellsLow{0x77656972'63656c6c, 1}, kCellsHigh{0x77656972'63656c6c, 2};
constexpr HashKey kIdentity{0x77656972'6964656e, 1};

template <class T>
std::vector<T> values(const List<T>& list) {
  std::vector<T> out;
  out.reserve(list.size());
  for (const auto& each : list) out.push_back(each.value);
  return out;
}

void sort_unique(std::vector<std::string>& words) {
  std::sort(words.begin(), words.end());
  words.erase(std::unique(words.begin(), words.end()), words.end());
}

// What a limit counts by, and how fast: when any of it changes, its cells are others.
HashKey cells(std::string_view name, const KeySpec& key, Rate rate, std::uint64_t burst) {
  std::string what = fmt::format("{}\n{} {} {}\n", name, rate.count, rate.period.count(), burst);
  for (const auto& part : key.parts)
    what += fmt::format("{} {}\n", static_cast<int>(part.value.kind), part.value.name);
  return {.k0 = keyed_hash(kCellsLow, what), .k1 = keyed_hash(kCellsHigh, what)};
}

}  // namespace

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

std::shared_ptr<Policy> lower(const Spec& spec, const Names& names, NameTable& table) {
  return Lowering(spec, names, table).run();
}

}  // namespace weir::config
