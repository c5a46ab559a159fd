#include "replay/review.h"

#include <algorithm>

#include "replay/plan.h"

namespace weir::replay {
namespace {

constexpr std::int64_t kMinute = 60'000'000'000;
constexpr std::uint16_t kClientGone = 499, kGatewayTimeout = 504;
// A gateway that cuts at T logs T and a little.
constexpr Nanos kAtTimeout = std::chrono::milliseconds(10);

// 499 says nginx, 0 says Envoy: the client went away before it was answered.
bool is_gone(std::uint16_t status) { return status == kClientGone || status == 0; }

}  // namespace

void Review::begin(const Policy& policy, const NameTable& names) {
  policy_ = &policy;
  names_ = &names;
  counts_ = {};
  kept_ = {};
  counts_.limits.resize(policy.limits.size());
  for (std::size_t i = 0; i < policy.limits.size(); ++i)
    counts_.limits[i].overridden.resize(policy.limits[i].overrides.size());
  counts_.routes.resize(policy.routes.size());
  counts_.identities.resize(policy.identities.size());
  counts_.endpoints.resize(policy.endpoints.size());
  counts_.upstreams.resize(policy.upstreams.size());
}

void Review::turn(WallTime time, Callers::Index caller) {
  if (!counts_.from) counts_.from = time;
  counts_.to = time;
  time_ = time;
  minute_ = static_cast<std::uint64_t>(time.time_since_epoch().count() / kMinute);
  caller_ = caller;
  ++counts_.requests;
}

void Review::asked(std::size_t reading, const LimitAsk& ask) {
  LimitUse& use = counts_.limits[ask.limit.index()];
  if (reading == 0) {
    ++use.asked;
    if (ask.overridden) ++use.overridden[*ask.overridden];
  }
  if (ask.refused && !ask.expected) ++use.refused[reading][caller_];
  if (ask.overridden) return;
  auto at = use.keys[reading].find(ask.key);
  if (at == use.keys[reading].end()) {
    if (kept_[reading] == kMostKeys) {
      use.incomplete = true;
      return;
    }
    ++kept_[reading];
    at = use.keys[reading].emplace(ask.key, KeyUse{}).first;
  }
  KeyUse& key = at->second;
  key.expected = key.expected || ask.expected;
  if (ask.fill > key.fullest) {
    key.fullest = ask.fill;
    key.caller = caller_;
  }
  const auto minute = static_cast<std::uint32_t>(minute_);
  if (key.minute != minute) key.now = 0;
  key.minute = minute;
  key.best = std::max(key.best, ++key.now);
}

void Review::decided(const PlanRequest& request, Unjudged why, const Verdict& verdict) {
  counts_.with_status += request.past.status ? 1 : 0;
  counts_.with_response += request.past.response ? 1 : 0;
  if (why != Unjudged::none) {
    ++counts_.unjudged;
    return;
  }
  if (request.after->evidence_known) {
    for (std::size_t i = 0; i < request.after->evidence.size(); ++i)
      counts_.identities[i] += request.after->evidence[i].result == EvidenceResult::valid ? 1 : 0;
  } else {
    ++counts_.evidence_unknown;
  }
  if (!verdict.route.valid()) return;
  ++counts_.routes[verdict.route.index()].requests;
  count_auth(request, verdict);
  if (verdict.action != Action::forward) return;
  count_times(request, verdict);
  count_load(request, verdict);
  count_failures(request, counts_.upstreams[verdict.upstream.index()]);
}

void Review::count_times(const PlanRequest& request, const Verdict& verdict) {
  if (!request.past.response) return;
  RouteUse& route = counts_.routes[verdict.route.index()];
  const auto& response = policy_->timeouts_of(policy_->routes[verdict.route.index()]).response;
  const Nanos took = *request.past.response;
  const std::uint64_t weight = request.past.weight;  // of exchanges it stands for
  const auto add = [&](std::unique_ptr<Histogram>& to) {
    if (to == nullptr) to = std::make_unique<Histogram>();
    to->add_bucket(histogram_bucket(took), weight);
  };
  if (request.past.status && is_gone(*request.past.status)) return add(route.gone);
  add(route.answered);
  route.timed += weight;
  if (!response) return;
  const bool cut = request.past.status == kGatewayTimeout && took >= response->value - kAtTimeout;
  route.reached += cut || took > response->value ? weight : 0;
  route.cut += cut ? weight : 0;
  count_late(request, route);
}

void Review::count_late(const PlanRequest& request, RouteUse& route) const {
  const LateResult late = request.past.late;
  if (late == LateResult::not_asked || late == LateResult::dropped) return;
  ++route.late_known;
  if (late != LateResult::success) return;
  if (route.late == nullptr) route.late = std::make_unique<Histogram>();
  route.late->add(request.past.late_time);
}

void Review::count_failures(const PlanRequest& request, UpstreamUse& upstream) const {
  const Past& past = request.past;
  if (past.failed) {
    const std::int64_t micros = std::clamp<std::int64_t>(past.failed->count() / 1000, 0, UINT32_MAX);
    if (upstream.failed.size() < kMostFailed) upstream.failed.push_back(static_cast<std::uint32_t>(micros));
  } else if (past.recorded && past.response && !past.cut && past.status && *past.status < 500) {
    if (upstream.good == nullptr) upstream.good = std::make_unique<Histogram>();
    upstream.good->add_bucket(histogram_bucket(*past.response), past.weight);
  }
}

// Calls of a service that bears the same name: it is the one whose timeout is looked at.
void Review::count_auth(const PlanRequest& request, const Verdict& verdict) {
  if (!request.past.auth) return;
  const ExternalAuth* const asked = policy_->external_auth_of(policy_->routes[verdict.route.index()]);
  if (asked == nullptr ||
      names_->text(policy_->upstreams[asked->upstream.index()].name) != request.past.auth_upstream)
    return;
  RouteUse& route = counts_.routes[verdict.route.index()];
  if (route.auth == nullptr) route.auth = std::make_unique<Histogram>();
  route.auth->add_bucket(histogram_bucket(*request.past.auth), request.past.weight);
  if (*request.past.auth >= asked->timeout.value) route.auth_reached += request.past.weight;
}

void Review::count_load(const PlanRequest& request, const Verdict& verdict) {
  const bool failed = request.past.status && *request.past.status >= 500;
  UpstreamUse& upstream = counts_.upstreams[verdict.upstream.index()];
  const auto add = [&](Load& load, auto& closes) {
    if (load.minute != minute_) {
      close(closes);
      load.minute = minute_;
      load.now = load.failed = 0;
    }
    ++load.now;
    load.failed += failed ? 1 : 0;
  };
  add(upstream.load, upstream);
  const auto hour = static_cast<std::size_t>((time_ - *counts_.from).count() / (kMinute * 60));
  const std::size_t index = std::min(hour, kMostHours - 1);
  if (index >= upstream.hours.size()) upstream.hours.resize(index + 1);
  upstream.hours[index] = std::max(upstream.hours[index], upstream.load.now);

  if (request.past.endpoint.empty()) return;
  const auto endpoint = endpoint_of(verdict.upstream, request.past.endpoint);
  if (!endpoint) return;
  ++counts_.with_endpoint;
  add(counts_.endpoints[*endpoint], counts_.endpoints[*endpoint]);
}

// The minute that has ended.
void Review::close(Load& endpoint) const {
  endpoint.most = std::max(endpoint.most, endpoint.now);
  if (endpoint.failed <= kFailing * endpoint.now)
    endpoint.best = std::max(endpoint.best, endpoint.now);
}

void Review::close(UpstreamUse& upstream) const {
  if (upstream.load.failed > kFailing * upstream.load.now && upstream.failing.size() < kMostFailing)
    upstream.failing.push_back(upstream.load.now);
  close(upstream.load);
}

std::optional<std::size_t> Review::endpoint_of(UpstreamId id, std::string_view name) const {
  const Upstream& upstream = policy_->upstreams[id.index()];
  for (std::size_t i = 0; i < upstream.endpoint_count; ++i) {
    const std::size_t at = upstream.first_endpoint + i;
    if (names_->text(policy_->endpoints[at].name) == name) return at;
  }
  return std::nullopt;
}

void Review::finish(const PlanReport& report, const Callers& callers) {
  for (Load& endpoint : counts_.endpoints) close(endpoint);
  for (UpstreamUse& upstream : counts_.upstreams) close(upstream);
  advice_ = advise(AdviceInput{.policy = *policy_,
                               .names = *names_,
                               .counts = counts_,
                               .report = report,
                               .callers = callers,
                               .facts = facts_});
}

}  // namespace weir::replay
