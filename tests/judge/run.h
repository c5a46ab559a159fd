// One change brought out in stages before a judge, as its driver would: ten minutes of learning, shadow 2 min, canary 1 % 2 min,
// 5 % 5 min, 25 % 5 min, then watched until an hour after the canary began. A stage that is not passed is held, at most a
// quarter of an hour; then it goes on (`promote_watched`) or ends.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "changes.h"
#include "rollout/judge.h"
#include "rollout/staging.h"
#include "world.h"

namespace judged {

struct Options {
  bool promote_watched = true;
  std::optional<weir::rollout::Unit> unit;   // else by the traffic
  double hour = 60 * kMinute;                // watched until then
};

struct Result {
  std::string change;
  std::optional<weir::rollout::Failure> failure;
  weir::rollout::Judgement last;
  weir::rollout::Staging staging;
  std::vector<weir::rollout::Missing> held_for;   // of the first hold
  double failed_after = 0;   // s since shadow began
  double held = 0;           // s
  bool ended_held = false, unproven = false;
  int comparisons = 0;
  std::uint64_t requests = 0, hurt = 0;   // since shadow began; enforced requests of known callers that the candidate made bad
  std::uint64_t could_hurt = 0, known = 0;   // what the change would make bad, of the requests of known callers
};

Result run(const Setting& setting, const Change& change, const Options& options = {});

}  // namespace judged
