// Changes of a configuration of which it is known whom they hurt, and how: what each of two policies makes of a request.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "rollout/event.h"
#include "world.h"

namespace judged {

// What the request would come to under each policy.
struct Fate {
  weir::rollout::Word control, candidate;
  bool touched = false;
  bool control_bad = false, candidate_bad = false;   // for another reason than its refusal
  double control_s = 0, candidate_s = 0;
  bool gone = false;   // under the candidate it does not come at all
};

struct Change {
  std::string name;
  bool harmful = false;
  Weather weather;
  // `everybody`: all are the candidate's already.
  std::function<void(const Request&, bool everybody, Fate&)> decide;
};

Change benign(std::uint64_t seed);
Change slight(std::uint64_t seed);                          // up to 0.04 % of the requests: harm, but less than must be stopped
Change harmful(std::uint64_t seed, const World& world);     // >= 1 % of the known callers' requests, or half of one known caller's

}  // namespace judged
