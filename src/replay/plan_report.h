// What a plan found: plain numbers, from which control prints text, JSON, Markdown and SARIF. Where
// the clock of the input is coarse each request was decided in two readings (replay/steps.h): the
// plain numbers are those of the spread one, `low` and `high` the smaller and the greater of the
// two; who is hurt, and whom a limit refuses, is counted in the worse one.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "model/policy.h"
#include "replay/limit_watch.h"
#include "replay/timeouts.h"

namespace weir::replay {

enum class PlanVerdict : std::uint8_t { harmless, harm, not_enough_data };
std::string_view to_string(PlanVerdict verdict);

struct Bounded {
  std::uint64_t value = 0, low = 0, high = 0;
};

struct PlanReport {
  PlanVerdict verdict = PlanVerdict::not_enough_data;
  std::vector<std::string> reasons;  // of the verdict, one sentence each

  struct Input {
    std::uint64_t rows = 0, skipped = 0, late = 0;
    std::optional<WallTime> from, to;
    Nanos clock_resolution{0};
    bool two_readings = false;
    struct CannotJudge {
      std::string what;            // "identity", "host", …, "timeouts", "balance"
      std::uint64_t requests = 0;  // 0: not about single requests
      double share = 0;
      std::string hint;  // what would help
    };
    std::vector<CannotJudge> cannot_judge;
    bool durations = false, statuses = false, upstreams = false;
  } input;

  struct Requests {
    std::uint64_t total = 0, judged = 0, before_refused = 0, after_refused = 0;
    Bounded newly_refused, newly_allowed;
    Bounded newly_expected;  // refused anew as `expect` of a limit wants: not in newly_refused
    std::uint64_t carried_over = 0;   // of after_refused: for health or admission, as recorded
    std::uint64_t route_changed = 0;  // under another configuration as base
  } requests;

  struct CallerCounts {
    std::uint64_t active = 0, known = 0, established = 0;
    Bounded newly_refused, known_newly_refused, established_newly_refused;
  } callers;

  struct LimitPart {
    std::string name;
    Rate rate;
    std::uint64_t burst = 1;
    bool learned = false;  // then those are of callers without a past
    Source source;
    Bounded refused;
    std::uint64_t callers_refused = 0;
    double headroom = 1;  // share of the fullest bucket that was left
    std::optional<NearestSafe> nearest_safe;
    bool too_much_to_keep = false;  // nearest_safe could not be worked out
    struct Top {
      std::string caller;
      std::uint64_t refused = 0;
    };
    std::vector<Top> top;  // the ten most refused
  };
  std::vector<LimitPart> limits;  // those of the policy that a request met, in its order

  struct RoutePart {
    std::string name;                     // "": no route
    std::uint64_t before = 0, after = 0;  // requests let pass there
    Bounded newly_refused;
  };
  std::vector<RoutePart> routes;  // by name

  struct CausePart {
    std::string name;
    std::uint64_t newly_refused = 0;
  };
  std::vector<CausePart> causes;  // most first

  struct BalancePart {
    std::string upstream, endpoint;
    double share = 0;  // of the upstream's requests
    double picks_per_s = 0,
           sustained_per_s = 0;  // of the busiest minute, over all upstreams that it is in
    bool sustained_known = false;
  };
  std::vector<BalancePart> balance;

  struct TimeoutPart {
    std::string route;
    Nanos timeout{0};
    Source source;
    std::uint64_t of = 0,
                  cut = 0;  // requests with a duration; those that the base would not have cut
    double cut_share = 0, low = 0, high = 0;  // Wilson, 95 %
    std::optional<Timeouts::Passed> longer;
  };
  std::vector<TimeoutPart> timeouts;  // those that cut anything, or let through what was cut

  struct HurtPart {
    std::string caller;
    std::uint64_t before_refused = 0, after_refused = 0, newly_refused = 0, of = 0;
    bool known = false, established = false;
    std::uint32_t days = 0;
  };
  std::vector<HurtPart> hurt;  // newly refused, in either reading; most first, then by name

  struct Retries {
    bool modelled = false;
    std::uint64_t newly_refused_with = 0, retries = 0;
  } retries;

  struct How {
    std::vector<std::string> redecided, modelled, carried_over;
  } how;

  struct Minute {
    std::uint64_t requests = 0, newly_refused = 0;
  };
  std::vector<Minute> minutes;  // from the minute of input.from on
  HarmBudget budget;
  bool long_input = false;    // 24 h or more
  bool by_directory = false;  // who is known was asked of a directory of callers
  // Known callers are who must not be hurt; else established ones.
  bool by_known() const { return long_input || by_directory; }
  bool base_is_recorded = true;
};

}  // namespace weir::replay
