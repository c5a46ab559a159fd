// Peaks against worked numbers and against a model that keeps every second.
#include "record/caller_pace.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "record/caller_entry.h"

namespace weir::record {
namespace {

using namespace std::chrono_literals;
using std::chrono::seconds;

constexpr std::int32_t kFirst = 20'000;   // a day
constexpr double kStep = 1.125;           // a count is known to an eighth

WallTime at(std::int32_t day, std::int64_t second) { return WallTime(day * 24h + seconds(second)); }

void ask(CallerPace& pace, std::int32_t day, std::int64_t from, int for_seconds, int a_second) {
  for (int i = 0; i < for_seconds; ++i) {
    for (int j = 0; j < a_second; ++j) pace.add(at(day, from + i) + std::chrono::milliseconds(j % 1000));
  }
}

std::uint32_t peak_on(const CallerPace& pace, std::int32_t day) {
  const auto peak = pace.peak(day);
  return peak ? peak->per_second : 0;
}

// 302 seconds: 99 of a hundred are 298.98, and 300 of them had ten requests.
TEST(CallerPace, ThePeakIsTheP99OfTheSecondsInWhichItAsked) {
  CallerPace pace;
  ask(pace, kFirst, 0, 200, 10);
  ask(pace, kFirst + 1, 1000, 100, 10);
  ask(pace, kFirst + 1, 5000, 2, 200);
  EXPECT_EQ(pace.peak(kFirst + 2), (CallerPace::Peak{.per_second = 10, .days = 2}));
  // Of 304 seconds, 300.96: four that had 200 are more than one in a hundred.
  ask(pace, kFirst + 1, 6000, 2, 200);
  EXPECT_GE(peak_on(pace, kFirst + 2), 200u);
  EXPECT_LE(peak_on(pace, kFirst + 2), 200 * kStep);
}

TEST(CallerPace, NothingIsLearnedOfTodayNorOfTooLittle) {
  CallerPace pace;
  ask(pace, kFirst, 0, 400, 5);
  EXPECT_EQ(pace.peak(kFirst), std::nullopt);        // of today
  EXPECT_EQ(pace.peak(kFirst + 1), std::nullopt);    // one day
  ask(pace, kFirst + 1, 0, 1, 5);
  EXPECT_EQ(pace.peak(kFirst + 1), std::nullopt);
  EXPECT_EQ(peak_on(pace, kFirst + 2), 5u);
  ask(pace, kFirst + 2, 0, 4000, 500);               // runs away now
  EXPECT_EQ(peak_on(pace, kFirst + 2), 5u);

  CallerPace few;
  ask(few, kFirst, 0, 150, 5);
  ask(few, kFirst + 1, 0, 149, 5);
  EXPECT_EQ(few.peak(kFirst + 2), std::nullopt);
  ask(few, kFirst + 1, 1000, 1, 5);
  EXPECT_EQ(peak_on(few, kFirst + 2), 5u);
}

TEST(CallerPace, ADayRaisesThePeakTwofoldAtMost) {
  CallerPace pace;
  ask(pace, kFirst, 0, 200, 10);
  ask(pace, kFirst + 1, 0, 200, 10);
  ask(pace, kFirst + 2, 0, 500, 400);
  ask(pace, kFirst + 3, 0, 10, 10);
  EXPECT_EQ(peak_on(pace, kFirst + 2), 10u);
  EXPECT_EQ(peak_on(pace, kFirst + 3), 20u);
  EXPECT_EQ(peak_on(pace, kFirst + 4), 40u);   // still above the p99's way up
}

// 14 whole days and today: of twenty, the six oldest are gone.
TEST(CallerPace, OldDaysAreForgotten) {
  CallerPace pace;
  for (std::int32_t day = 0; day < 6; ++day) ask(pace, kFirst + day, 0, 100, 15);
  for (std::int32_t day = 6; day < 20; ++day) ask(pace, kFirst + day, 0, 100, 2);
  ask(pace, kFirst + 20, 0, 1, 2);
  EXPECT_EQ(pace.peak(kFirst + 20), (CallerPace::Peak{.per_second = 2, .days = 14}));
}

TEST(CallerPace, WhatIsRefusedAndWhoHasNoCredentialAreNotCounted) {
  const auto of = [](CallerKind kind, Ending ending) {
    CallerEntry entry{.name = CallerName::of(kind, "a")};
    entry.add({.at = at(kFirst, 0), .ending = ending, .route = "r", .rule = "", .revision = 1}, false);
    return entry.pace.empty();
  };
  EXPECT_FALSE(of(CallerKind::credential, {.status = 200}));
  EXPECT_FALSE(of(CallerKind::credential, {.status = 500}));
  EXPECT_TRUE(of(CallerKind::client, {.status = 200}));
  EXPECT_TRUE(of(CallerKind::credential, {.status = 429}));   // of a log
  EXPECT_TRUE(of(CallerKind::credential, {.status = 429, .refused = true, .recorded = true, .cause = Cause::limit_rejected}));
}

struct Asked {
  std::int32_t day;
  std::int64_t second;
  int count;
};

// Some days of stretches, in order of time.
std::vector<Asked> traffic() {
  std::vector<Asked> all;
  const int days = *rc::gen::inRange(1, 18);
  for (int day = 0; day < days; ++day) {
    std::int64_t second = *rc::gen::inRange(0, 1000);
    const int usual = *rc::gen::inRange(1, 40), stretch = *rc::gen::inRange(0, 200);
    for (int i = 0; i < stretch; ++i) {
      second += *rc::gen::inRange(1, 4);
      all.push_back({kFirst + day, second, *rc::gen::inRange(1, usual + 1)});
    }
  }
  return all;
}

// The sentence of the header, from every second that there was.
double model(const std::vector<Asked>& all, std::int32_t today) {
  std::map<std::int32_t, std::vector<int>> by_day;
  for (const Asked& each : all) by_day[each.day].push_back(each.count);
  while (by_day.size() > 15) by_day.erase(by_day.begin());
  std::vector<int> seen;
  std::size_t days = 0;
  double peak = 0;
  for (const auto& [day, counts] : by_day) {
    if (day >= today) break;
    seen.insert(seen.end(), counts.begin(), counts.end());
    if (++days < 2 || seen.size() < 300) continue;
    std::ranges::sort(seen);
    const std::size_t rank = (seen.size() * 99 + 99) / 100;   // of a hundred, 99 are at most this
    const double p99 = seen[rank - 1];
    peak = peak == 0 ? p99 : std::min(p99, 2 * peak);
  }
  return peak;
}

RC_GTEST_PROP(CallerPace, IsWhatAModelOfEverySecondSays, ()) {
  const std::vector<Asked> all = traffic();
  CallerPace pace, doubled;
  for (const Asked& each : all) {
    ask(pace, each.day, each.second, 1, each.count);
    ask(doubled, each.day, each.second, 1, 2 * each.count);
  }
  for (std::int32_t today = kFirst; today < kFirst + 19; ++today) {
    const double expected = model(all, today), is = peak_on(pace, today);
    RC_ASSERT(is >= expected);
    RC_ASSERT(is <= expected * kStep);
    RC_ASSERT(peak_on(doubled, today) >= is);
  }
}

RC_GTEST_PROP(CallerPace, PiecesInOrderAreTheWhole, ()) {
  const std::vector<Asked> all = traffic();
  CallerPace whole, merged;
  for (std::size_t i = 0; i < all.size();) {
    const std::size_t size = static_cast<std::size_t>(*rc::gen::inRange(1, 8));
    CallerPace piece;
    for (std::size_t j = 0; j < size && i < all.size(); ++j, ++i) {
      ask(whole, all[i].day, all[i].second, 1, all[i].count);
      // A second may be cut in two.
      const bool cut = j + 1 == size && all[i].count > 1;
      ask(piece, all[i].day, all[i].second, 1, cut ? 1 : all[i].count);
      if (!cut) continue;
      merged.merge(piece);
      piece = CallerPace();
      ask(piece, all[i].day, all[i].second, 1, all[i].count - 1);
    }
    merged.merge(piece);
  }
  RC_ASSERT(merged == whole);

  std::vector<std::byte> room(whole.most_bytes());
  ByteWriter out(room);
  whole.encode(out);
  RC_ASSERT(out.ok());
  CallerPace again;
  ByteReader in(std::span(room).first(out.size()));
  again.decode(in);
  RC_ASSERT(in.finished());
  RC_ASSERT(again == whole);
}

RC_GTEST_PROP(CallerPace, BytesOfAnyOriginStayWithinTheBounds, (const std::vector<std::uint8_t>& bytes)) {
  ByteReader in(std::as_bytes(std::span(bytes)));
  CallerPace pace;
  pace.decode(in);
  (void)pace.peak(kFirst);
  RC_ASSERT(pace.most_bytes() <= 32 + CallerPace::kOpen * 20 + CallerPace::kDays * (20 + 144 * 11));
}

}  // namespace
}  // namespace weir::record
