// A rollout as JSON: what `apply`, `status` and the steps of the history show of it. Every number that a person reads stands here.
//
//   {"revision": "r43", "before": "r42", "author", "reason", "person", "forced", "protect",
//    "class": ["limit"], "changes": [{"path", "kind", "before", "after"}], "changes_total", "early": ["listeners.public.caps.head"],
//    "stage", "share", "live", "comparing", "outcome", "mechanism", "by", "why", "exit_code": null | 0 | 1 | 3 | 4 | 5, "unproven", "notes", "alarm",
//    "stage_s", "stage_of_s", "stage_left_s", "held_s", "held_left_s", "confirm_left_s", "frozen_left_s": null | s,
//    "requests", "units", "unit": "caller" | "client address" | "request", "differ", "since_live", "bad_share",
//    "finished": [{"stage", "share", "result", "text", "took_s", "requests", "units", "differ"}], "ahead": [{"stage", "share", "in_s"}],
//    "missing": [{"kind", "subject", "has", "needs", "more_s": null | s, at the present pace}],
//    "judge": null | {"answer", "failure": null | {"kind", "guard", "stage"},
//                     "guards": [{"guard", "count", "of", "share", "control_count", "control_of", "control_share", "evidence", "worst"}],
//                     "since": {…}, "rolls_back_at",
//                     "refused", "access", "cut": {"harm", "requests", "net", "callers"}},
//    "prediction": null | [{"what", "low", "high", "of", "seen", "seen_of", "from", "to", "within"}], of plan and since (rollout/prediction.h)
//    "fill": null | {"limit", "candidate", "control"}, "hottest": null | {"endpoint", "picks_per_s", "sustained_per_s", "ratio"},
//    "not_seen": ["POST on reports"], "not_seen_total", "callers_not_seen"}
// Shares are of 1, times in seconds; evidence is at most kMostEvidence.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/difference.h"
#include "model/change_class.h"
#include "model/names.h"
#include "rollout/coverage.h"
#include "rollout/load.h"
#include "rollout/rollout.h"
#include "rollout/staging.h"

namespace weir::control {

// Of groups in which a guard has found the most, by digest; "": no key has it any more.
using GroupNames = std::map<std::uint64_t, std::string>;

struct RolloutView {
  rollout::Status status;
  Stamp now;
  std::string author, reason;
  bool person = false;
  rollout::Unit unit = rollout::Unit::caller;         // that arms are drawn by
  std::vector<config::Difference> changes;
  ChangeClass touches;
  std::optional<rollout::Judgement> judgement;        // of the present stage
  std::optional<rollout::Fill::Reading> fullest;      // limit
  std::optional<rollout::Load::Endpoint> hottest;
  std::vector<std::string> not_seen;                  // below
  rollout::Observation observed;
  std::size_t callers_not_seen = 0;                   // of the hundred heaviest
  GroupNames groups;
};

inline constexpr double kMostEvidence = 1e9;
inline constexpr std::size_t kMostChanges = 50, kMostNotSeen = 10;   // in the JSON; totals count all

// Without a newline: it is also what a step of the history keeps.
std::string rollout_json(const RolloutView& view, const NameTable& names);

// Of a method as records have it: its first bytes, padded with zeros.
std::string method_text(std::uint64_t method);

// "POST on reports by mtls", for each kind of request that has not felt the candidate. `method` is the text of its digest.
std::vector<std::string> not_seen(const rollout::CoverageReading& coverage, const NameTable& names,
                                  const std::function<std::string(std::uint64_t)>& method);

}  // namespace weir::control
