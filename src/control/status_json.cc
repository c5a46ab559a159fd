#include "control/status_json.h"

#include <algorithm>
#include <array>
#include <map>
#include <string_view>

#include "base/json.h"
#include "control/gateway.h"
#include "control/overrides_json.h"
#include "control/text.h"
#include "control/version.h"
#include "fmt/core.h"
#include "model/cause.h"

namespace weir::control {
namespace {

using exporting::MetricsShard;
using exporting::MetricsSnapshot;

void requests(JsonWriter& json, const MetricsSnapshot& counts) {
  std::array<std::uint64_t, 7> classes{};
  std::map<Cause, std::uint64_t> causes;
  std::uint64_t total = 0;
  for (const MetricsSnapshot::Requests& row : counts.requests) {
    total += row.count;
    classes[row.code_class < classes.size() ? row.code_class : 0] += row.count;
    if (row.cause != Cause::none) causes[row.cause] += row.count;
  }
  json.key("requests").begin_object().field("total", total).key("by_class").begin_object();
  static constexpr std::array<std::string_view, 7> kNames = {"unanswered", "1xx", "2xx",  "3xx",
                                                             "4xx",        "5xx", "other"};
  for (const std::size_t each : {2, 3, 4, 5, 1, 0, 6}) json.field(kNames[each], classes[each]);
  json.end_object().key("by_cause").begin_array();
  for (const auto& [cause, count] : causes) {
    json.begin_object()
        .field("cause", info(cause).name)
        .field("side", to_string(info(cause).side))
        .field("count", count)
        .end_object();
  }
  json.end_array()
      .field("bytes_in", counts.bytes_in)
      .field("bytes_out", counts.bytes_out)
      .end_object();
}

void listeners(JsonWriter& json, const StatusFacts& facts) {
  json.key("listeners").begin_array();
  for (const Listener& listener : facts.policy.listeners) {
    MetricsSnapshot::Listener row;
    for (const auto& each : facts.counts.listeners) {
      if (!each.overflow && each.listener == listener.name) row = each;
    }
    json.begin_object()
        .field("name", facts.names.text(listener.name))
        .field("address", to_string(listener.address));
    json.field("connections", row.opened - std::min(row.opened, row.closed))
        .field("accepted", row.opened);
    json.field("refused", row.refused).field("failed", row.failed).end_object();
  }
  json.end_array();
}

void changes(JsonWriter& json, const StatusFacts& facts) {
  json.key("changes")
      .begin_object()
      .field("applied", facts.changes_applied)
      .field("refused", facts.changes_refused)
      .key("last");
  const Applied& last = facts.last_change;
  if (last.at == WallTime()) {
    json.null();
  } else {
    json.begin_object()
        .field("at", time_text(last.at))
        .field("live", last.live)
        .field("revision", fmt::format("r{}", last.revision));
    json.field("author", last.author)
        .field("reason", last.reason)
        .field("errors", last.errors)
        .field("warnings", last.warnings)
        .field("error", last.error)
        .end_object();
  }
  json.end_object();
}

void records(JsonWriter& json, const StatusFacts& facts) {
  const exporting::ScribeStatus& scribe = facts.scribe;
  const auto dropped = [&](MetricsShard::Drop what) {
    return facts.counts.dropped[static_cast<std::size_t>(what)];
  };
  json.key("recording")
      .begin_object()
      .field("on", facts.policy.record.enabled)
      .field("stopped_for_disk", scribe.disk_low);
  json.field("arrivals", scribe.arrivals)
      .field("segments", scribe.segments)
      .field("bytes", scribe.segment_bytes);
  json.field("dropped", dropped(MetricsShard::Drop::arrival) + dropped(MetricsShard::Drop::shape) +
                            dropped(MetricsShard::Drop::flight))
      .field("buffers_dropped", scribe.record_buffers_dropped);
  json.field("errors", scribe.segment_errors).end_object();
  json.key("access_log")
      .begin_object()
      .field("path", facts.policy.access_log)
      .field("bytes", scribe.log_bytes);
  json.field("dropped", dropped(MetricsShard::Drop::log_line))
      .field("buffers_dropped", scribe.log_buffers_dropped)
      .field("errors", scribe.log_errors)
      .end_object();
  json.key("callers")
      .begin_object()
      .field("on", facts.policy.record.enabled)
      .field("written", facts.callers.written)
      .field("waiting", facts.callers.waiting)
      .field("left_out", facts.callers.left_out)
      .field("error", facts.callers.error)
      .field("set_aside", facts.callers.set_aside)
      .end_object();
  json.field("last_error", scribe.last_error);
}

void overload(JsonWriter& json, const StatusFacts& facts) {
  auto worst = decide::ShedLevel::none;
  for (const ResourceState& state : facts.overload) worst = std::max(worst, state.level);
  json.key("overload")
      .begin_object()
      .field("on", facts.policy.overload.enabled)
      .field("level", static_cast<std::uint64_t>(worst))
      .field("refuses", to_string(worst))
      .key("resources")
      .begin_array();
  for (std::size_t i = 0; i < facts.overload.size(); ++i) {
    const ResourceState& state = facts.overload[i];
    const auto resource = static_cast<OwnResource>(i);
    json.begin_object()
        .field("resource", decide::to_string(resource))
        .field("level", static_cast<std::uint64_t>(state.level));
    if (resource == OwnResource::loop)
      json.field("wait_ms", static_cast<double>(state.used) / 1e6);
    else
      json.field("share", state.share);
    if (state.most > 0) json.field("used", state.used).field("most", state.most);
    json.end_object();
  }
  json.end_array().end_object();
}

void outcome(JsonWriter& json, std::string_view key, const replay::Outcome& outcome) {
  json.key(key).begin_object().field("cause", info(outcome.cause).name);
  json.field("route", outcome.route).field("rule", outcome.rule).end_object();
}

void replayed(JsonWriter& json, const FollowerStatus& follower) {
  const replay::FollowerCounts& counts = follower.counts;
  json.key("replay").begin_object().field("judged", counts.judged);
  json.field("mismatches", counts.mismatches).field("reordered", counts.reordered);
  json.field("carried_over", counts.carried_over);
  json.key("unjudged").begin_object();
  for (std::size_t i = 0; i < counts.unjudged.size(); ++i) {
    json.field(replay::to_string(static_cast<replay::Unfollowed>(i)), counts.unjudged[i]);
  }
  json.end_object().field("warming", follower.warming).field("resting", follower.resting).field("skips", follower.skips);
  json.field("snapshots", follower.snapshots).field("errors", follower.errors);
  json.field("behind_s", static_cast<double>(follower.behind.count() / 1'000'000) / 1e3);
  json.key("examples").begin_array();
  for (const replay::Mismatch& mismatch : follower.examples) {
    json.begin_object().field("at", time_text(WallTime(mismatch.stamp.time_since_epoch())));
    json.field("worker", std::uint64_t{mismatch.exchange.worker.value}).field("sequence", mismatch.exchange.sequence);
    outcome(json, "recorded", mismatch.recorded);
    outcome(json, "decided", mismatch.decided);
    json.end_object();
  }
  json.end_array().end_object();
}

}  // namespace

std::string status_json(const StatusFacts& facts) {
  std::string out;
  JsonWriter json(out);
  const Policy& policy = facts.policy;
  json.begin_object()
      .field("version", kVersion)
      .field("revision", fmt::format("r{}", policy.revision))
      .field("hash", policy.hash);
  json.field("configuration", facts.configuration).field("drift", facts.drift).key("rollout").json(facts.rollout).key("deploys").json(facts.deploys).field("data_dir", facts.data_dir);
  json.field("pid", facts.pid).field("workers", facts.workers).field("draining", facts.draining);
  json.field("started_at", time_text(facts.started)).field("now", time_text(facts.now));
  json.field("up_s", static_cast<double>((facts.now - facts.started).count() / 1'000'000) / 1e3);
  listeners(json, facts);
  json.key("admin").begin_object().field("socket", facts.data_dir + "/admin.sock").key("address");
  if (policy.admin)
    json.value(to_string(*policy.admin));
  else
    json.null();
  json.end_object();
  json.key("configured")
      .begin_object()
      .field("routes", policy.routes.size())
      .field("upstreams", policy.upstreams.size());
  json.field("endpoints", policy.endpoints.size())
      .field("limits", std::ranges::count(policy.limits, Cause::limit_rejected, &Limit::cause))
      .field("identities", policy.identities.size())
      .end_object();
  requests(json, facts.counts);
  changes(json, facts);
  records(json, facts);
  replayed(json, facts.follower);
  overload(json, facts);
  write_in_force(json, "overrides", facts.overrides, facts.stamp);
  json.key("process")
      .begin_object()
      .field("memory_bytes", facts.process.resident_bytes)
      .field("cpu_s", facts.process.cpu_seconds);
  json.field("descriptors", facts.process.open_fds)
      .field("descriptors_max", facts.process.max_fds)
      .end_object();
  json.end_object();
  return out + "\n";
}

}  // namespace weir::control
