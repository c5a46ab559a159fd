// Plan: what going over to a policy would do to the people in an input, request by request, in
// virtual time. Fed by whoever reads the input (control/plan_run.h); nothing here opens a file.
//
// Base: what the input says became of each request (`as recorded`), or another policy that is
// decided beside the new one. As recorded, a request is newly refused where the new policy refuses
// and its recorded status is neither 429 nor the one that it would be refused with; newly allowed
// where it was answered 429 and is let pass. What `expect` of a limit wants refused is counted
// apart, and is no harm. A log's clock cannot tell which of a caller's requests close to one another
// a full bucket refuses: a refusal that only moved from one to another, within the time of two
// tokens (two seconds more where the clock is of seconds), is neither. Harm, budget and verdict:
// docs/design/010-plan.md.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "model/names.h"
#include "replay/callers.h"
#include "replay/decider.h"
#include "replay/limit_watch.h"
#include "replay/picks.h"
#include "replay/plan_report.h"
#include "replay/retries.h"
#include "replay/timeouts.h"

namespace weir::replay {

class Review;

// What really became of a request, as far as the input says.
struct Past {
  std::optional<std::uint16_t> status;
  bool recorded = false;  // by weir: `refused` says whether it was refused, whatever its status
  bool refused = false;
  bool is_odd = false;            // no request that a route could have taken
  std::uint16_t head_bytes = 0;   // 0: not known
  std::optional<Nanos> response;  // until its answer
  std::uint64_t weight = 1;       // exchanges that `response` stands for, itself included
  std::string_view endpoint;      // that answered
  std::optional<Nanos> auth;      // a call to an auth service, and whose name it bore
  std::string_view auth_upstream;
  bool cut = false;               // by the response timeout, after `response`
  LateResult late = LateResult::not_asked;  // of what was cut: what came afterwards, and when
  Nanos late_time{0};
  std::optional<Nanos> failed;    // until the upstream failed by itself: a 5xx of its own, or it closed
};

struct PlanRequest {
  Event event;    // spread over the step of the clock
  Stamp at_once;  // its beginning; the same where the clock is fine
  WallTime time;
  Past past;
  const Rebuilt* after = nullptr;
  const Rebuilt* before = nullptr;  // with another policy as base
  const Conditions* conditions_after = nullptr;
  const Conditions* conditions_before = nullptr;
  Callers::Index caller = 0;
};

struct PlanOptions {
  DeciderOptions decider;
  bool two_readings = false;  // the clock of the input is coarse
  HarmBudget budget;
  bool retries = false;  // modelled, and reported apart
  Review* review = nullptr;  // counts along, and gives advice at the end
};

// What the readers know about the input and Plan does not see.
struct PlanInput {
  std::uint64_t rows = 0, skipped = 0, late = 0;
  Nanos clock_resolution{0};
  bool hosts = true;
  bool recording = false;
  std::vector<std::string> redefined;  // identity rules, see LogAssumptions
};

class Plan {
 public:
  // All must outlive it; `before` null: as recorded.
  Plan(const Policy& after, const Policy* before, const NameTable& names, PlanOptions options);

  Callers& callers() { return callers_; }
  // What one policy answered to the requests of one turn.
  struct Answers {
    std::span<const decide::AskedLimit> asked_by(std::size_t request) const {
      const std::size_t end = request + 1 < begins.size() ? begins[request + 1] : asked.size();
      return std::span(asked).subspan(begins[request], end - begins[request]);
    }
    std::vector<Decider::Answer> answers;
    std::vector<decide::AskedLimit> asked;
    std::vector<std::size_t> begins;  // of each request's in `asked`
  };
  struct Decided {
    std::array<Answers, 2> after, before;  // by reading
  };
  // In order of time, kBatch at most at once: all are decided, then all are counted.
  void add(std::span<const PlanRequest> requests) {
    decide(requests, decided_);
    count(requests, decided_);
  }
  // The two halves of it, for who has a thread for each: one may decide while the other counts what was decided before.
  void decide(std::span<const PlanRequest> requests, Decided& decided);
  void count(std::span<const PlanRequest> requests, const Decided& decided);
  // Conditions of the last request must still be there.
  PlanReport finish(const PlanInput& input);

 private:
  static constexpr std::size_t kMostMinutes = 366 * 24 * 60;  // later ones count with the last
  struct RouteCount {
    std::uint64_t before = 0, after = 0;
    std::array<std::uint64_t, 2> newly{};
    friend bool operator==(const RouteCount&, const RouteCount&) = default;
  };
  struct Outcome {
    Unjudged why = Unjudged::none;
    bool was_refused = false, is_refused = false;
    bool shifted = false;   // stands for a refusal that the input has at another request
    bool expected = false;  // refused, and `expect` of the limit wants that
    bool carried_over = false;  // refused for health or admission of then
    const Verdict* after = nullptr;
    const Verdict* before = nullptr;  // with another policy as base
    bool anew() const { return !was_refused && is_refused && !shifted && !carried_over; }
    bool newly() const { return anew() && !expected; }
    bool newly_expected() const { return anew() && expected; }
    bool allowed() const { return was_refused && !is_refused && !shifted; }
  };
  // Of one caller: refusals by a limit that the input does not have, or that it has and the new
  // policy does not, as yet without their counterpart.
  struct Shift {
    std::int64_t open = 0;      // > 0: newly allowed, < 0: newly refused
    std::int64_t expected = 0;  // of those newly refused: counted as newly_expected
    Stamp last, until;          // of the last one; until: where newly refused
    NameId route;               // these two of the last one that was not expected
    std::size_t minute = 0;
  };
  // One policy in one reading; the base beside it.
  struct Reading {
    std::optional<Decider> after, before;
    std::optional<LimitWatch> watch;
    std::uint64_t judged = 0, newly_refused = 0, newly_allowed = 0, newly_expected = 0,
                  carried_over = 0;
    std::unordered_map<Callers::Index, Shift> shifts;
  };
  // What `decider` says to each, its requests and conditions taken by `question`.
  template <class Ask>
  static void decide(Decider& decider, std::span<const PlanRequest> requests, const Ask& question, Answers& answers);
  void expect(std::span<const PlanRequest> requests, const Decided& decided, std::size_t at) const;
  void count(const PlanRequest& request, const Decided& decided, std::size_t at);
  Outcome judge(std::size_t which, const PlanRequest& request, const Decided& decided, std::size_t at);
  bool was_refused(const Past& past, const Verdict& verdict, bool is_refused) const;
  void find_shift(Reading& reading, std::size_t which, const PlanRequest& request, Outcome& outcome);
  void count_all(const PlanRequest& request, const Outcome& outcome);
  void count_input(const PlanRequest& request);
  void count_picks(const PlanRequest& request, const Outcome& outcome);

  std::size_t minute(WallTime time);
  RouteCount& route_count(NameId name);
  // Of the route that the verdict found.
  static NameId route_of(const std::vector<NameId>& names, const Verdict& verdict) {
    return verdict.route.valid() ? names[verdict.route.index()] : NameId::none();
  }

  // plan_finish.cc
  void report_input(PlanReport& report, const PlanInput& input) const;
  void report_requests(PlanReport& report) const;
  void report_callers(PlanReport& report) const;
  void report_limits(PlanReport& report) const;
  void report_routes(PlanReport& report) const;
  void report_timeouts(PlanReport& report) const;
  void report_balance(PlanReport& report) const;
  void report_how(PlanReport& report, const PlanInput& input) const;

  // plan_sentence.cc
  struct Harmed {                   // shares of the requests that could be judged
    double low = 0, high = 0;
    bool sustained_unsure = false;  // the difference is, at least in part, what endpoints can carry
  };
  void pass_sentence(PlanReport& report) const;
  Harmed harmed(const PlanReport& report) const;
  void say_harm(PlanReport& report, const Harmed& harmed) const;
  void say_doubt(PlanReport& report, const Harmed& harmed) const;
  bool head_cap_lowered() const;

  const Policy& after_;
  const Policy* before_;
  const NameTable& names_;
  PlanOptions options_;
  Callers callers_;
  std::array<Reading, 2> readings_;
  Decided decided_;                 // of add()
  std::vector<RouteCount> routes_;  // by name; the first: of those without a route
  std::vector<NameId> names_after_, names_before_;  // of the routes of both policies
  std::array<std::uint64_t, static_cast<std::size_t>(Cause::count_)> causes_{};
  std::array<std::uint64_t, static_cast<std::size_t>(Unjudged::count_)> unjudged_{};
  std::vector<PlanReport::Minute> minutes_;
  Timeouts timeouts_;
  Picks picks_, picks_before_, sustained_;
  std::vector<Picks::Index> picked_, picked_before_;  // by endpoint
  std::vector<std::uint64_t> picks_of_;  // by endpoint: one address may be in several upstreams
  std::array<std::uint64_t, 3> picks_known_{};               // by PickKnown
  std::optional<Retries> retries_;
  const Conditions* last_conditions_ = nullptr;
  std::optional<WallTime> from_, to_;
  std::uint64_t total_ = 0, before_refused_ = 0, after_refused_ = 0, route_changed_ = 0;
  std::uint64_t with_status_ = 0, with_response_ = 0, with_head_ = 0;
  std::uint64_t timeout_changed_ = 0, timeout_changed_known_ = 0;  // let pass by both; by weight
};

}  // namespace weir::replay
