#include "replay/advice.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <tuple>

#include "fmt/core.h"
#include "replay/advice_parts.h"

namespace weir::replay {
namespace {

struct CheckRow {
  std::string_view name;
  Topic topic;
};
constexpr std::array<CheckRow, static_cast<std::size_t>(Check::count_)> kChecks = {{
    {"refuses-known", Topic::limits},
    {"little-headroom", Topic::limits},
    {"absurd-headroom", Topic::limits},
    {"never-hit", Topic::unused},
    {"timeout-short", Topic::timeouts},
    {"auth-timeout", Topic::timeouts},
    {"timeout-long", Topic::timeouts},
    {"upstream-timeout", Topic::timeouts},
    {"weights", Topic::weights},
    {"capacity", Topic::capacity},
    {"busy-key", Topic::keys},
    {"expired", Topic::expiry},
}};
constexpr std::array<std::string_view, static_cast<std::size_t>(Topic::count_)> kTopics = {
    "limits", "unused", "timeouts", "weights", "capacity", "keys", "expiry"};

}  // namespace

std::string_view to_string(Check check) { return kChecks[static_cast<std::size_t>(check)].name; }
std::string_view to_string(Topic topic) { return kTopics[static_cast<std::size_t>(topic)]; }
Topic topic_of(Check check) { return kChecks[static_cast<std::size_t>(check)].topic; }

std::string_view to_string(Level level) {
  return level == Level::hurts ? "hurts" : level == Level::soon ? "soon" : "tidy";
}

std::string_view to_string(Subject::Kind kind) {
  static constexpr std::array<std::string_view, 6> kWords = {"limit",    "route",  "upstream",
                                                             "identity", "caller", "key"};
  return kWords[static_cast<std::size_t>(kind)];
}

const Measure* Finding::measure(std::string_view name) const {
  const auto found = std::ranges::find(measures, name, &Measure::name);
  return found == measures.end() ? nullptr : &*found;
}

std::uint64_t written_up(double number) {
  static constexpr std::array kSteps = {1.0, 1.2, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0};
  if (number <= 10) return static_cast<std::uint64_t>(std::max(std::ceil(number), 1.0));
  const double power = std::pow(10, std::floor(std::log10(number)));
  for (const double step : kSteps) {
    if (step * power >= number * (1 - 1e-9))
      return static_cast<std::uint64_t>(std::ceil(step * power - 1e-6));
  }
  return static_cast<std::uint64_t>(10 * power);
}

Advice advise(const AdviceInput& in) {
  Advice out;
  // What no check can be made of.
  if (in.counts.requests == 0) {
    out.cannot_judge.push_back({Topic::limits, "the input holds no request", ""});
    return out;
  }
  for (const auto& cannot : in.report.input.cannot_judge) {
    if (cannot.requests == 0 || cannot.what == "no_facts" ||
        cannot.share <= in.report.budget.requests)
      continue;
    out.cannot_judge.push_back(
        {Topic::limits, fmt::format("{:.1f} % of the requests", cannot.share * 100), cannot.hint});
  }
  advise_limits(in, out);
  advise_unused(in, out);
  advise_timeouts(in, out);
  advise_own_timeouts(in, out);
  advise_load(in, out);
  advise_keys(in, out);
  std::vector<Finding> sorted;
  const auto order = [](const Finding& finding) {
    return std::tuple(finding.level, finding.check);
  };
  for (Finding& finding : out.findings) {
    const auto at = std::ranges::upper_bound(sorted, order(finding), {}, order);
    sorted.insert(at, std::move(finding));
  }
  out.findings = std::move(sorted);
  return out;
}

}  // namespace weir::replay
