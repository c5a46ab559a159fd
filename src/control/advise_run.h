// `weir advise` from its question to its answer: a plan of the configuration as it is, with a
// Review that counts along (replay/review.h); then for each finding its candidates are planned in
// turn over the same input, against the present configuration, until one is harmless and no longer
// found. Only that one is proposed. Rules that no request met are tried all together first.
//
// Reads its input once for each plan, so never standard input. Bound: kMostPlans of them; findings
// beyond are told without a proposal. Reads files and takes long: the command line, never a loop.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "control/plan_run.h"
#include "replay/advice.h"

namespace weir::control {

inline constexpr std::size_t kMostPlans = 48;

struct AdviseQuestion {
  PlanQuestion plan;  // file and input; what it says of limits, sets, base and review is not read
  std::vector<replay::Topic> skip;
  WallTime now;
};

struct Proposal {
  std::vector<std::string> sets, unsets;  // as `weir plan` takes them
  // What plan says of going over to it from the present configuration.
  replay::PlanVerdict verdict = replay::PlanVerdict::not_enough_data;
  std::uint64_t requests = 0, newly_refused = 0, known_newly_refused = 0;
};

struct Advised {
  replay::Finding finding;
  std::optional<Proposal> proposal;
  std::string nothing;  // else why there is none
};

struct AdviseAnswer {
  PlanAnswer plan;  // of the configuration as it is
  std::vector<Advised> findings;
  std::vector<replay::CannotJudge> cannot_judge;
  std::vector<replay::Headroom> headroom;
  std::vector<replay::BusyKey> busiest;
  std::optional<Proposal> together;  // all proposals at once, where there are several
  std::vector<replay::Topic> skipped;
};

Result<AdviseAnswer> run_advise(const AdviseQuestion& question);

// 0 nothing found, 3 something, 4 nothing, but not everything could be judged
int advise_exit_code(const AdviseAnswer& answer);

}  // namespace weir::control
