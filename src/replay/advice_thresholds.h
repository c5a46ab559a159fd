// When something is worth a person's time. Each number with its reason.
#pragma once

#include <chrono>
#include <cstdint>

#include "base/time.h"

namespace weir::replay::threshold {

using std::chrono::hours;

inline constexpr Nanos kNearlyWhole = hours(1);
// Below a day no peak of the day was surely seen.
inline constexpr Nanos kDay = hours(24);
// Traffic repeats by the week, so a rule that nobody met in one is worth a question. A day less,
// because a recording that keeps seven days loses its oldest segment as a whole.
inline constexpr Nanos kUnusedAfter = hours(24 * 6);
// Two peaks are the least from which growth can be told.
inline constexpr std::size_t kWeeksOfTrend = 2;
inline constexpr Nanos kWeek = hours(24 * 7);

// A known caller's bucket beyond four fifths: a quarter more of the same refuses it. (At 71 % a
// limit is called fine where changes are watched.)
inline constexpr double kLittleHeadroom = 0.8;
// What a wider value is aimed at: half full, so that the same caller may double.
inline constexpr double kAimedFill = 0.5;

// Real crowds grew thirteenfold from a median day to the best one and twentyonefold within minutes
// (the World Cup logs of 1998). A limit fifty times above all that was ever asked, in rate and in
// burst, would have let the worst of them pass: it stops nobody, a runaway neither.
inline constexpr double kAbsurdRate = 50, kAbsurdFill = 1.0 / 50;
// What a tighter value is aimed at.
inline constexpr double kAimedTimes = 10;

// A timeout is set at the percentile whose false cuts are accepted: one in a thousand (AWS
// Builders' Library). Fewer durations than a thousand do not have such a percentile.
inline constexpr double kCutShare = 0.001;
inline constexpr std::uint64_t kDurations = 1000;
// A longer timeout is aimed at twice the 99.9th percentile: durations double under load before
// anything is broken.
inline constexpr double kAimedTimeout = 2;
// One call of an auth service in a hundred that runs into its timeout is one request in a hundred
// that its service never judged.
inline constexpr double kAuthCutShare = 0.01;
inline constexpr std::uint64_t kAuthCalls = 100;
// Of ten probed timeouts of which none came later, about one in four would have at most (Wilson,
// 95 %). What is proposed is what nine in ten of those took that did come.
inline constexpr std::uint64_t kLateAnswers = 10;
inline constexpr double kLateShare = 0.9;
// An upstream that cuts its own work: six in ten of twenty failures or more lie within a tenth, or
// 2 ms, of one duration. A timeout is set well above what is usual, and hardly anything good takes
// longer than it: twice the median, one in twenty. Below 10 ms it is work that fails, not a clock.
inline constexpr std::uint64_t kOwnFailures = 20, kOwnGood = 20;
inline constexpr double kOwnShare = 0.6, kOwnSpread = 0.1, kOwnTimes = 2, kOwnBeyond = 0.05;
inline constexpr Nanos kOwnWidth = std::chrono::milliseconds(2),
                       kOwnLeast = std::chrono::milliseconds(10);
// Nearer to the gateway's own timeout the two cannot be told apart.
inline constexpr double kOwnApart = 1.25;
// A client's own deadline shows as many who leave after the same time: ninety in a hundred within a
// fifth of the middle. People who close a page leave at any time.
inline constexpr std::uint64_t kGone = 20;
inline constexpr double kGoneSpread = 0.2;
// A timeout that little above the client's deadline only follows it.
inline constexpr double kPatience = 1.25;

// More than a fifth above the best clean minute, and more than chance makes of counts so small
// (three standard deviations of a Poisson count). Half above it is what a plan calls harm.
inline constexpr double kAboveSustained = 1.2, kDeviations = 3;

// Eight weeks: to order, install and warm up what is needed.
inline constexpr double kWeeksLeft = 8, kNearCapacity = 0.8;
// Less a week is not told from the chance of peaks.
inline constexpr double kGrowth = 0.05;
// Minutes beyond the best clean one that failed: one alone may be a fault of another kind.
inline constexpr std::uint64_t kSaturated = 3;

// The busiest client of real logs of people and programs had 0.9 to 27 % (a campus behind one
// address); of scans 98 % and more.
inline constexpr double kBusyKey = 0.4;

// Time to tell a partner that its key ends.
inline constexpr Nanos kSoon = hours(24 * 14);

}  // namespace weir::replay::threshold
