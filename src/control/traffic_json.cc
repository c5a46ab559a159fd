#include "control/traffic_json.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <ranges>
#include <tuple>
#include <utility>
#include <vector>

#include "base/json.h"
#include "control/text.h"
#include "fmt/core.h"
#include "http/query.h"

namespace weir::control {
namespace {

using exporting::TrafficBy;
using exporting::TrafficRow;
using exporting::TrafficSubject;

constexpr std::array<std::string_view, 4> kBy = {"caller", "route", "endpoint", "edge"};
// Below both nothing is worth a word.
constexpr double kTimesAbove = 1.5, kAbove = 1;

struct Judged {
  TrafficRow row;
  bool by_directory = false;
  double above() const { return row.rate - row.usual.value_or(0); }
};

std::string name_of(const TrafficSubject& subject, TrafficBy by, const NameTable& names) {
  switch (by) {
    case TrafficBy::caller:
      return subject.caller;
    case TrafficBy::route:
      return std::string(names.text(subject.place));
    case TrafficBy::endpoint:
      return fmt::format("{} {}", names.text(subject.upstream), names.text(subject.place));
    case TrafficBy::edge:
      return fmt::format("{} -> {}", subject.caller, names.text(subject.upstream));
  }
  return {};
}

// Busiest first, for the directory; then the one most above its usual rate.
std::vector<Judged> judged(TrafficFacts& facts) {
  auto& rows = facts.look.rows;
  std::ranges::sort(rows, [](const TrafficRow& a, const TrafficRow& b) { return a.rate > b.rate; });
  std::vector<Judged> out;
  for (TrafficRow& row : rows) {
    Judged& each = out.emplace_back(Judged{.row = std::move(row)});
    if (!facts.caller || out.size() > TrafficFacts::kAsked) continue;
    const auto entry = facts.caller(each.row.subject);
    if (!entry || entry->minutes.active < TrafficFacts::kSettled) continue;
    each.row.usual = entry->usual_rate() / 60;
    each.by_directory = true;
  }
  std::ranges::sort(out, [](const Judged& a, const Judged& b) {
    return std::tuple(-a.above(), -a.row.rate, a.row.subject.caller) <
           std::tuple(-b.above(), -b.row.rate, b.row.subject.caller);
  });
  return out;
}

std::string_view verdict(const exporting::Traffic::Look& look, const std::vector<Judged>& rows) {
  if (rows.empty()) return "idle";
  const Judged& first = rows.front();
  if (!look.has_past && !first.row.usual) return "young";
  if (first.above() < kAbove) return "usual";
  if (!first.row.usual) return "new";
  return first.row.rate >= kTimesAbove * *first.row.usual ? "above" : "usual";
}

void number(JsonWriter& json, std::string_view name, std::optional<double> value) {
  json.key(name);
  if (value)
    json.value(*value);
  else
    json.null();
}

std::optional<double> milliseconds(std::optional<Nanos> time) {
  return time ? std::optional(static_cast<double>(time->count()) / 1e6) : std::nullopt;
}

double share(double part, double whole) { return whole > 0 ? part / whole : 0; }

void write_subject(JsonWriter& json, const TrafficSubject& subject, TrafficBy by,
                   const NameTable& names) {
  json.field("name", name_of(subject, by, names));
  if (by == TrafficBy::caller || by == TrafficBy::edge) json.field("caller", subject.caller);
  if (by == TrafficBy::route) json.field("route", names.text(subject.place));
  if (by == TrafficBy::endpoint || by == TrafficBy::edge)
    json.field("upstream", names.text(subject.upstream));
  if (by == TrafficBy::endpoint) json.field("endpoint", names.text(subject.place));
}

void write_row(JsonWriter& json, const Judged& judged, TrafficBy by, const NameTable& names) {
  const TrafficRow& row = judged.row;
  json.begin_object();
  write_subject(json, row.subject, by, names);
  json.field("rate", row.rate);
  number(json, "usual", row.usual);
  json.key("usual_from");
  if (row.usual)
    json.value(judged.by_directory ? "directory" : "gateway");
  else
    json.null();
  number(json, "times_usual", row.usual ? std::optional(row.rate / *row.usual) : std::nullopt);
  json.field("above", judged.above())
      .field("bad_share", share(row.bad, row.rate))
      .field("refused_rate", row.refused);
  json.key("refused_by");
  if (row.refused_by == Cause::none) {
    json.null();
  } else {
    json.begin_object().field("cause", info(row.refused_by).name).key("rule");
    if (row.rule.valid())
      json.value(names.text(row.rule));
    else
      json.null();
    json.end_object();
  }
  number(json, "p50_ms", milliseconds(row.p50));
  number(json, "p95_ms", milliseconds(row.p95));
  json.end_object();
}

}  // namespace

Result<TrafficQuestion> traffic_question(std::string_view query) {
  TrafficQuestion question;
  if (const auto by = http::query_value(query, "by")) {
    const auto found = std::ranges::find(kBy, *by);
    if (found == kBy.end())
      return fail(ErrorKind::invalid, "by is caller, route, endpoint or edge", Origin::client);
    question.by = static_cast<TrafficBy>(found - kBy.begin());
  }
  if (const auto n = http::query_value(query, "n")) {
    const auto [end, error] = std::from_chars(n->data(), n->data() + n->size(), question.most);
    if (error != std::errc() || end != n->data() + n->size() || question.most == 0 ||
        question.most > TrafficQuestion::kMost)
      return fail(ErrorKind::invalid,
                  fmt::format("n is a number from 1 to {}", TrafficQuestion::kMost),
                  Origin::client);
  }
  return question;
}

std::string traffic_json(TrafficFacts facts, const TrafficQuestion& question) {
  const auto& look = facts.look;
  const std::vector<Judged> rows = judged(facts);
  std::string out;
  JsonWriter json(out);
  json.begin_object()
      .field("at", time_text(facts.at))
      .field("revision", fmt::format("r{}", facts.revision));
  json.field("by", kBy[static_cast<std::size_t>(question.by)])
      .field("verdict", verdict(look, rows));
  json.field("counted_s", look.counted).field("seconds", look.seconds).field("rate", look.rate);
  number(json, "usual", look.usual);
  json.field("refused_rate", look.refused).field("bad_share", share(look.bad, look.rate));
  json.field("subjects", rows.size()).field("forgotten", look.forgotten).key("rows").begin_array();
  for (const Judged& each : rows | std::views::take(question.most))
    write_row(json, each, question.by, facts.names);
  json.end_array().end_object();
  return out + "\n";
}

}  // namespace weir::control
