#include "record/caller_entry.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "base/hash.h"
#include "fmt/core.h"
#include "record/bytes.h"

namespace weir::record {
namespace {

constexpr std::uint8_t kVersion = 2, kWithoutPace = 1;

bool is_refusal(const Ending& ending) {
  const unsigned status = ending.status.value_or(0);
  return ending.refused || (ending.cause == Cause::none && (status == 401 || status == 403 || status == 429));
}

std::int64_t nanos_of(WallTime time) { return time.time_since_epoch().count(); }

void put_time(ByteWriter& out, WallTime time) { out.varint(zigzag(nanos_of(time))); }
WallTime take_time(ByteReader& in) { return wall_from_nanos(unzigzag(in.varint())); }

bool by_use(const RouteUse& a, const RouteUse& b) {
  return a.requests != b.requests ? a.requests > b.requests : a.route < b.route;
}
bool by_age(const RefusalUse& a, const RefusalUse& b) {
  return std::tie(b.last, a.rule, a.cause, a.status) < std::tie(a.last, b.rule, b.cause, b.status);
}

// Two spells that touch are one. Of two that began at the same time `into` was there first.
void join_spells(RefusalUse& into, const RefusalUse& other) {
  const bool newer = other.last > into.last;
  const RefusalUse late = newer ? other : into, early = newer ? into : other;
  into.count += other.count;
  into.first = std::min(into.first, other.first);
  into.last = late.last;
  if (late.since - early.last > CallerEntry::kSpell) {
    into.since = late.since;
    into.revision = late.revision;
    into.spell_count = late.spell_count;
    return;
  }
  into.spell_count += other.spell_count;
  if (other.since >= into.since) return;
  into.since = other.since;
  into.revision = other.revision;
}

}  // namespace

std::string_view to_string(CallerKind kind) {
  return kind == CallerKind::credential ? "credential" : "client";
}

CallerName CallerName::of(CallerKind kind, std::string_view name) {
  if (name.size() <= kMost) return {.kind = kind, .name = std::string(name)};
  constexpr std::size_t kDigest = 17;
  return {.kind = kind,
          .name = fmt::format("{}~{:016x}", name.substr(0, kMost - kDigest),
                              keyed_hash(HashKey{}, name))};
}

std::string CallerName::key() const {
  return static_cast<char>('0' + static_cast<int>(kind)) + name;
}

std::int64_t MinuteCounts::of(WallTime time) {
  return std::chrono::floor<std::chrono::minutes>(time.time_since_epoch()).count();
}

void MinuteCounts::add(WallTime at) {
  const std::int64_t minute = of(at);
  if (active == 0 || minute > last) {
    return merge({.first = minute,
                  .last = minute,
                  .first_count = 1,
                  .last_count = 1,
                  .active = 1,
                  .busiest = 1,
                  .busiest_minute = minute});
  }
  // Workers hand on what they have in turn, so the minute before may still get some.
  if (minute < last - 1) return;
  std::uint64_t& count = minute == last ? last_count : before_last;
  if (count++ == 0) ++active;
  if (minute < first) first = minute;
  if (minute == first) first_count = count;
  note_busy(count, minute);
}

void MinuteCounts::note_busy(std::uint64_t count, std::int64_t minute) {
  if (count < busiest || (count == busiest && minute >= busiest_minute)) return;
  busiest = count;
  busiest_minute = minute;
}

void MinuteCounts::merge(const MinuteCounts& other) {
  if (other.active == 0) return;
  if (active == 0) {
    *this = other;
    return;
  }
  const bool in_order = std::tuple(first, last) <= std::tuple(other.first, other.last);
  const MinuteCounts early = in_order ? *this : other, late = in_order ? other : *this;
  MinuteCounts sum = early;
  sum.note_busy(late.busiest, late.busiest_minute);
  sum.active = early.active + late.active;
  if (late.last > early.last) {
    sum.last = late.last;
    sum.last_count = late.last_count;
    sum.before_last = late.last == early.last + 1 && late.first == late.last ? early.last_count
                                                                             : late.before_last;
    if (late.first == early.last && late.last == late.first + 1)
      sum.before_last = early.last_count + late.first_count;
  } else if (late.last == early.last) {
    sum.last_count = early.last_count + late.last_count;
    sum.before_last = early.before_last + (late.first < late.last ? late.before_last : 0);
  } else if (late.last == early.last - 1) {
    sum.before_last += late.last_count;
  }
  if (late.first == early.first) sum.first_count = early.first_count + late.first_count;
  if (late.first == early.last) {  // one minute seen from both sides
    --sum.active;
    sum.note_busy(early.last_count + late.first_count, late.first);
    if (early.first == early.last) sum.first_count = early.first_count + late.first_count;
  }
  *this = sum;
}

double MinuteCounts::rate(WallTime now) const {
  const std::int64_t minute = of(now);
  if (active == 0 || minute < last || minute > last + 1) return 0;
  const double into = std::chrono::duration<double, std::ratio<60>>(now.time_since_epoch() -
                                                                    std::chrono::minutes(minute))
                          .count();
  const double whole = minute == last ? static_cast<double>(last_count) : 0;
  return whole + static_cast<double>(minute == last ? before_last : last_count) * (1 - into);
}

void CallerEntry::arrive(const CallerEvent& event) {
  first_seen = standing.requests == 0 ? event.at : std::min(first_seen, event.at);
  last_seen = standing.requests == 0 ? event.at : std::max(last_seen, event.at);
  ++standing.requests;
  minutes.add(event.at);
  if (name.kind == CallerKind::credential && !is_refusal(event.ending)) pace.add(event.at);
  if (!event.route.empty()) use_route(event.route.substr(0, kMostText), event.at);
}

void CallerEntry::end(const CallerEvent& event, bool known, std::optional<Nanos> usual) {
  standing.end(event.at, event.ending, outcome_of(event.ending, known, usual));
  if (is_refusal(event.ending)) refuse(event);
}

void CallerEntry::use_route(std::string_view route, WallTime at) {
  for (std::size_t i = 0; i < routes.size(); ++i) {
    if (routes[i].route != route) continue;
    ++routes[i].requests;
    routes[i].last = std::max(routes[i].last, at);
    for (; i > 0 && by_use(routes[i], routes[i - 1]); --i) std::swap(routes[i], routes[i - 1]);
    return;
  }
  routes.push_back({.route = std::string(route), .requests = 1, .last = at});
  for (std::size_t i = routes.size() - 1; i > 0 && by_use(routes[i], routes[i - 1]); --i) std::swap(routes[i], routes[i - 1]);
  drop_routes();
}

void CallerEntry::refuse(const CallerEvent& event) {
  ++refused;
  const RefusalUse one{.rule = std::string(event.rule.substr(0, kMostText)),
                       .cause = event.ending.cause,
                       .status = event.ending.cause == Cause::none ? event.ending.status.value_or(0)
                                                                   : std::uint16_t{0},
                       .revision = event.revision,
                       .count = 1,
                       .spell_count = 1,
                       .first = event.at,
                       .since = event.at,
                       .last = event.at};
  const auto same =
      std::ranges::find_if(refusals, [&](const auto& each) { return each.is_same(one); });
  if (same != refusals.end())
    join_spells(*same, one);
  else
    refusals.push_back(one);
  trim();
}

void CallerEntry::trim() {
  std::ranges::sort(routes, by_use);
  drop_routes();
  std::ranges::sort(refusals, by_age);
  if (refusals.size() > kMostRefusals) refusals.resize(kMostRefusals);
}

void CallerEntry::drop_routes() {
  while (routes.size() > kMostRoutes) {
    // One that was given up long ago, else the one least used. A caller that is new has given up none.
    auto worst = std::prev(routes.end());
    if (last_seen - first_seen >= kStale) {
      const auto oldest = std::ranges::min_element(routes, {}, &RouteUse::last);
      if (last_seen - oldest->last >= kStale) worst = oldest;
    }
    other_routes += worst->requests;
    routes.erase(worst);
  }
}

void CallerEntry::merge(const CallerEntry& other) {
  if (other.standing.requests > 0) {
    const bool seen = standing.requests > 0;
    first_seen = seen ? std::min(first_seen, other.first_seen) : other.first_seen;
    last_seen = seen ? std::max(last_seen, other.last_seen) : other.last_seen;
  }
  standing.merge(other.standing);
  minutes.merge(other.minutes);
  pace.merge(other.pace);
  refused += other.refused;
  other_routes += other.other_routes;
  for (const RouteUse& each : other.routes) {
    const auto same = std::ranges::find(routes, each.route, &RouteUse::route);
    if (same == routes.end()) {
      routes.push_back(each);
      continue;
    }
    same->requests += each.requests;
    same->last = std::max(same->last, each.last);
  }
  for (const RefusalUse& each : other.refusals) {
    const auto same =
        std::ranges::find_if(refusals, [&](const auto& mine) { return mine.is_same(each); });
    if (same == refusals.end())
      refusals.push_back(each);
    else
      join_spells(*same, each);
  }
  trim();
}

double CallerEntry::usual_rate() const {
  return minutes.active == 0
             ? 0
             : static_cast<double>(standing.requests) / static_cast<double>(minutes.active);
}

const RefusalUse* CallerEntry::present_refusal(WallTime now, Nanos within) const {
  if (refusals.empty()) return nullptr;
  const Nanos since = now - refusals.front().last;
  return since > within || -since > within ? nullptr : &refusals.front();
}

void CallerEntry::encode(std::string& out) const {
  std::vector<std::byte> room(512 + CallerName::kMost +
                              (kMostRoutes + kMostRefusals) * (kMostText + 80) + pace.most_bytes());
  ByteWriter to(room);
  to.byte(kVersion);
  to.byte(static_cast<std::uint8_t>(name.kind));
  to.string(name.name);
  for (const std::uint64_t n : {standing.requests, standing.answered, standing.fine, standing.good,
                                standing.bad, refused, other_routes})
    to.varint(n);
  for (const WallTime time : {first_seen, last_seen, standing.first_good, standing.last_good})
    put_time(to, time);
  to.byte(standing.known_since ? 1 : 0);
  put_time(to, standing.known_since.value_or(WallTime()));
  to.varint(zigzag(standing.days.first()));
  to.varint(zigzag(standing.days.newest()));
  to.varint(standing.days.older());
  to.word(standing.days.bits());
  for (const std::int64_t n : {minutes.first, minutes.last, minutes.busiest_minute})
    to.varint(zigzag(n));
  for (const std::uint64_t n : {minutes.first_count, minutes.last_count, minutes.before_last,
                                minutes.active, minutes.busiest})
    to.varint(n);
  to.varint(routes.size());
  for (const RouteUse& each : routes) {
    to.string(each.route);
    to.varint(each.requests);
    put_time(to, each.last);
  }
  to.varint(refusals.size());
  for (const RefusalUse& each : refusals) {
    to.string(each.rule);
    to.byte(static_cast<std::uint8_t>(each.cause));
    to.varint(each.status);
    to.varint(each.revision);
    to.varint(each.count);
    to.varint(each.spell_count);
    for (const WallTime time : {each.first, each.since, each.last}) put_time(to, time);
  }
  pace.encode(to);
  out.assign(reinterpret_cast<const char*>(room.data()), to.size());
}

Result<CallerEntry> decode_caller_entry(std::string_view bytes) {
  ByteReader in(std::as_bytes(std::span(bytes)));
  const auto damaged = [] {
    return fail(ErrorKind::invalid, "an entry of the caller directory is damaged", Origin::system);
  };
  const std::uint8_t version = in.byte();
  if (version != kVersion && version != kWithoutPace) return damaged();
  CallerEntry entry;
  const std::uint8_t kind = in.byte();
  if (kind > static_cast<std::uint8_t>(CallerKind::client)) return damaged();
  entry.name.kind = static_cast<CallerKind>(kind);
  entry.name.name = in.string();
  for (std::uint64_t* n :
       {&entry.standing.requests, &entry.standing.answered, &entry.standing.fine,
        &entry.standing.good, &entry.standing.bad, &entry.refused, &entry.other_routes})
    *n = in.varint();
  for (WallTime* time :
       {&entry.first_seen, &entry.last_seen, &entry.standing.first_good, &entry.standing.last_good})
    *time = take_time(in);
  const bool known = in.byte() != 0;
  const WallTime known_since = take_time(in);
  if (known) entry.standing.known_since = known_since;
  const auto first = static_cast<std::int32_t>(unzigzag(in.varint()));
  const auto newest = static_cast<std::int32_t>(unzigzag(in.varint()));
  const auto older = static_cast<std::uint32_t>(in.varint());
  entry.standing.days = ActiveDays(first, newest, older, in.word());
  for (std::int64_t* n : {&entry.minutes.first, &entry.minutes.last, &entry.minutes.busiest_minute})
    *n = unzigzag(in.varint());
  for (std::uint64_t* n :
       {&entry.minutes.first_count, &entry.minutes.last_count, &entry.minutes.before_last,
        &entry.minutes.active, &entry.minutes.busiest})
    *n = in.varint();
  for (std::uint64_t left = in.varint(); left > 0 && in.ok(); --left) {
    RouteUse& each = entry.routes.emplace_back();
    each.route = in.string();
    each.requests = in.varint();
    each.last = take_time(in);
  }
  for (std::uint64_t left = in.varint(); left > 0 && in.ok(); --left) {
    RefusalUse& each = entry.refusals.emplace_back();
    each.rule = in.string();
    const std::uint8_t cause = in.byte();
    if (cause >= static_cast<std::uint8_t>(Cause::count_)) in.fail();
    each.cause = static_cast<Cause>(cause);
    each.status = static_cast<std::uint16_t>(in.varint());
    each.revision = static_cast<std::uint32_t>(in.varint());
    each.count = in.varint();
    each.spell_count = in.varint();
    for (WallTime* time : {&each.first, &each.since, &each.last}) *time = take_time(in);
  }
  if (version != kWithoutPace) entry.pace.decode(in);
  if (!in.finished() || entry.routes.size() > CallerEntry::kMostRoutes ||
      entry.refusals.size() > CallerEntry::kMostRefusals ||
      entry.name.name.size() > CallerName::kMost)
    return damaged();
  return entry;
}

}  // namespace weir::record
