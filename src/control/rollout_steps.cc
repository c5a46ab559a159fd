#include "control/rollout_steps.h"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <string_view>
#include <utility>

#include "control/rollout_text.h"
#include "fmt/core.h"

namespace weir::control {

store::Step step_of(const RolloutView& view, const NameTable& names, WallTime at) {
  store::Step out{.at = at, .json = rollout_json(view, names)};
  if (view.status.finished.empty()) return out;
  const rollout::FinishedStage& stage = view.status.finished.back();
  const bool canary = stage.stage == rollout::StageName::canary;
  out.stage = canary ? fmt::format("canary {}", share_text(stage.share)) : std::string(to_string(stage.stage));
  out.verdict = to_string(stage.result);
  out.text = stage_text(boost::json::parse(out.json).at("finished").as_array().back(), to_string(view.unit));
  return out;
}

store::Step review_of(const RolloutView& view, const NameTable& names, WallTime at) {
  return {.at = at, .stage = "review", .verdict = std::string(to_string(view.status.outcome)), .text = view.status.why, .json = rollout_json(view, names)};
}

bool end_with_harm(const std::vector<store::Step>& steps) {
  for (auto step = steps.rbegin(); step != steps.rend(); ++step) {
    boost::system::error_code error;
    const boost::json::value facts = boost::json::parse(step->json, error);
    const boost::json::value* const mechanism = !error && facts.is_object() ? facts.as_object().if_contains("mechanism") : nullptr;
    if (mechanism == nullptr || !mechanism->is_string()) continue;
    const std::string_view by(mechanism->as_string());
    return by == to_string(rollout::Mechanism::guard) || by == to_string(rollout::Mechanism::predictive);
  }
  return false;
}

}  // namespace weir::control
