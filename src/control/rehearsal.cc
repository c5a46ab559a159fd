#include "control/rehearsal.h"

#include <algorithm>
#include <set>
#include <string_view>
#include <utility>

#include "config/diagnostic.h"
#include "control/known_callers.h"
#include "control/learned_peaks.h"
#include "control/plan_recording.h"
#include "control/recording_input.h"
#include "control/text.h"
#include "decide/identity.h"
#include "decide/overlay.h"
#include "fmt/core.h"
#include "store/caller_directory.h"

namespace weir::control {
namespace {

using Kind = OverrideWhat::Kind;
using Names = std::set<std::string>;

constexpr Nanos kLately = std::chrono::days(30);  // who was not seen for so long is not in there
constexpr double kTooBusy = 1.5;  // as in a plan: beyond what an endpoint has sustained

bool holds(const Net& net, std::string_view name) {
  const auto address = Address::parse(name);
  if (!address) return false;
  // A caller of IPv6 is a /64, and the net may be smaller.
  return net.contains(*address) || (address->family == Address::Family::v6 &&
                                    Net{.address = *address, .prefix = 64}.contains(net.address));
}

// Whom a rate would not have been enough for in the busiest of their minutes.
bool exceeds(const record::CallerEntry& entry, const OverrideWhat& what) {
  return static_cast<double>(entry.minutes.busiest) >
         60 * what.rate.per_second() + static_cast<double>(what.burst);
}

bool uses_paused(const record::CallerEntry& entry, const RehearsalQuestion& question) {
  if (question.after.overlay == nullptr) return false;
  return std::ranges::any_of(entry.routes, [&](const record::RouteUse& use) {
    if (question.now - use.last > kLately) return false;
    for (std::uint32_t i = 0; i < question.after.routes.size(); ++i) {
      if (question.names.text(question.after.routes[i].name) != use.route) continue;
      const bool before = question.before.overlay != nullptr &&
                          decide::paused_by(*question.before.overlay, RouteId{i}).valid();
      return !before && decide::paused_by(*question.after.overlay, RouteId{i}).valid();
    }
    return false;
  });
}

bool hits(const record::CallerEntry& entry, const RehearsalQuestion& question) {
  const OverrideWhat& what = question.what;
  const bool credential = entry.name.kind == record::CallerKind::credential;
  switch (what.kind) {
    case Kind::block_caller:
      return credential && decide::fits({what.subject}, entry.name.name);
    case Kind::cap_caller:
      return credential && decide::fits({what.subject}, entry.name.name) && exceeds(entry, what);
    case Kind::block_net:
      return !credential && holds(what.net, entry.name.name);
    case Kind::cap_net:
      return !credential && holds(what.net, entry.name.name) && exceeds(entry, what);
    case Kind::shed:
    case Kind::pause:
      return uses_paused(entry, question);
    case Kind::weigh:
    case Kind::observe:
    case Kind::scale:
    case Kind::give_back:
      return false;  // what the directory holds says nothing about them
  }
  return false;
}

void ask_directory(const RehearsalQuestion& question, Rehearsal& rehearsal, Names& hurt) {
  auto directory = store::CallerDirectory::open(question.data_dir + "/callers.db",
                                                {.mode = store::CallerDirectory::Mode::read});
  if (!directory) {
    if (directory.error().kind != ErrorKind::not_found)
      rehearsal.notes.push_back(config::printable(to_string(directory.error())));
    return;
  }
  const auto totals = directory->totals({});
  if (!totals || !totals->first) return;
  rehearsal.directory = true;
  rehearsal.by_known = *totals->last - *totals->first >= store::CallerDirectory::kYoung;
  const auto read = directory->each([&](const record::CallerEntry& entry) {
    const bool protected_ =
        rehearsal.by_known ? entry.standing.is_known() : entry.standing.is_established();
    if (protected_ && question.now - entry.last_seen <= kLately && hits(entry, question))
      hurt.insert(entry.name.name);
  });
  if (!read) rehearsal.notes.push_back(config::printable(to_string(read.error())));
}

// A weight hurts by what other endpoints are sent then: the plan's verdict, where it has the day
// that it takes to know what they can bear.
void look_at_load(const RehearsalQuestion& question, const replay::PlanReport& report,
                  Rehearsal& rehearsal) {
  const bool harmless = report.verdict == replay::PlanVerdict::harmless;
  if (question.what.kind != Kind::weigh || harmless) return;
  rehearsal.harms = rehearsal.harms || report.verdict == replay::PlanVerdict::harm;
  std::set<std::string_view> seen;  // one that is in several upstreams gets all of theirs
  for (const auto& part : report.balance) {
    if (!part.sustained_known || part.picks_per_s <= kTooBusy * part.sustained_per_s) continue;
    if (!seen.insert(part.endpoint).second) continue;
    rehearsal.notes.push_back(
        fmt::format("{} would take {}, and has sustained {}", config::printable(part.endpoint),
                    rate_text(part.picks_per_s), rate_text(part.sustained_per_s)));
  }
}

Nanos span_of(double rate) {
  const double most = std::chrono::duration<double>(Rehearsal::kLongest).count();
  return Nanos(static_cast<std::int64_t>(
      std::min(most, rate > 0 ? Rehearsal::kMostRequests / rate : most) * 1e9));
}

void decide_again(const RehearsalQuestion& question, Rehearsal& rehearsal, Names& hurt) {
  const std::vector<std::string> folders = {question.data_dir};
  auto input = RecordingInput::open(folders, Rehearsal::kMostRead, {.routes = record::Routes::left_out});
  if (!input) {
    if (input.error().kind != ErrorKind::not_found)
      rehearsal.notes.push_back(config::printable(to_string(input.error())));
    return;
  }
  std::vector<std::string> ignored;
  const auto report =
      plan_recording(*input, {.names = question.names,
                              .after = question.after,
                              .before = &question.before,
                              .key = question.key,
                              .budget = question.after.harm_budget,
                              .known_before = known_callers(folders, ignored),
                              .since = question.now - span_of(question.rate),
                              .peaks = [&](const Policy& policy, WallTime first) {
                                return peaks_before(folders, question.key, policy, first);
                              }});
  if (!report.input.from || report.requests.judged == 0) return;
  rehearsal.from = report.input.from;
  rehearsal.to = report.input.to;
  rehearsal.requests = report.requests.judged;
  rehearsal.refused = report.requests.newly_refused.value;
  rehearsal.callers = report.callers.newly_refused.value;
  if (!rehearsal.directory) rehearsal.by_known = report.by_known();
  for (const auto& part : report.hurt) {
    if (!(rehearsal.by_known ? part.known : part.established)) continue;
    hurt.insert(part.caller);
    rehearsal.refused_known += part.newly_refused;
  }
  if (const std::uint64_t all = report.requests.total, judged = report.requests.judged;
      judged < all)
    rehearsal.notes.push_back(
        fmt::format("{} of {} requests could not be judged", grouped(all - judged), grouped(all)));
  look_at_load(question, report, rehearsal);
}

std::string_view kind_of(const Rehearsal& rehearsal) {
  return rehearsal.by_known ? "known" : "established";
}

double share(std::uint64_t part, std::uint64_t of) {
  return of == 0 ? 0 : static_cast<double>(part) / static_cast<double>(of);
}

}  // namespace

Rehearsal rehearse(const RehearsalQuestion& question) {
  Rehearsal rehearsal;
  Names hurt;
  ask_directory(question, rehearsal, hurt);
  decide_again(question, rehearsal, hurt);
  rehearsal.hurt = hurt.size();
  for (const std::string& name : hurt) {
    if (rehearsal.named.size() < Rehearsal::kMostNamed) rehearsal.named.push_back(name);
  }
  rehearsal.harms = rehearsal.harms || rehearsal.hurt > question.after.harm_budget.known_callers;
  return rehearsal;
}

std::vector<std::string> rehearsal_lines(const Rehearsal& rehearsal) {
  std::vector<std::string> lines;
  if (rehearsal.from) {
    const double seconds = static_cast<double>((*rehearsal.to - *rehearsal.from).count()) / 1e9;
    lines.push_back(
        rehearsal.refused == 0
            ? fmt::format("rehearsed over the last {}: none of {} requests would be refused",
                          span_text(seconds), grouped(rehearsal.requests))
            : fmt::format(
                  "rehearsed over the last {}: {} of {} requests would be refused ({}), of {}",
                  span_text(seconds), grouped(rehearsal.refused), grouped(rehearsal.requests),
                  percent_text(share(rehearsal.refused, rehearsal.requests)),
                  counted(rehearsal.callers, "caller")));
  } else {
    lines.push_back(rehearsal.directory
                        ? "nothing is recorded to rehearse it over; the caller directory was asked "
                          "who is in there"
                        : "NOT REHEARSED: nothing is recorded, and no caller is known");
  }
  if (rehearsal.hurt > 0) {
    std::string line = fmt::format(
        "{} in there: ", counted(rehearsal.hurt, fmt::format("{} caller", kind_of(rehearsal))));
    for (std::size_t i = 0; i < rehearsal.named.size(); ++i)
      line += (i == 0 ? "" : ", ") + config::printable(rehearsal.named[i]);
    if (rehearsal.hurt > rehearsal.named.size())
      line += fmt::format(" and {} more", grouped(rehearsal.hurt - rehearsal.named.size()));
    lines.push_back(std::move(line));
  } else if (rehearsal.directory || rehearsal.from) {
    lines.push_back(fmt::format("no {} caller is hurt", kind_of(rehearsal)));
  }
  if (rehearsal.refused > 0)
    lines.push_back(fmt::format(
        "{} of what it refuses comes from nobody {}",
        percent_text(share(rehearsal.refused - std::min(rehearsal.refused_known, rehearsal.refused),
                           rehearsal.refused)),
        kind_of(rehearsal)));
  lines.insert(lines.end(), rehearsal.notes.begin(), rehearsal.notes.end());
  return lines;
}

void write_rehearsal(JsonWriter& json, const Rehearsal& rehearsal) {
  json.begin_object()
      .field("recorded", rehearsal.from.has_value())
      .field("from", rehearsal.from ? time_text(*rehearsal.from) : "");
  json.field("to", rehearsal.to ? time_text(*rehearsal.to) : "")
      .field("requests", rehearsal.requests)
      .field("refused", rehearsal.refused);
  json.field("refused_known", rehearsal.refused_known)
      .field("callers", rehearsal.callers)
      .field("who", kind_of(rehearsal));
  json.field("hurt", rehearsal.hurt)
      .field("directory", rehearsal.directory)
      .field("harms", rehearsal.harms)
      .key("named")
      .begin_array();
  for (const std::string& name : rehearsal.named) json.value(name);
  json.end_array().key("lines").begin_array();
  for (const std::string& line : rehearsal_lines(rehearsal)) json.value(line);
  json.end_array().end_object();
}

}  // namespace weir::control
