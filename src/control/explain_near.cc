// Of the routes that were not taken those that came nearest, and what they ask for.
#include <algorithm>
#include <array>
#include <string>
#include <tuple>
#include <vector>

#include "config/values.h"
#include "control/explain_told.h"
#include "decide/route.h"
#include "fmt/core.h"

namespace weir::control {

using decide::RouteFit;

NearRoutes near_routes(const Policy& policy, const Facts& facts,
                       const std::vector<decide::RouteStep>& steps) {
  NearRoutes near;
  for (const decide::RouteStep& step : steps) {
    if (step.fit == RouteFit::chosen || step.fit == RouteFit::less_precise) ++near.matching;
    if (step.fit != RouteFit::chosen) near.others.push_back(step);
  }
  const auto rank = [&](const decide::RouteStep& step) {
    static constexpr std::array<int, 7> kFar = {0, 5, 4, 1, 2, 3, 0};  // by RouteFit
    const std::string& path = policy.routes[step.route.index()].match.path;
    const auto common = std::ranges::mismatch(path, facts.path).in1 - path.begin();
    return std::tuple(kFar[static_cast<std::size_t>(step.fit)], -common, step.route);
  };
  std::ranges::sort(near.others, {}, rank);
  if (near.others.size() > kNearest) near.others.resize(kNearest);
  return near;
}

std::string wants(const decide::RouteStep& step, const Policy& policy) {
  const auto list = [](const std::vector<std::string>& words) {
    std::string out;
    for (const std::string& word : words) out += (out.empty() ? "" : ", ") + word;
    return out;
  };
  const auto pair = [](const std::string& name, const HeaderMatch& match) {
    return match.present_only ? name : fmt::format("{}: {}", name, match.value);
  };
  const RouteMatch& match = policy.routes[step.route.index()].match;
  switch (step.fit) {
    case RouteFit::chosen:
      return "";
    case RouteFit::host:
      return list(match.hosts);
    case RouteFit::less_precise:
    case RouteFit::path:
      return config::print_path_pattern({.kind = match.path_kind, .path = match.path});
    case RouteFit::method:
      return list(match.methods);
    case RouteFit::header:
      return pair(policy.watched_headers[match.headers[step.which].watched],
                  match.headers[step.which]);
    case RouteFit::query:
      return pair(policy.watched_queries[match.queries[step.which].watched],
                  match.queries[step.which]);
  }
  return "";
}

}  // namespace weir::control
