// The JSON of a plan. Names and order are a promise to pipelines: what is added stands last in its
// object.
#include <algorithm>
#include <chrono>

#include "base/json.h"
#include "config/values.h"
#include "control/plan_text.h"
#include "control/text.h"

namespace weir::control {
namespace {

using replay::Bounded;
using replay::PlanReport;

constexpr std::size_t kMostHurt = 10'000;
constexpr std::size_t kMostMinutes = 1440;

double milliseconds(Nanos time) { return static_cast<double>(time.count()) / 1e6; }

void bounded(JsonWriter& json, const std::string& name, const Bounded& count) {
  json.field(name, count.value).field(name + "_low", count.low).field(name + "_high", count.high);
}

void write_input(JsonWriter& json, const PlanAnswer& answer) {
  const PlanReport::Input& input = answer.report.input;
  json.key("input")
      .begin_object()
      .field("rows", input.rows)
      .field("skipped", input.skipped)
      .field("late", input.late);
  json.key("from");
  input.from ? json.value(time_text(*input.from)) : json.null();
  json.key("to");
  input.to ? json.value(time_text(*input.to)) : json.null();
  json.field("clock_resolution_ms", milliseconds(input.clock_resolution))
      .key("cannot_judge")
      .begin_array();
  for (const auto& cannot : input.cannot_judge) {
    json.begin_object()
        .field("what", cannot.what)
        .field("requests", cannot.requests)
        .field("share", cannot.share)
        .field("hint", cannot.hint)
        .end_object();
  }
  json.end_array()
      .field("kind", answer.input)
      .field("two_readings", input.two_readings)
      .key("notes")
      .begin_array();
  for (const std::string& note : answer.notes) json.value(note);
  json.end_array().end_object();
}

void write_limits(JsonWriter& json, const PlanReport& report) {
  json.key("limits").begin_array();
  for (const PlanReport::LimitPart& limit : report.limits) {
    json.begin_object().field("name", limit.name);
    bounded(json, "refused", limit.refused);
    json.field("callers_refused", limit.callers_refused)
        .field("headroom", limit.headroom)
        .key("nearest_safe");
    if (limit.nearest_safe) {
      json.begin_object()
          .field("rate", config::print_rate(limit.nearest_safe->rate))
          .field("burst", limit.nearest_safe->burst)
          .end_object();
    } else {
      json.null();
    }
    json.key("top").begin_array();
    for (const auto& top : limit.top)
      json.begin_object().field("caller", top.caller).field("refused", top.refused).end_object();
    json.end_array()
        .field("rate", config::print_rate(limit.rate))
        .field("burst", limit.burst)
        .field("learned", limit.learned)
        .end_object();
  }
  json.end_array();
}

void write_parts(JsonWriter& json, const PlanReport& report) {
  json.key("routes").begin_array();
  for (const auto& route : report.routes) {
    json.begin_object()
        .field("name", route.name)
        .field("before", route.before)
        .field("after", route.after);
    bounded(json, "newly_refused", route.newly_refused);
    json.end_object();
  }
  json.end_array().key("balance").begin_array();
  for (const auto& part : report.balance) {
    json.begin_object()
        .field("upstream", part.upstream)
        .field("endpoint", part.endpoint)
        .field("share", part.share)
        .field("picks_per_s", part.picks_per_s);
    json.key("sustained_per_s");
    part.sustained_known ? json.value(part.sustained_per_s) : json.null();
    json.end_object();
  }
  json.end_array().key("timeouts").begin_array();
  for (const auto& timeout : report.timeouts) {
    json.begin_object()
        .field("route", timeout.route)
        .field("phase", "response")
        .field("timeout_ms", milliseconds(timeout.timeout))
        .field("cut_share", timeout.cut_share)
        .field("low", timeout.low)
        .field("high", timeout.high)
        .field("of", timeout.of)
        .field("cut", timeout.cut);
    json.key("longer");
    if (!timeout.longer)
      json.null();
    else
      json.begin_object()
          .field("cut_then", timeout.longer->cut_then)
          .field("known", timeout.longer->known)
          .field("in_time", timeout.longer->in_time)
          .field("newly_allowed", timeout.longer->allowed)
          .field("low", timeout.longer->low)
          .field("high", timeout.longer->high)
          .end_object();
    json.end_object();
  }
  json.end_array();
}

void write_hurt(JsonWriter& json, const PlanReport& report) {
  json.key("hurt").begin_array();
  for (std::size_t i = 0; i < std::min(report.hurt.size(), kMostHurt); ++i) {
    const auto& hurt = report.hurt[i];
    json.begin_object()
        .field("caller", hurt.caller)
        .field("before_refused", hurt.before_refused)
        .field("after_refused", hurt.after_refused)
        .field("of", hurt.of)
        .field("known", hurt.known)
        .field("established", hurt.established)
        .field("newly_refused", hurt.newly_refused)
        .field("days", hurt.days)
        .end_object();
  }
  json.end_array()
      .key("retries")
      .begin_object()
      .field("modelled", report.retries.modelled)
      .field("newly_refused_with", report.retries.newly_refused_with)
      .field("retries", report.retries.retries)
      .end_object();
}

void words(JsonWriter& json, std::string_view name, const std::vector<std::string>& list) {
  json.key(name).begin_array();
  for (const std::string& each : list) json.value(each);
  json.end_array();
}

// At most a day of minutes; longer inputs in as many equal parts.
void write_over_time(JsonWriter& json, const PlanReport& report) {
  const std::size_t per =
      std::max<std::size_t>((report.minutes.size() + kMostMinutes - 1) / kMostMinutes, 1);
  json.key("over_time")
      .begin_object()
      .field("minutes_each", per)
      .key("newly_refused")
      .begin_array();
  for (std::size_t i = 0; i < report.minutes.size(); i += per) {
    std::uint64_t sum = 0;
    for (std::size_t j = i; j < std::min(i + per, report.minutes.size()); ++j)
      sum += report.minutes[j].newly_refused;
    json.value(sum);
  }
  json.end_array().end_object();
}

}  // namespace

std::string plan_json(const PlanAnswer& answer) {
  const PlanReport& report = answer.report;
  std::string out;
  JsonWriter json(out);
  json.begin_object().field("verdict", replay::to_string(report.verdict));
  write_input(json, answer);
  json.key("requests").begin_object().field("total", report.requests.total);
  bounded(json, "newly_refused", report.requests.newly_refused);
  bounded(json, "newly_allowed", report.requests.newly_allowed);
  json.field("judged", report.requests.judged)
      .field("before_refused", report.requests.before_refused)
      .field("after_refused", report.requests.after_refused)
      .field("carried_over", report.requests.carried_over)
      .field("route_changed", report.requests.route_changed);
  bounded(json, "newly_expected", report.requests.newly_expected);
  json.end_object();
  json.key("callers").begin_object().field("active", report.callers.active);
  bounded(json, "newly_refused", report.callers.newly_refused);
  bounded(json, "known_newly_refused", report.callers.known_newly_refused);
  bounded(json, "established_newly_refused", report.callers.established_newly_refused);
  json.field("known", report.callers.known)
      .field("established", report.callers.established)
      .end_object();
  write_limits(json, report);
  write_parts(json, report);
  write_hurt(json, report);
  json.key("how").begin_object();
  words(json, "redecided", report.how.redecided);
  words(json, "modelled", report.how.modelled);
  words(json, "carried_over", report.how.carried_over);
  json.end_object();
  json.key("causes").begin_array();
  for (const auto& cause : report.causes)
    json.begin_object()
        .field("name", cause.name)
        .field("newly_refused", cause.newly_refused)
        .end_object();
  json.end_array();
  words(json, "reasons", report.reasons);
  json.field("subject", answer.subject).field("base", answer.base);
  json.key("budget")
      .begin_object()
      .field("known_callers", report.budget.known_callers)
      .field("requests", report.budget.requests)
      .field("counts", report.by_known() ? "known" : "established")
      .field("known_by", report.by_directory ? "directory" : "input")
      .end_object();
  write_over_time(json, report);
  json.field("exit", plan_exit_code(report.verdict)).end_object();
  return out + "\n";
}

}  // namespace weir::control
