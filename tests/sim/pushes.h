// Changes of one configuration as people push them, half of them harmless and half of them not, each brought out through the whole proxy
// (going_out.h). What a harmful one would do is not believed but measured: the same traffic under it, with nobody to judge.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "crowd.h"
#include "going_out.h"
#include "rollout/rollout.h"

namespace weir::simulated {

struct Push {
  std::string name;
  bool harmful = false;
  std::string candidate;
  judged::Weather weather;
};

// The configuration that all of them change, and its services.
std::string pushed_over();
std::vector<ServiceOptions> pushed_services();
// Of a benign one the weather is one of the judge's benign changes (tests/judge/changes.h): surges, failing services, night.
Push benign_push(std::uint64_t seed);
Push harmful_push(std::uint64_t seed);
// One tenant's callers refused by an override of a limit; sent on a route of their own, on which the catalog fails.
std::string tenant_refused(std::string_view group);
std::string tenant_broken(std::string_view group);

struct PushOptions {
  std::uint64_t seed = 1;
  judged::Setting setting{.callers = 400, .requests_per_s = 40};
  bool fast = false;                                   // weir apply --fast
  bool as_shipped = false;                             // stages as they are by default, and traffic for them: 300 a second of 2,000 callers
  std::string watch = "60m";
  Nanos learns = std::chrono::minutes(10);
  Nanos at_most = std::chrono::minutes(90);            // from its begin on
};

struct PushResult {
  rollout::Status status;
  std::string tenant;                                  // the group in which the guard that failed has found the most, by name
  Nanos took{0};                                       // until its end
  Crowd::Count hurt;                                   // of known callers, since it began
  double hour_hurt = 0;                                // as a share of an hour's requests
  std::vector<std::string> findings;
  // It never reached all, or was taken back from them.
  bool stopped() const { return status.outcome == rollout::Outcome::stopped || status.outcome == rollout::Outcome::rolled_back; }
};
PushResult push(const Push& what, const PushOptions& options);

// What it does to known callers if nobody stops it.
struct Harm {
  Crowd::Count all, most;   // most: of one caller
  bool is_harmful() const { return all.share() >= 0.01 || most.share() >= 0.5; }
};
Harm unjudged(const Push& what, const PushOptions& options, Nanos time = std::chrono::minutes(5));

}  // namespace weir::simulated
