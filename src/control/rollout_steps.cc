#include "control/rollout_steps.h"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <chrono>
#include <string_view>
#include <utility>

#include "config/values.h"
#include "control/rollout_text.h"
#include "fmt/core.h"

namespace weir::control {
namespace {

constexpr std::string_view kLive = "live", kConfirm = "confirm", kConfirmWithin = "confirm_within_s";

// One fact of a step; nothing where it has none of that name, or its text is damaged.
boost::json::value fact(const store::Step& step, std::string_view name) {
  boost::system::error_code error;
  const boost::json::value facts = boost::json::parse(step.json, error);
  const boost::json::value* const found = !error && facts.is_object() ? facts.as_object().if_contains(name) : nullptr;
  return found == nullptr ? boost::json::value() : *found;
}

}  // namespace

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

store::Step live_step(std::optional<Nanos> confirm_within, WallTime at) {
  store::Step step{.at = at, .stage = std::string(kLive), .verdict = "", .text = "", .json = "{}"};
  if (!confirm_within) return step;
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(*confirm_within).count();
  step.text = fmt::format("to be confirmed within {}", config::print_duration(std::chrono::seconds(seconds)));
  step.json = fmt::format("{{\"{}\":{}}}", kConfirmWithin, seconds);
  return step;
}

store::Step confirmed_step(WallTime at) {
  return {.at = at, .stage = std::string(kConfirm), .verdict = "passed", .text = "", .json = "{}"};
}

std::optional<Nanos> still_to_confirm(const std::vector<store::Step>& steps) {
  std::optional<Nanos> within;
  for (const store::Step& step : steps) {
    if (step.stage == kConfirm || step.stage == kLive) within.reset();
    if (step.stage != kLive) continue;
    if (const boost::json::value seconds = fact(step, kConfirmWithin); seconds.is_int64()) within = std::chrono::seconds(seconds.as_int64());
  }
  return within;
}

bool end_with_harm(const std::vector<store::Step>& steps) {
  for (auto step = steps.rbegin(); step != steps.rend(); ++step) {
    const boost::json::value mechanism = fact(*step, "mechanism");
    if (!mechanism.is_string()) continue;
    const std::string_view by(mechanism.as_string());
    return by == to_string(rollout::Mechanism::guard) || by == to_string(rollout::Mechanism::predictive);
  }
  return false;
}

}  // namespace weir::control
