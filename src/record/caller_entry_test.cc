// Entries of callers against a model that keeps every exchange, their bytes against any bytes.
#include "record/caller_entry.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "record/caller_tally.h"

namespace weir::record {
namespace {

using namespace std::chrono_literals;

WallTime at(Nanos since) { return WallTime(20'000 * 24h + since); }

CallerEvent passed(Nanos since, std::string_view route = "catalog") {
  return {.at = at(since), .ending = {.status = 200}, .route = route};
}
CallerEvent refused(Nanos since, std::string_view rule = "per-caller", std::uint32_t revision = 3) {
  return {.at = at(since),
          .ending = {.status = 429, .refused = true, .cause = Cause::limit_rejected},
          .route = "catalog",
          .rule = rule,
          .revision = revision};
}

TEST(CallerEntry, SaysWhichRuleRefusesSinceWhen) {
  CallerEntry entry;
  entry.add(refused(0s, "per-caller", 2), false);
  entry.add(passed(10min), false);
  // More than an hour later: another spell, under another revision.
  entry.add(refused(2h, "per-caller", 3), false);
  entry.add(refused(2h + 30min, "per-caller", 4), false);
  ASSERT_EQ(entry.refusals.size(), 1u);
  const RefusalUse& use = entry.refusals.front();
  EXPECT_EQ(use.rule, "per-caller");
  EXPECT_EQ(use.count, 3u);
  EXPECT_EQ(use.spell_count, 2u);
  EXPECT_EQ(use.first, at(0s));
  EXPECT_EQ(use.since, at(2h));
  EXPECT_EQ(use.revision, 3u);
  EXPECT_EQ(use.last, at(2h + 30min));
  EXPECT_EQ(entry.present_refusal(at(2h + 35min), 10min), &use);
  EXPECT_EQ(entry.present_refusal(at(2h + 41min), 10min), nullptr);
  EXPECT_EQ(entry.present_refusal(at(2h + 29min), 10min), &use);
  EXPECT_EQ(entry.present_refusal(at(1h), 10min), nullptr);
}

// Bytes of a directory from before paces were kept: the same, without the end that says how many seconds and days follow.
TEST(CallerEntry, OneFromBeforePacesIsReadToo) {
  CallerEntry entry{.name = CallerName::of(CallerKind::client, "192.0.2.1")};
  entry.add(passed(0s), false);
  std::string bytes;
  entry.encode(bytes);
  ASSERT_TRUE(bytes.ends_with(std::string(2, '\0')));
  bytes.resize(bytes.size() - 2);
  bytes[0] = 1;
  const auto read = decode_caller_entry(bytes);
  ASSERT_TRUE(read);
  EXPECT_EQ(*read, entry);
}

TEST(CallerEntry, ALogHasRefusalsWithoutRules) {
  CallerEntry entry;
  entry.add({.at = at(0s), .ending = {.status = 429}}, false);
  entry.add({.at = at(1s), .ending = {.status = 403}}, false);
  entry.add({.at = at(2s), .ending = {.status = 404}}, false);
  ASSERT_EQ(entry.refusals.size(), 2u);
  EXPECT_EQ(entry.refusals[0].status, 403);
  EXPECT_EQ(entry.refusals[1].status, 429);
  EXPECT_EQ(entry.refused, 2u);
}

TEST(CallerEntry, RatesCountMinutesInWhichItAsked) {
  CallerEntry entry;
  for (int i = 0; i < 6; ++i) entry.add(passed(10s * i), false);             // minute 0: 6
  for (int i = 0; i < 3; ++i) entry.add(passed(1h + 15s * i), false);        // minute 60: 3
  for (int i = 0; i < 2; ++i) entry.add(passed(1h + 60s + 20s * i), false);  // minute 61: 2
  EXPECT_EQ(entry.minutes.active, 3u);
  EXPECT_DOUBLE_EQ(entry.usual_rate(), 11.0 / 3);
  EXPECT_EQ(entry.minutes.busiest, 6u);
  // 2 of this minute and half of the three of the minute before.
  EXPECT_DOUBLE_EQ(entry.minutes.rate(at(1h + 90s)), 3.5);
  EXPECT_DOUBLE_EQ(entry.minutes.rate(at(1h + 120s + 45s)), 0.5);
  EXPECT_DOUBLE_EQ(entry.minutes.rate(at(1h + 180s)), 0);
}

TEST(CallerEntry, WorkersMayHandOnTheMinuteBeforeLate) {
  CallerEntry entry;
  entry.add(passed(59s), false);
  entry.add(passed(60s), false);
  for (int i = 0; i < 5; ++i) entry.add(passed(59s), false);
  EXPECT_EQ(entry.minutes.active, 2u);
  EXPECT_EQ(entry.minutes.busiest, 6u);
}

TEST(CallerEntry, ManyRoutesAreBoundedAndCounted) {
  CallerEntry entry;
  for (int i = 0; i < 40; ++i) {
    for (int n = 0; n <= i; ++n) entry.add(passed(1s * i, "route-" + std::to_string(i)), false);
  }
  EXPECT_EQ(entry.routes.size(), CallerEntry::kMostRoutes);
  std::uint64_t listed = entry.other_routes;
  for (const RouteUse& each : entry.routes) listed += each.requests;
  EXPECT_EQ(listed, entry.standing.requests);
  // A route that came up late takes the place of one that was given up a week ago.
  for (int i = 0; i < 3; ++i) entry.add(passed(240h, "new"), false);
  EXPECT_NE(std::ranges::find(entry.routes, "new", &RouteUse::route), entry.routes.end());
}

TEST(CallerEntry, LongNamesAreCutAndStayApart) {
  const std::string a(10'000, 'a'), b = a + "b";
  const CallerName one = CallerName::of(CallerKind::client, a),
                   two = CallerName::of(CallerKind::client, b);
  EXPECT_EQ(one.name.size(), CallerName::kMost);
  EXPECT_NE(one, two);
  EXPECT_NE(CallerName::of(CallerKind::client, "x").key(),
            CallerName::of(CallerKind::credential, "x").key());
}

// What is drawn: exchanges in order of time, of few routes and rules, over hours and days.
std::vector<CallerEvent> draw_events() {
  static const std::vector<std::string> kNames = {"a", "b", "c", "d"};
  std::vector<CallerEvent> events;
  Nanos now = 0s;
  const auto draws =
      *rc::gen::container<std::vector<std::uint32_t>>(rc::gen::arbitrary<std::uint32_t>());
  for (const std::uint32_t draw : draws) {
    static constexpr std::array<Nanos, 6> kSteps = {0s, 7s, 40s, 11min, 55min, 9h};
    now += kSteps[draw % 6];
    const std::string& name = kNames[draw / 6 % 4];
    CallerEvent event = passed(now, name);
    switch (draw / 24 % 5) {
      case 0:
        event = refused(now, name, draw / 120 % 3);
        break;
      case 1:
        event.ending.status = 500;
        break;
      case 2:
        event.ending.status = 404;
        break;
      default:
        break;
    }
    events.push_back(event);
  }
  return events;
}

RC_GTEST_PROP(CallerEntry, IsWhatAModelThatKeepsEverythingSays, ()) {
  const auto events = draw_events();
  CallerEntry entry;
  std::map<std::int64_t, std::uint64_t> minutes;
  std::map<std::string, std::uint64_t> routes;
  std::map<std::string, std::vector<WallTime>> refusals;
  std::set<std::int64_t> good_days;
  std::vector<WallTime> good;
  std::uint64_t bad = 0, fine = 0;
  for (const CallerEvent& event : events) {
    const bool known = good_days.size() > 1 || (!good.empty() && good.back() - good.front() >= 24h);
    entry.add(event, entry.standing.is_known());
    ++minutes[event.at.time_since_epoch() / 1min];
    ++routes[std::string(event.route)];
    const unsigned status = *event.ending.status;
    if (event.ending.refused) refusals[std::string(event.rule)].push_back(event.at);
    fine += status == 200 ? 1 : 0;
    if (status == 500 || (status == 429 && known)) {
      ++bad;
    } else if (status != 429) {
      good.push_back(event.at);
      good_days.insert(event.at.time_since_epoch() / 24h);
    }
  }
  RC_ASSERT(entry.standing.requests == events.size());
  RC_ASSERT(entry.standing.good == good.size());
  RC_ASSERT(entry.standing.bad == bad);
  RC_ASSERT(entry.standing.fine == fine);
  RC_ASSERT(entry.standing.days.count() == good_days.size());
  RC_ASSERT(entry.standing.is_known() ==
            (good_days.size() > 1 || (!good.empty() && good.back() - good.front() >= 24h)));
  std::optional<WallTime> known_since;
  for (const WallTime each : good) {
    if (!known_since && each.time_since_epoch() / 24h != good.front().time_since_epoch() / 24h)
      known_since = each;
  }
  RC_ASSERT(entry.standing.known_since == known_since);
  RC_ASSERT(entry.minutes.active == minutes.size());
  std::uint64_t busiest = 0;
  for (const auto& [minute, count] : minutes) busiest = std::max(busiest, count);
  RC_ASSERT(entry.minutes.busiest == busiest);
  for (const RouteUse& each : entry.routes) RC_ASSERT(each.requests == routes.at(each.route));
  RC_ASSERT(entry.routes.size() == routes.size());
  RC_ASSERT(entry.refusals.size() == refusals.size());
  for (const RefusalUse& each : entry.refusals) {
    const auto& times = refusals.at(each.rule);
    WallTime since = times.front();
    for (std::size_t i = 1; i < times.size(); ++i) {
      if (times[i] - times[i - 1] > 1h) since = times[i];
    }
    RC_ASSERT(each.count == times.size());
    RC_ASSERT(each.first == times.front());
    RC_ASSERT(each.since == since);
    RC_ASSERT(each.last == times.back());
    RC_ASSERT(each.spell_count == static_cast<std::uint64_t>(std::ranges::count_if(
                                      times, [&](WallTime t) { return t >= since; })));
  }
}

// Whether an exchange was bad depends on whether the caller was known then, so that is told alike.
RC_GTEST_PROP(CallerEntry, OfPartsMergedInOrderIsThatOfTheWhole, ()) {
  const auto events = draw_events();
  CallerEntry whole, merged, part;
  for (const CallerEvent& event : events) {
    const bool known = whole.standing.is_known();
    whole.add(event, known);
    part.add(event, known);
    if (*rc::gen::inRange(0, 3) != 0) continue;
    merged.merge(part);
    part = CallerEntry();
  }
  merged.merge(part);
  RC_ASSERT(merged == whole);
}

// Standing is exact in whatever order parts come.
RC_GTEST_PROP(CallerEntry, StandingOfPartsIsThatOfTheWholeInAnyOrder, ()) {
  const auto events = draw_events();
  Standing whole;
  std::vector<Standing> parts(3);
  for (const CallerEvent& event : events) {
    const Outcome outcome = outcome_of(event.ending, false);
    whole.add(event.at, event.ending, outcome);
    parts[*rc::gen::inRange<std::size_t>(0, 3)].add(event.at, event.ending, outcome);
  }
  Standing merged;
  for (const std::size_t i : {2, 0, 1}) merged.merge(parts[i]);
  if (whole.days.older() > 0) merged.days = whole.days;  // what is bounded there
  RC_ASSERT(merged == whole);
}

RC_GTEST_PROP(CallerEntry, ReadsBackWhatItWrote, ()) {
  CallerEntry entry;
  entry.name = CallerName::of(CallerKind::credential, *rc::gen::arbitrary<std::string>());
  for (const CallerEvent& event : draw_events()) entry.add(event, false);
  std::string bytes;
  entry.encode(bytes);
  const auto read = decode_caller_entry(bytes);
  RC_ASSERT(read.has_value());
  RC_ASSERT(*read == entry);
  // Any byte lost is noticed.
  for (std::size_t i = 0; i < bytes.size(); ++i)
    RC_ASSERT(!decode_caller_entry(std::string_view(bytes).substr(0, i)));
}

RC_GTEST_PROP(CallerEntry, TakesAnyBytes, (const std::string& bytes)) {
  (void)decode_caller_entry(bytes);
  (void)decode_caller_entry(std::string("\1\0", 2) + bytes);
}

TEST(CallerTally, NewcomersLeaveRoomForWhoIsKnown) {
  CallerTally tally(2);
  const KnownCallers known = {7, 8};
  const CallerName name = CallerName::of(CallerKind::client, "x");
  for (const std::uint64_t hash : {1, 2, 3, 7, 1}) tally.add(hash, name, passed(0s), known);
  EXPECT_EQ(tally.left_out(), 1u);
  EXPECT_EQ(tally.take().size(), 3u);
  tally.add(3, name, passed(0s), known);
  EXPECT_EQ(tally.size(), 1u);
}

}  // namespace
}  // namespace weir::record
