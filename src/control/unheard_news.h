// What the gateway tells its follower (replay/follower.h) of policies, until that hears it: in order, and no more policies than
// the follower would keep of them, for it may have no core for long while one change follows the other. Of those let go
// it hears the traces they left in the limits, and arrivals under them are not judged, just as if it had heard them all.
//
// One thread's own; who passes them between two is control/follower_thread.h.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/time.h"
#include "model/policy.h"
#include "replay/follower.h"

namespace weir::control {

struct PolicyNews {
  enum class What : std::uint8_t { policy, beside, alone } what;
  std::uint32_t revision = 0;
  std::string hash;                              // of its policy; beside: none
  std::uint64_t first_conditions = 0;            // these two of a policy
  std::shared_ptr<const Policy> policy;
  Stamp from, until;                             // when it began to decide so
};

class UnheardNews {
 public:
  void add(PolicyNews news);
  // All of `more`, which is younger, and is empty then.
  void take(UnheardNews& more);

  const std::vector<PolicyNews>& all() const { return all_; }
  const replay::PolicyTraces& let_go() const { return let_go_; }

 private:
  std::vector<PolicyNews> all_;
  replay::PolicyTraces let_go_;                  // of policies that are not among them any more
};

}  // namespace weir::control
