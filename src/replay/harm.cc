// Two policies over the same arrivals (replay.h): counts by caller, limit and route.
#include <algorithm>
#include <map>
#include <tuple>
#include <unordered_set>
#include <utility>

#include "replay/replay.h"

namespace weir::replay {
namespace {

// Callers of the recording, as it names them: by what the recording policy took as proof, so that both policies are
// counted for the same people.
class CallersByShape {
 public:
  explicit CallersByShape(const record::Recording& recording) : recording_(recording) {}

  std::size_t index(const Arrival& arrival) {
    const std::uint64_t key = mix(arrival.caller) ^ arrival.client;
    if (const auto known = by_shapes_.find(key); known != by_shapes_.end()) return known->second;
    auto [name, by_address] = recorded_caller(recording_, arrival);
    const auto [at, fresh] = by_name_.try_emplace(std::pair(by_address, name), list_.size());
    if (fresh) list_.push_back({.name = std::move(name), .by_address = by_address, .harm = {}});
    by_shapes_.emplace(key, at->second);
    return at->second;
  }
  std::vector<CallerHarm>& list() { return list_; }

 private:
  const record::Recording& recording_;
  std::unordered_map<std::uint64_t, std::size_t> by_shapes_;
  std::map<std::pair<bool, std::string>, std::size_t> by_name_;
  std::vector<CallerHarm> list_;
};

struct Refusals {
  LimitHarm harm;
  std::unordered_set<std::size_t> callers;
};

void count(Harm& harm, bool before, bool after) {
  ++harm.requests;
  harm.before_refused += before ? 1 : 0;
  harm.after_refused += after ? 1 : 0;
  harm.newly_refused += !before && after ? 1 : 0;
  harm.newly_allowed += before && !after ? 1 : 0;
}

bool is_refused(const Verdict& verdict) { return verdict.action == Action::refuse; }
bool by_limit(const Verdict& verdict) { return is_refused(verdict) && verdict.rule.kind == Rule::Kind::limit; }

}  // namespace

HarmReport compare_policies(const Policy& before, const Policy& after, const NameTable& names,
                            const record::Recording& recording, const ReplayOptions& options) {
  HarmReport report;
  Replay left(before, names, recording, options), right(after, names, recording, options);
  CallersByShape callers(recording);
  std::map<std::string, Refusals, std::less<>> limits;
  std::map<std::string, Harm, std::less<>> routes;
  for (const record::RecordedArrival& arrival : recording.arrivals) {
    const Replay::Answer was = left.decide(arrival), is = right.decide(arrival);
    if (const Unjudged why = was.why != Unjudged::none ? was.why : is.why; why != Unjudged::none) {
      ++report.unjudged[static_cast<std::size_t>(why)];
      continue;
    }
    const bool was_refused = is_refused(was.verdict), is_refused_now = is_refused(is.verdict);
    const std::size_t caller = callers.index(arrival);
    count(report.total, was_refused, is_refused_now);
    count(callers.list()[caller].harm, was_refused, is_refused_now);
    const std::string_view route =
        was.verdict.route.valid() ? names.text(before.routes[was.verdict.route.index()].name) : std::string_view();
    count(routes[std::string(route)], was_refused, is_refused_now);
    if (by_limit(was.verdict)) ++limits[std::string(names.text(was.verdict.rule.name))].harm.before_refused;
    if (by_limit(is.verdict)) {
      Refusals& refusals = limits[std::string(names.text(is.verdict.rule.name))];
      ++refusals.harm.after_refused;
      refusals.harm.newly_refused += was_refused ? 0 : 1;
      refusals.callers.insert(caller);
    }
  }

  report.callers_active = callers.list().size();
  for (CallerHarm& caller : callers.list()) {
    report.callers_newly_refused += caller.harm.newly_refused > 0 ? 1 : 0;
    if (caller.harm.newly_refused + caller.harm.newly_allowed > 0) report.callers.push_back(std::move(caller));
  }
  std::ranges::sort(report.callers, {}, [](const CallerHarm& caller) {
    return std::tuple(-static_cast<std::int64_t>(caller.harm.newly_refused), caller.name);
  });
  for (auto& [name, refusals] : limits) {
    refusals.harm.name = name;
    refusals.harm.callers_refused = refusals.callers.size();
    report.limits.push_back(std::move(refusals.harm));
  }
  for (const auto& [name, harm] : routes) report.routes.push_back({.name = name, .harm = harm});
  return report;
}

}  // namespace weir::replay
