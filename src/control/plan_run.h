// `weir plan` from its question to its report: the configurations are read and compiled, the input
// is opened, and each request of it is asked of the plan (replay/plan.h) in the order of time.
// Reads files and may take long: the command line or the study, never a loop.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "config/compile.h"
#include "model/override.h"
#include "replay/plan_report.h"

namespace weir::replay {
class Review;
}

namespace weir::control {

struct PlanQuestion {
  std::string file;                     // the configuration that is judged; "": limits alone
  std::optional<config::Input> input;   // where set: it, as `file` calls it
  std::vector<std::string> limits;      // 'client_ip 10/s burst=20': one rule with nothing else
  std::vector<std::string> sets;        // limits.per-caller.rate=5/s, in `file`
  std::vector<std::string> unsets;      // routes.old, in `file`
  std::string base = "as-recorded";       // or a configuration
  // The plan of a change to a gateway: the base is what is live, and both decide with the overrides in force. What was recorded under
  // an earlier revision, or before an override, is not the change's doing.
  struct Over {
    config::Input live;
    std::vector<Override> overrides;
  };
  std::optional<Over> over;
  std::string base_text;                  // where not "": that configuration; `base` only names it
  std::vector<std::string> logs;        // "-": standard input
  std::vector<std::string> recordings;  // a data_dir, or its folder of segments
  std::string log_format = "auto";
  std::vector<std::string> fields;  // foreign/field_map.h
  std::string host;                 // of log lines that have none
  std::string zone;                 // of times that have none: foreign/format.h
  // What may be harmed; else as the configuration says (rollout.harm_budget).
  std::optional<std::uint64_t> budget_known;
  std::optional<double> budget_requests;
  // Data folders whose caller directory tells who is known; the first that has one counts.
  std::vector<std::string> directories;
  bool retries = false;  // model those of refused callers
  replay::Review* review = nullptr;  // counts along; good until run_plan has answered
  // Told now and then: bytes read, and all bytes (0: not known).
  std::function<void(std::uint64_t, std::uint64_t)> progress;
  const std::atomic<bool>* given_up = nullptr;   // once true: ends soon, with a report of what was read until then; recordings alone
};

struct PlanAnswer {
  replay::PlanReport report;
  std::string subject;             // "gateway.yaml", "client_ip 10/s burst=20"
  std::string base;                // "as recorded", "old.yaml"
  std::string input;               // "log", "recording"
  std::vector<std::string> files;  // that Source::file of the report counts
  std::vector<std::string> notes;  // about the input; printable
};

Result<PlanAnswer> run_plan(const PlanQuestion& question);

}  // namespace weir::control
