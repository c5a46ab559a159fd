#include "control/rollout_json.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstring>

#include "base/json.h"
#include "fmt/core.h"

namespace weir::control {
namespace {

using rollout::GuardReading;
using rollout::Judgement;
using rollout::SliceName;

double seconds(Nanos time) { return std::chrono::duration<double>(time).count(); }
std::string numbered(std::uint32_t revision) { return revision == 0 ? "" : fmt::format("r{}", revision); }

void write_left(JsonWriter& json, std::string_view key, const std::optional<Stamp>& until, Stamp now) {
  json.key(key);
  if (until) json.value(seconds(std::max(Nanos(0), *until - now)));
  else json.null();
}

// Of a group only a digest is known here, unless somebody has looked up its name.
std::string slice_text(const SliceName& slice, const NameTable& names, const GroupNames& groups) {
  std::string name;
  switch (slice.kind) {
    case SliceName::Kind::whole: return "";
    case SliceName::Kind::route:
    case SliceName::Kind::identity: name = names.text(NameId{static_cast<std::uint32_t>(slice.value)}); break;
    case SliceName::Kind::method: name = method_text(slice.value); break;
    case SliceName::Kind::group:
      if (const auto known = groups.find(slice.value); known != groups.end()) name = known->second;
      break;
  }
  return name.empty() ? fmt::format("a {}", to_string(slice.kind)) : fmt::format("{} {}", to_string(slice.kind), name);
}

void write_guard(JsonWriter& json, std::string_view guard, const GuardReading& reading, const NameTable& names, const GroupNames& groups) {
  const auto share = [](double count, double of) { return of > 0 ? count / of : 0; };
  json.begin_object().field("guard", guard).field("count", reading.count.candidate).field("of", reading.of.candidate);
  json.field("share", share(reading.count.candidate, reading.of.candidate)).field("control_count", reading.count.control);
  json.field("control_of", reading.of.control).field("control_share", share(reading.count.control, reading.of.control));
  json.field("evidence", std::min(kMostEvidence, std::exp(reading.log_evidence))).field("worst", slice_text(reading.worst, names, groups)).end_object();
}

void write_paired(JsonWriter& json, std::string_view key, const rollout::PairedReading& reading) {
  json.key(key).begin_object().field("harm", to_string(reading.harm)).field("requests", reading.requests).field("net", reading.net);
  json.field("callers", reading.callers).end_object();
}

std::string_view stage_word(rollout::Stage::Kind kind) {
  constexpr std::array<std::string_view, 5> kWords = {"before", "shadow", "canary", "watch", "comparison"};
  return kWords[static_cast<std::size_t>(kind)];
}

void write_judge(JsonWriter& json, const std::optional<Judgement>& judgement, const NameTable& names, const GroupNames& groups) {
  json.key("judge");
  if (!judgement) {
    json.null();
    return;
  }
  json.begin_object().field("answer", to_string(judgement->answer)).field("rolls_back_at", rollout::kRollsBackAt).key("failure");
  if (const auto& failure = judgement->failure) {
    json.begin_object().field("kind", to_string(failure->kind));
    json.field("guard", failure->kind == rollout::Failure::Kind::guard ? to_string(failure->guard) : "");
    json.field("stage", stage_word(failure->stage.kind)).end_object();
  } else {
    json.null();
  }
  json.key("guards").begin_array();
  for (std::size_t i = 0; i < judgement->guards.size(); ++i) write_guard(json, to_string(static_cast<rollout::Guard>(i)), judgement->guards[i], names, groups);
  json.end_array().key("since");
  write_guard(json, "since", judgement->since, names, groups);
  write_paired(json, "refused", judgement->refused);
  write_paired(json, "access", judgement->access);
  write_paired(json, "cut", judgement->cut);
  json.end_object();
}

void write_prediction(JsonWriter& json, const std::optional<rollout::Prediction>& prediction, const rollout::Observation& seen) {
  json.key("prediction");
  if (!prediction || seen.requests == 0) {
    json.null();
    return;
  }
  const auto write = [&](std::string_view what, const rollout::Predicted& predicted, const rollout::Expected& range, std::uint64_t count, std::uint64_t of) {
    json.begin_object().field("what", what).field("low", predicted.low).field("high", predicted.high).field("of", predicted.of).field("seen", count);
    json.field("seen_of", of).field("from", range.from).field("to", range.to).field("within", range.has(count)).end_object();
  };
  json.begin_array();
  const auto requests = [&](std::string_view what, const rollout::Predicted& predicted, std::uint64_t count) {
    if (const auto range = rollout::expected(predicted, seen.requests)) write(what, predicted, *range, count, seen.requests);
  };
  requests("requests newly refused", prediction->refused, seen.refused);
  requests("requests newly allowed", prediction->allowed, seen.allowed);
  requests("requests newly cut by a timeout", prediction->cut, seen.cut);
  write("known callers newly refused", {.low = 0, .high = prediction->callers, .of = 0}, {.from = 0, .to = static_cast<double>(prediction->callers)}, seen.callers, 0);
  json.end_array();
}

void write_change(JsonWriter& json, const RolloutView& view) {
  constexpr std::array<std::string_view, 4> kKinds = {"added", "removed", "changed", "moved"};
  json.key("class").begin_array();
  for (std::size_t i = 0; i < kTouches; ++i)
    if (view.touches.has(static_cast<Touch>(i))) json.value(to_string(static_cast<Touch>(i)));
  json.end_array().field("changes_total", view.changes.size()).key("changes").begin_array();
  for (std::size_t i = 0; i < std::min(view.changes.size(), kMostChanges); ++i) {
    const config::Difference& each = view.changes[i];
    json.begin_object().field("path", each.path).field("kind", kKinds[static_cast<std::size_t>(each.kind)]);
    json.field("before", each.before).field("after", each.after).end_object();
  }
  json.end_array().key("early").begin_array();
  for (std::size_t i = 0; i < std::min(view.touches.early.size(), kMostChanges); ++i) json.value(view.touches.early[i]);
  json.end_array();
}

void write_times(JsonWriter& json, const rollout::Status& status, Stamp now) {
  json.field("stage_s", seconds(std::max(Nanos(0), now - status.since))).key("stage_of_s");
  if (status.until) json.value(seconds(*status.until - status.since));
  else json.null();
  write_left(json, "stage_left_s", status.until, now);
  json.key("held_s");
  if (status.held_since) json.value(seconds(now - *status.held_since));
  else json.null();
  write_left(json, "held_left_s", status.held_until, now);
  write_left(json, "confirm_left_s", status.confirm_by, now);
  write_left(json, "frozen_left_s", status.frozen_until, now);
}

void write_stages(JsonWriter& json, const rollout::Status& status) {
  json.key("finished").begin_array();
  for (const rollout::FinishedStage& each : status.finished) {
    json.begin_object().field("stage", to_string(each.stage)).field("share", each.share).field("result", to_string(each.result)).field("text", each.text);
    json.field("took_s", seconds(each.took)).field("requests", each.seen.requests).field("units", each.seen.units).field("differ", each.seen.differ).end_object();
  }
  json.end_array().key("ahead").begin_array();
  for (const rollout::Ahead& each : status.ahead)
    json.begin_object().field("stage", to_string(each.stage)).field("share", each.share).field("in_s", seconds(each.in)).end_object();
  json.end_array();
}

}  // namespace

std::string rollout_json(const RolloutView& view, const NameTable& names) {
  const rollout::Status& status = view.status;
  std::string out;
  JsonWriter json(out);
  json.begin_object().field("revision", numbered(status.revision)).field("before", numbered(status.before)).field("author", view.author);
  json.field("reason", view.reason).field("person", view.person).field("forced", status.forced).field("protect", status.protect);
  write_change(json, view);
  json.field("stage", to_string(status.stage)).field("share", status.share).field("live", status.live).field("comparing", status.comparing);
  json.field("outcome", to_string(status.outcome)).field("mechanism", to_string(status.mechanism)).field("by", status.by).field("why", status.why);
  json.key("exit_code");
  if (status.exit_code) json.value(*status.exit_code);
  else json.null();
  json.field("unproven", status.unproven).field("notes", status.notes).field("alarm", status.alarm);
  write_times(json, status, view.now);
  json.field("requests", status.seen.requests).field("units", status.seen.units).field("unit", to_string(view.unit));
  json.field("differ", status.seen.differ).field("since_live", status.seen.since_live).field("bad_share", status.seen.bad_share);
  write_stages(json, status);
  json.key("missing").begin_array();
  for (const rollout::Missing& each : status.missing) {
    json.begin_object().field("kind", to_string(each.kind)).field("subject", names.text(each.subject)).field("has", each.has).field("needs", each.needs);
    json.key("more_s");
    if (each.more > Nanos(0) && each.more < Nanos::max()) json.value(seconds(each.more));
    else json.null();
    json.end_object();
  }
  json.end_array();
  write_judge(json, view.judgement, names, view.groups);
  write_prediction(json, status.predicted, view.observed);
  json.key("fill");
  if (const auto& fill = view.fullest) json.begin_object().field("limit", names.text(fill->limit)).field("candidate", fill->candidate).field("control", fill->control).end_object();
  else json.null();
  json.key("hottest");
  if (const auto& hottest = view.hottest) {
    json.begin_object().field("endpoint", names.text(hottest->name)).field("picks_per_s", hottest->picks_per_s);
    json.field("sustained_per_s", hottest->sustained_per_s).field("ratio", hottest->ratio()).end_object();
  } else {
    json.null();
  }
  json.field("not_seen_total", view.not_seen.size()).field("callers_not_seen", view.callers_not_seen).key("not_seen").begin_array();
  for (std::size_t i = 0; i < std::min(view.not_seen.size(), kMostNotSeen); ++i) json.value(view.not_seen[i]);
  json.end_array().end_object();
  return out;
}

std::string method_text(std::uint64_t method) {
  char bytes[sizeof method];
  std::memcpy(bytes, &method, sizeof method);
  return {bytes, ::strnlen(bytes, sizeof bytes)};
}

std::vector<std::string> not_seen(const rollout::CoverageReading& coverage, const NameTable& names, const std::function<std::string(std::uint64_t)>& method) {
  std::vector<std::string> out;
  for (const rollout::CoverageReading::Kind& kind : coverage.unfelt) {
    const std::string_view route = names.text(kind.route), identity = names.text(kind.identity);
    out.push_back(fmt::format("{} on {}", method(kind.method), route.empty() ? "no route" : route));
    if (!identity.empty()) out.back() += fmt::format(" by {}", identity);
  }
  return out;
}

}  // namespace weir::control
