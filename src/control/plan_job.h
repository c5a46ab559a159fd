// The plan of a change: what the recorder holds, decided under the candidate, on a thread of its own at the lowest priority. It takes
// a minute or so for a week's traffic, and neither the study nor a loop waits for it.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "config/compile.h"
#include "control/plan_run.h"
#include "rollout/rollout.h"

namespace weir::control {

class PlanJob {
 public:
  // `over`: what is live, and the overrides in force. `done` is called on that thread, once, unless it was given up before. `data_dir`: whose recording.
  PlanJob(config::Input candidate, PlanQuestion::Over over, std::string data_dir, std::function<void(rollout::PlanOutcome)> done);
  ~PlanJob();   // gives it up, and waits for its thread
  PlanJob(const PlanJob&) = delete;
  PlanJob& operator=(const PlanJob&) = delete;

  void give_up() { given_up_ = true; }

 private:
  std::atomic<bool> given_up_{false};
  std::thread thread_;
};

}  // namespace weir::control
