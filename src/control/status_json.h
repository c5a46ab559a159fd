// `status`: what runs, since when, what it listens on, what it carried and refused, what became of
// the last change, and whether records were lost. As JSON for the admin API, and from that JSON as
// text for `weir status`.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "control/caller_feed.h"
#include "control/follower_thread.h"
#include "control/overrides.h"
#include "control/own_protection.h"
#include "export/metrics.h"
#include "export/process_stats.h"
#include "export/scribe.h"
#include "model/names.h"
#include "model/policy.h"

namespace weir::control {

struct Applied;

struct StatusFacts {
  const Policy& policy;
  const NameTable& names;
  const Applied& last_change;
  std::uint64_t changes_applied = 0, changes_refused = 0;
  std::uint64_t conditions = 0;  // number
  std::string configuration, data_dir;
  std::string rollout = "null";  // control/rollout_json.h
  std::string deploys = "[]";    // under way: control/deploy_json.h
  std::string drift;  // of the file from what is live; "": none
  std::size_t workers = 0;
  bool draining = false;
  std::uint32_t pid = 0;
  WallTime started, now;
  exporting::MetricsSnapshot counts;
  exporting::ScribeStatus scribe;
  FollowerStatus follower;
  CallerFeedStatus callers;
  ResourceStates overload = {};
  std::vector<OverrideInForce> overrides = {};
  Stamp stamp = {};
  exporting::ProcessStats process;
};

std::string status_json(const StatusFacts& facts);

}  // namespace weir::control
