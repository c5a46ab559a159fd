// The words of a command line made into what a run is: what is asked, when, of whom. Nothing here
// opens a file or a socket. Errors name the option and say what to write.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "load/mix.h"
#include "load/profile.h"
#include "load/target.h"
#include "load/threshold.h"
#include "load/words.h"

namespace weir::load {

struct Job {
  Target target;
  std::string host;  // to send; "": of the target, or of the log
  std::vector<std::pair<std::string, std::string>> fields;
  std::vector<Request> requests;
  Callers callers;
  Sessions sessions;
  Schedule::Options schedule;
  std::optional<Profile> profile;  // none: closed loop, or a replay
  bool closed_loop = false;
  Nanos length{0};  // of a replay: at most; zero: all of it
  Nanos timeout{0};
  std::size_t connections = 0;
  double speed = 1;
  std::vector<Threshold> thresholds, goals;
  std::string how;  // what was asked, for people

  // Of the same kind at a constant rate, of one route alone: a trial.
  Mix trial(std::size_t route, double rate) const;
  Mix mix() const;
};

Result<Job> read_job(const Words& words);

}  // namespace weir::load
