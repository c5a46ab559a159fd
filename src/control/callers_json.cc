#include "control/callers_json.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "base/json.h"
#include "config/diagnostic.h"
#include "control/text.h"
#include "fmt/core.h"
#include "http/query.h"

namespace weir::control {
namespace {

using record::CallerEntry;
using record::RefusalUse;
using store::CallerDirectory;

void time_field(JsonWriter& json, std::string_view name, std::optional<WallTime> time) {
  json.key(name);
  if (time)
    json.value(time_text(*time));
  else
    json.null();
}

double tenths(double number) { return std::round(number * 10) / 10; }

std::string_view standing_of(const CallerEntry& entry) {
  if (entry.standing.is_known()) return "known";
  return entry.standing.is_established() ? "established" : "new";
}

void write_refusal(JsonWriter& json, const RefusalUse& use) {
  json.begin_object().key("rule");
  if (use.rule.empty())
    json.null();
  else
    json.value(use.rule);
  json.key("cause");
  if (use.cause == Cause::none)
    json.null();
  else
    json.value(info(use.cause).name);
  json.key("status");
  if (use.status == 0)
    json.null();
  else
    json.value(use.status);
  json.key("revision");
  if (use.revision == 0)
    json.null();
  else
    json.value(fmt::format("r{}", use.revision));
  json.field("count", use.count).field("count_since", use.spell_count);
  time_field(json, "first", use.first);
  time_field(json, "since", use.since);
  time_field(json, "last", use.last);
  json.end_object();
}

void write_caller(JsonWriter& json, const CallerEntry& entry, WallTime now) {
  const Standing& standing = entry.standing;
  const RefusalUse* const present = entry.present_refusal(now, kLately);
  json.begin_object()
      .field("caller", entry.name.name)
      .field("kind", record::to_string(entry.name.kind))
      .field("standing", standing_of(entry))
      .field("active_days", standing.days.count());
  time_field(json, "known_since", standing.known_since);
  time_field(json, "first_seen", entry.first_seen);
  time_field(json, "last_seen", entry.last_seen);
  const auto good = [&](WallTime time) {
    return standing.good == 0 ? std::nullopt : std::optional(time);
  };
  time_field(json, "first_good", good(standing.first_good));
  time_field(json, "last_good", good(standing.last_good));
  json.field("requests", standing.requests)
      .field("good", standing.good)
      .field("bad", standing.bad)
      .field("refused", entry.refused);
  json.key("rate_per_min")
      .begin_object()
      .field("usual", tenths(entry.usual_rate()))
      .field("busiest", entry.minutes.busiest);
  time_field(json, "busiest_at", WallTime(std::chrono::minutes(entry.minutes.busiest_minute)));
  json.field("now", tenths(entry.minutes.rate(now)))
      .field("active_minutes", entry.minutes.active)
      .end_object();
  json.key("peak");
  if (const auto peak = entry.pace.peak(ActiveDays::of(now)))
    json.begin_object().field("per_s", peak->per_second).field("days", peak->days).end_object();
  else
    json.null();
  json.key("refused_now");
  if (present == nullptr)
    json.null();
  else
    write_refusal(json, *present);
  json.key("refusals").begin_array();
  for (const RefusalUse& each : entry.refusals) write_refusal(json, each);
  json.end_array().key("routes").begin_array();
  for (const record::RouteUse& each : entry.routes) {
    json.begin_object().field("route", each.route).field("requests", each.requests);
    time_field(json, "last", each.last);
    json.end_object();
  }
  json.end_array().field("other_routes", entry.other_routes).end_object();
}

}  // namespace

Result<CallersQuestion> callers_question(std::string_view query) {
  static constexpr std::array<std::string_view, 3> kOrders = {"refused", "requests", "last_seen"};
  CallersQuestion question;
  if (const auto by = http::query_value(query, "by")) {
    const auto found = std::ranges::find(kOrders, *by);
    if (found == kOrders.end())
      return fail(ErrorKind::invalid, "by is refused, requests or last_seen", Origin::client);
    question.order = static_cast<CallerDirectory::Order>(found - kOrders.begin());
  }
  if (const auto limit = http::query_value(query, "limit")) {
    const auto [end, error] =
        std::from_chars(limit->data(), limit->data() + limit->size(), question.most);
    if (error != std::errc() || end != limit->data() + limit->size() || question.most == 0 ||
        question.most > kMostListed)
      return fail(ErrorKind::invalid, fmt::format("limit is a number from 1 to {}", kMostListed),
                  Origin::client);
  }
  return question;
}

Result<std::string> callers_json(CallerDirectory& directory, const CallersQuestion& question,
                                 WallTime now) {
  const auto totals = directory.totals(now - kLately);
  if (!totals) return std::unexpected(totals.error());
  const auto list = directory.list(question.order, std::min(question.most, kMostListed));
  if (!list) return std::unexpected(list.error());
  std::string out;
  JsonWriter json(out);
  json.begin_object();
  time_field(json, "at", now);
  time_field(json, "from", totals->first);
  time_field(json, "to", totals->last);
  json.field("total", totals->callers)
      .field("known", totals->known)
      .field("established", totals->established)
      .field("refused_now", totals->refused_lately)
      .key("callers")
      .begin_array();
  for (const CallerEntry& entry : *list) write_caller(json, entry, now);
  json.end_array().end_object();
  return out + "\n";
}

Result<std::string> caller_json(CallerDirectory& directory, std::string_view name, WallTime now) {
  const auto found = directory.find(name);
  if (!found) return std::unexpected(found.error());
  if (found->empty()) {
    return fail(
        ErrorKind::not_found,
        fmt::format("the directory knows no caller {}: weir callers lists those it knows; an "
                    "IPv6 client goes by its /64",
                    config::quote(name)),
        Origin::config);
  }
  std::string out;
  JsonWriter json(out);
  json.begin_object();
  time_field(json, "at", now);
  json.key("callers").begin_array();
  for (const CallerEntry& entry : *found) write_caller(json, entry, now);
  json.end_array().end_object();
  return out + "\n";
}

}  // namespace weir::control
