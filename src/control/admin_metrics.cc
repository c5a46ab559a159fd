// /metrics of the admin interface: counters of the workers, and what the control thread knows.
#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "control/admin.h"
#include "control/gateway.h"
#include "control/history.h"
#include "control/version.h"
#include "decide/admission.h"
#include "export/metrics_text.h"
#include "export/process_stats.h"

namespace weir::control {
namespace {

using Answer = io::Task<AdminReply>;

// As many as have a series of their own.
std::vector<exporting::MetricsContext::UpstreamHealth> upstream_health(Gateway& gateway) {
  const Policy& policy = gateway.policy();
  proxy::ConditionsKeeper& keeper = gateway.conditions();
  const Stamp now = gateway.loop().refresh();
  gateway.traffic_feed().turn(now);
  std::vector<exporting::MetricsContext::UpstreamHealth> all;
  const std::size_t most = exporting::MetricsBudget{}.upstreams;
  for (std::size_t i = 0; i < std::min(policy.upstreams.size(), most); ++i) {
    const Upstream& upstream = policy.upstreams[i];
    const proxy::HealthCounts& counts = keeper.counts(upstream.name);
    auto& row = all.emplace_back();
    row = {.upstream = upstream.name,
           .panics = keeper.health().panics(UpstreamId{static_cast<std::uint32_t>(i)}),
           .admits = upstream.breaker || upstream.adaptive_limit,
           .in_flight = gateway.in_flight().count(decide::in_flight_identity(upstream)),
           .limit = keeper.health().admits(UpstreamId{static_cast<std::uint32_t>(i)}).limit,
           .breaker = keeper.health().admits(UpstreamId{static_cast<std::uint32_t>(i)}).breaker,
           .probes_good = counts.probes_good,
           .probes_bad = counts.probes_bad,
           .ejections = counts.ejections,
           .amplification = gateway.traffic_feed().amplification().of(upstream.name, now)};
    for (std::uint32_t j = 0; j < upstream.endpoint_count; ++j) {
      const EndpointId id{upstream.first_endpoint + j};
      if (policy.endpoints[id.index()].weight == 0) continue;
      ++row.endpoints;
      row.healthy += keeper.health().state(id) == decide::EndpointState::healthy ? 1 : 0;
    }
  }
  return all;
}

std::vector<exporting::MetricsContext::UpstreamShare> upstream_shares(Gateway& gateway) {
  const Policy& policy = gateway.policy();
  const std::vector<std::optional<double>> ratios = gateway.conditions().share_ratios();
  std::vector<exporting::MetricsContext::UpstreamShare> all;
  for (std::size_t i = 0; i < ratios.size() && all.size() < exporting::MetricsBudget{}.endpoints;
       ++i) {
    const Endpoint& endpoint = policy.endpoints[i];
    if (ratios[i])
      all.push_back({.upstream = policy.upstreams[endpoint.upstream.index()].name,
                     .endpoint = endpoint.name,
                     .ratio = *ratios[i]});
  }
  return all;
}

Answer metrics(Gateway& gateway, const AdminRequest& request) {
  const exporting::MetricsFormat format = exporting::negotiate(request.accept);
  const proxy::Snapshot live = gateway.snapshot();
  const exporting::ScribeStatus scribe = gateway.scribe().status();
  exporting::MetricsContext context{.names = gateway.names(),
                                    .version = kVersion,
                                    .revision = live.policy->revision,
                                    .revision_hash = live.policy->hash,
                                    .workers = gateway.workers().size(),
                                    .recorded_arrivals = scribe.arrivals,
                                    .recorded_bytes = scribe.segment_bytes,
                                    .record_buffers_dropped = scribe.record_buffers_dropped,
                                    .log_bytes = scribe.log_bytes,
                                    .log_buffers_dropped = scribe.log_buffers_dropped,
                                    .disk_low = scribe.disk_low,
                                    .changes_applied = gateway.changes_applied(),
                                    .changes_refused = gateway.changes_refused()};
  context.health = upstream_health(gateway);
  context.shares = upstream_shares(gateway);
  const proxy::NameKeeper::Counts asked = gateway.endpoint_names().counts();
  context.dns = {.answers = asked.answers,
                 .failures = asked.failures,
                 .names = asked.names,
                 .stale = asked.stale};
  const ResourceStates own = gateway.protection().states();
  for (std::size_t i = 0; i < own.size(); ++i) {
    context.own[i] = {.resource = decide::to_string(static_cast<OwnResource>(i)),
                      .level = static_cast<std::uint64_t>(own[i].level),
                      .share = own[i].share};
  }
  context.loop_wait_seconds =
      static_cast<double>(own[static_cast<std::size_t>(OwnResource::loop)].used) / 1e9;
  const replay::FollowerCounts followed = gateway.follower().status().counts;
  context.followed = {.judged = followed.judged,
                      .mismatches = followed.mismatches,
                      .reordered = followed.reordered,
                      .carried_over = followed.carried_over};
  for (std::size_t i = 0; i < followed.unjudged.size(); ++i) {
    const auto why = static_cast<replay::Unfollowed>(i);
    context.followed.unjudged.emplace_back(replay::to_string(why), followed.unjudged[i]);
  }
  std::string text = co_await gateway.study().run(gateway.loop(), [&] {
    context.drifts = !gateway.path().empty() &&
                     !drift_of(gateway.history(), gateway.path(), live.policy->hash).empty();
    context.process = exporting::read_process_stats(gateway.descriptor_tables(), WorkerThread::kKept);
    return exporting::render_metrics(exporting::read_metrics(gateway.shards()), context, format);
  });
  co_return AdminReply{.content_type = std::string(exporting::content_type(format)),
                       .body = std::move(text)};
}

}  // namespace

std::vector<AdminRoute> metrics_routes(Gateway& gateway) {
  const auto answer = [&gateway](const AdminRequest& request) { return metrics(gateway, request); };
  return {{"GET", "/metrics", false, answer}, {"GET", "/api/v1/metrics", false, answer}};
}

}  // namespace weir::control
