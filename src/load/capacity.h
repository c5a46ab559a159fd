// The highest rate that a server keeps within goals, route by route, by trials of open-loop load
// (load/search.h).
//
// A trial holds when every goal does, errors are at most 1 % (unless a goal speaks of errors), and
// everything that was due was sent. Where the generator itself fell behind, or calls waited while
// it was out of processor time, a trial says nothing of the server: it is made again, and where
// that does not help the search ends, and the answer is "at least".
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "load/outcome.h"
#include "load/search.h"
#include "load/threshold.h"

namespace weir::load {

struct Trial {
  double rate = 0;
  bool held = false, is_void = false;  // void: its figures are the generator's
  std::string why;                     // it did not hold
  Nanos p50{0}, p99{0};
  double error_share = 0;
};
Trial judge_trial(double rate, const std::vector<Threshold>& goals, const Outcome& outcome);

struct Capacity {
  std::string route;
  std::vector<Trial> trials;
  std::optional<double> holds, fails;  // calls a second
  bool by_generator = false;           // this machine could go no further
  bool done = false;                   // the search came to its end
};

struct CapacityReport {
  std::string target, goals;
  std::vector<Capacity> routes;
  bool interrupted = false;
};
// 0: a rate was found for every route; 99: for one none holds; 1: for one it was cut short; 4: for
// one only "at least", or this machine could not tell.
int exit_code(const CapacityReport& report);
std::string capacity_text(const CapacityReport& report);
std::string capacity_json(const CapacityReport& report);

}  // namespace weir::load
