// What a plan comes to and why (plan.h): harm by the lesser reading is harm; harm by the greater one
// alone is not known; and what could not be judged is never taken for harmless.
#include <algorithm>
#include <set>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "fmt/core.h"
#include "replay/plan.h"

namespace weir::replay {
namespace {

constexpr double kTooBusy = 1.5;  // times the best that an endpoint has sustained

const Route* route_named(const Policy& policy, NameId name) {
  const auto found = std::ranges::find(policy.routes, name, &Route::name);
  return found == policy.routes.end() ? nullptr : &*found;
}

// The share of each endpoint, and whom routes go to.
bool balance_differs(const Policy& before, const Policy& after) {
  const auto weights = [](const Policy& policy) {
    std::vector<std::tuple<NameId, NameId, std::uint32_t, BalanceKind, std::uint8_t>> all;
    for (const Endpoint& endpoint : policy.endpoints) {
      const Upstream& upstream = policy.upstreams[endpoint.upstream.index()];
      all.emplace_back(upstream.name, endpoint.name, endpoint.weight, upstream.balance,
                       endpoint.tier);
    }
    std::ranges::sort(all, {}, [](const auto& each) {
      return std::tuple(std::get<0>(each).value, std::get<1>(each).value, std::get<2>(each));
    });
    return all;
  };
  const auto split = [](const Policy& policy, const Route& route) {
    std::vector<std::pair<NameId, std::uint32_t>> all;
    if (const auto* forward = std::get_if<Forward>(&route.action)) {
      for (const WeightedUpstream& each : forward->split)
        all.emplace_back(policy.upstreams[each.upstream.index()].name, each.weight);
    }
    return all;
  };
  return weights(before) != weights(after) ||
         std::ranges::any_of(after.routes, [&](const Route& route) {
           const Route* const old = route_named(before, route.name);
           return old != nullptr && split(before, *old) != split(after, route);
         });
}

struct People {
  const Bounded& refused;
  std::string_view kind;
};
People people_of(const PlanReport& report) {
  return report.by_known() ? People{report.callers.known_newly_refused, "known"}
                           : People{report.callers.established_newly_refused, "established"};
}

}  // namespace

void Plan::pass_sentence(PlanReport& report) const {
  const Harmed harmed = this->harmed(report);
  report.verdict = PlanVerdict::harm;
  say_harm(report, harmed);
  if (!report.reasons.empty()) return;
  report.verdict = PlanVerdict::not_enough_data;
  say_doubt(report, harmed);
  if (report.reasons.empty()) report.verdict = PlanVerdict::harmless;
}

Plan::Harmed Plan::harmed(const PlanReport& report) const {
  double modelled = 0, unsure = 0;
  for (const auto& timeout : report.timeouts)
    modelled += timeout.low * static_cast<double>(timeout.of);
  std::set<std::string_view> seen;  // one that is in several upstreams gets all of theirs
  for (const auto& part : report.balance) {
    if (!seen.insert(part.endpoint).second) continue;
    if (!part.sustained_known || part.picks_per_s <= kTooBusy * part.sustained_per_s) continue;
    const Picks::Count* const count = picks_.find(part.endpoint);
    // Another configuration as base would send it as much.
    const Picks::Count* const base = picks_before_.find(part.endpoint);
    if (base != nullptr && base->best >= count->best) continue;
    (report.long_input ? modelled : unsure) += static_cast<double>(count->all);
  }
  const auto of_judged = [&](double requests) {
    return report.requests.judged == 0 ? 0 : requests / static_cast<double>(report.requests.judged);
  };
  const Bounded& refused = report.requests.newly_refused;
  return {.low = of_judged(static_cast<double>(refused.low) + modelled),
          .high = of_judged(static_cast<double>(refused.high) + modelled + unsure),
          .sustained_unsure = unsure > 0};
}

void Plan::say_harm(PlanReport& report, const Harmed& harmed) const {
  const auto [refused, kind] = people_of(report);
  if (refused.low > options_.budget.known_callers) {
    report.reasons.push_back(fmt::format("{} callers refused {}, budget {}", kind, refused.low,
                                         options_.budget.known_callers));
  }
  if (harmed.low > options_.budget.requests) {
    report.reasons.push_back(fmt::format("requests harmed {:.2f} %, budget {:.2f} %",
                                         harmed.low * 100, options_.budget.requests * 100));
  }
}

void Plan::say_doubt(PlanReport& report, const Harmed& harmed) const {
  std::vector<std::string>& why = report.reasons;
  if (report.requests.judged == 0) {
    why.push_back(total_ == 0 ? "the input holds no request" : "no request could be judged");
    return;
  }
  const auto [refused, kind] = people_of(report);
  if (refused.high > options_.budget.known_callers) {
    why.push_back(fmt::format(
        "the clock of the input is too coarse: between {} and {} {} callers refused, budget {}",
        refused.low, refused.high, kind, options_.budget.known_callers));
  } else if (harmed.high > options_.budget.requests) {
    why.push_back(harmed.sustained_unsure
                      ? "less than 24 h of input: what endpoints have sustained is not known"
                      : fmt::format("the clock of the input is too coarse: between {:.2f} % and "
                                    "{:.2f} % of requests harmed, budget {:.2f} %",
                                    harmed.low * 100, harmed.high * 100,
                                    options_.budget.requests * 100));
  }
  for (const auto& unjudged : report.input.cannot_judge) {
    if (unjudged.share > options_.budget.requests && unjudged.what != "no_facts" &&
        unjudged.what != "balance") {
      why.push_back(fmt::format("cannot judge {:.1f} % of requests: {}", unjudged.share * 100,
                                unjudged.hint));
    }
  }
  // Less than half of those concerned say too little of them.
  if (timeout_changed_ > 0 && 2 * timeout_changed_known_ < timeout_changed_) {
    why.push_back(
        report.input.durations
            ? fmt::format("timeouts of {} requests changed, and the input has durations of {}",
                          timeout_changed_, timeout_changed_known_)
            : "timeouts changed, and the input holds no durations");
  }
  if (before_ != nullptr && !report.input.upstreams && balance_differs(*before_, after_))
    why.push_back("balance changed, and the input does not say who answered");
  if (before_ != nullptr && with_head_ == 0 && head_cap_lowered())
    why.push_back("the cap of the head is lower, and the input does not say how large heads were");
}

bool Plan::head_cap_lowered() const {
  return std::ranges::any_of(after_.listeners, [&](const Listener& listener) {
    const auto old = std::ranges::find(before_->listeners, listener.name, &Listener::name);
    return old != before_->listeners.end() && listener.caps.head.count < old->caps.head.count;
  });
}

}  // namespace weir::replay
