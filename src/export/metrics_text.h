// Metrics as text: the classic exposition format of Prometheus (0.0.4) or OpenMetrics 1.0, by what the scraper accepts.
// Names, labels and units as in docs/guide/metrics.md: base units, `_total` on counters, labels of bounded sets only.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/time.h"
#include "export/metrics.h"
#include "export/process_stats.h"
#include "model/conditions.h"
#include "model/names.h"

namespace weir::exporting {

enum class MetricsFormat : std::uint8_t { prometheus, openmetrics };

// From an Accept header (RFC 9110 12.5.1). OpenMetrics only where it is asked for by name, in version 1.0.0 or none, and
// not liked less than plain text.
MetricsFormat negotiate(std::string_view accept);
std::string_view content_type(MetricsFormat format);

// What is not counted by workers.
struct MetricsContext {
  const NameTable& names;
  std::string_view version;          // of the program
  std::uint32_t revision = 0;        // live
  std::string_view revision_hash;
  std::uint64_t workers = 0;
  std::uint64_t recorded_arrivals = 0, recorded_bytes = 0, record_buffers_dropped = 0;   // of the scribe
  std::uint64_t log_bytes = 0, log_buffers_dropped = 0;
  bool disk_low = false;
  struct Followed {                                                                       // replay::FollowerCounts
    std::uint64_t judged = 0, mismatches = 0, reordered = 0, carried_over = 0;
    std::vector<std::pair<std::string_view, std::uint64_t>> unjudged;
  } followed;
  struct UpstreamHealth {
    NameId upstream;
    std::uint64_t healthy = 0, endpoints = 0;   // that take requests
    bool panics = false;
    bool admits = false;                        // it has a breaker or an adaptive limit; else the next three say nothing
    std::uint64_t in_flight = 0, limit = 0;     // 0: no adaptive limit
    BreakerState breaker = BreakerState::closed;
    std::uint64_t probes_good = 0, probes_bad = 0;
    std::array<std::uint64_t, 3> ejections{};   // consecutive, ratio, latency
    std::optional<double> amplification;        // export/amplification.h
  };
  struct UpstreamShare {
    NameId upstream, endpoint;
    double ratio = 1;
  };
  std::vector<UpstreamShare> shares;                                                      // within the budget of endpoints
  struct Dns {
    std::uint64_t answers = 0, failures = 0, names = 0, stale = 0;
  } dns;
  std::vector<UpstreamHealth> health;                                                     // within the budget of upstreams
  bool drifts = false;                                       // the configuration's file is not what is live
  struct OwnResource {
    std::string_view resource;                  // "": not told
    std::uint64_t level = 0;
    double share = 0;
  };
  std::array<OwnResource, 4> own{};
  double loop_wait_seconds = 0;
  std::uint64_t changes_applied = 0, changes_refused = 0;                                 // of the configuration
  ProcessStats process;
};

std::string render_metrics(const MetricsSnapshot& snapshot, const MetricsContext& context, MetricsFormat format);

}  // namespace weir::exporting
