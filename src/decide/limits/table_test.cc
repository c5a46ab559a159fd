// The table against models that share nothing with it:
//   Leaky      an exact leaky bucket in integers, no theoretical arrival times
//   windows    every pair of admitted requests: n <= rate x t + burst
// and against nginx in table_nginx_test.cc.
#include "decide/limits/table.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <atomic>
#include <barrier>
#include <map>
#include <numeric>
#include <random>
#include <thread>
#include <vector>

namespace weir::decide::limits {
namespace {

using Int = __int128;

Stamp at_ns(std::int64_t nanos) { return stamp_from_nanos(nanos); }
Stamp at_ms(std::int64_t ms) { return at_ns(ms * 1'000'000); }
Rate rate(std::uint64_t thousandths, Nanos period) { return Rate{.count = thousandths, .period = period}; }
constexpr Nanos kSecond = std::chrono::seconds(1);
constexpr Nanos kMinute = std::chrono::minutes(1);

// One request is 1000 x period units; the bucket drains `count` units a nanosecond.
struct Leaky {
  Rate rate;
  std::uint64_t burst = 1;
  Int level = 0;
  std::int64_t last = 0;

  Int one() const { return static_cast<Int>(1000) * rate.period.count(); }
  Int room(std::int64_t now) {
    level = std::max<Int>(0, level - static_cast<Int>(rate.count) * (now - last));
    last = now;
    return static_cast<Int>(burst) * one() - level - one();
  }
  bool pass(std::int64_t now) {
    if (room(now) < 0) return false;
    level += one();
    return true;
  }
};

// The interval's denominator is small enough to be kept.
bool is_exact(Rate r) {
  const Int one = static_cast<Int>(1000) * r.period.count();
  return r.count / std::gcd(r.count, static_cast<std::uint64_t>(one % r.count)) <= kMaxParts;
}

TEST(Pace, IsExactForTheRatesThatPeopleWrite) {
  EXPECT_EQ(Pace::of(rate(30'000, kMinute), 1).interval, (Span{.nanos = 2'000'000'000}));
  // 60/s: 16,666,666 2/3 ns. 0.6/s: 1,666,666,666 2/3 ns. 100/min: 600 ms.
  EXPECT_EQ(Pace::of(rate(60'000, kSecond), 1).interval, (Span{.nanos = 16'666'666, .part = 2}));
  EXPECT_EQ(Pace::of(rate(600, kSecond), 3).window, (Span{.nanos = 5'000'000'000}));
  EXPECT_EQ(Pace::of(rate(100'000, kMinute), 2).window, (Span{.nanos = 1'200'000'000}));
  EXPECT_EQ(Pace::of(rate(1'000'000, std::chrono::hours(1)), 1000).window, (Span{.nanos = 3'600'000'000'000}));
  // 7777.777/s has a denominator of 7,777,777: rounded up to 1/65,536 ns.
  const Pace odd = Pace::of(rate(7'777'777, kSecond), 1);
  EXPECT_EQ(odd.parts, kMaxParts);
  const Int in_parts = static_cast<Int>(odd.interval.nanos) * kMaxParts + odd.interval.part;
  const Int exact_times_count = static_cast<Int>(1'000'000'000'000) * kMaxParts;
  EXPECT_GE(in_parts * 7'777'777, exact_times_count);
  EXPECT_LT((in_parts - 1) * 7'777'777, exact_times_count);
}

TEST(Pace, SaturatesInsteadOfOverflowing) {
  const Pace slow = Pace::of(rate(1, std::chrono::hours(24 * 365 * 200)), UINT64_MAX);
  EXPECT_EQ(slow.window.nanos, kMaxWindow);
  EXPECT_GE(slow.window, slow.interval);
  const Pace fast = Pace::of(rate(UINT64_MAX, Nanos(1)), 1);
  EXPECT_EQ(fast.interval, (Span{.nanos = 0, .part = 1}));
}

TEST(Pace, AddsAndTakesAwayWithParts) {
  const Pace thirds = Pace::of(rate(3000, kSecond), 2);
  const Span two = thirds.plus(thirds.interval, thirds.interval);
  EXPECT_EQ(two, (Span{.nanos = 666'666'666, .part = 2}));
  EXPECT_EQ(thirds.plus(two, thirds.interval), (Span{.nanos = 1'000'000'000}));
  EXPECT_EQ(thirds.minus(Span{.nanos = 1'000'000'000}, two), thirds.interval);
  EXPECT_EQ(thirds.minus(two, Span{.nanos = 1'000'000'000}), Span{});
  EXPECT_EQ(thirds.intervals(Span{.nanos = 1'000'000'000}), 3u);
  EXPECT_EQ(thirds.intervals(Span{.nanos = 999'999'999, .part = 2}), 2u);
}

TEST(Table, AdmitsBurstAtOnceThenOneAnInterval) {
  Table table(64);
  const Pace pace = Pace::of(rate(10'000, kSecond), 3);   // one in 100 ms, three at once
  const Key key{.hash = 1234567};
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(table.charge(key, pace, at_ms(1000)).passes);
  const Fill refused = table.charge(key, pace, at_ms(1000));
  EXPECT_FALSE(refused.passes);
  EXPECT_EQ(retry_after(refused, pace), std::chrono::milliseconds(100));
  EXPECT_EQ(refused.debt, (Span{.nanos = 300'000'000}));
  EXPECT_EQ(remaining(refused, pace), 0u);
  EXPECT_FALSE(table.charge(key, pace, at_ns(1'099'999'999)).passes);
  EXPECT_TRUE(table.charge(key, pace, at_ms(1100)).passes);
  EXPECT_FALSE(table.charge(key, pace, at_ms(1100)).passes);
  const Fill later = table.charge(key, pace, at_ms(1300));   // two came back, one of them is used here
  EXPECT_TRUE(later.passes);
  EXPECT_EQ(remaining(later, pace), 1u);
}

TEST(Table, LookChangesNothingAndAgreesWithCharge) {
  Table table(64);
  const Pace pace = Pace::of(rate(1000, kSecond), 2);
  const Key key{.hash = 99};
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(table.look(key, pace, at_ms(10)).passes);
  EXPECT_TRUE(table.charge(key, pace, at_ms(10)).passes);
  EXPECT_TRUE(table.look(key, pace, at_ms(10)).passes);
  EXPECT_TRUE(table.charge(key, pace, at_ms(10)).passes);
  EXPECT_FALSE(table.look(key, pace, at_ms(10)).passes);
}

TEST(Table, GivesBackExactlyOneRequest) {
  Table table(64);
  const Pace pace = Pace::of(rate(1000, kSecond), 1);
  const Key key{.hash = 5};
  EXPECT_TRUE(table.charge(key, pace, at_ms(0)).passes);
  EXPECT_FALSE(table.charge(key, pace, at_ms(0)).passes);
  table.give_back(key, pace);
  EXPECT_TRUE(table.charge(key, pace, at_ms(0)).passes);
  EXPECT_FALSE(table.charge(key, pace, at_ms(0)).passes);
  table.give_back(Key{.hash = 6}, pace);   // a key without a cell owes nothing
}

TEST(Table, WhenFullLetsNewKeysPassAndKeepsKnownOnesExact) {
  Table table(4, 4);   // one bucket of four cells
  const Pace pace = Pace::of(rate(1000, kSecond), 1);
  for (std::uint64_t key = 1; key <= 4; ++key) {
    const Fill fill = table.charge({.hash = key}, pace, at_ms(0));
    EXPECT_TRUE(fill.passes && !fill.untracked);
  }
  for (int i = 0; i < 3; ++i) {
    const Fill fill = table.charge({.hash = 5}, pace, at_ms(0));
    EXPECT_TRUE(fill.passes && fill.untracked);
  }
  EXPECT_EQ(table.counters().full, 3u);
  for (std::uint64_t key = 1; key <= 4; ++key) EXPECT_FALSE(table.charge({.hash = key}, pace, at_ms(999)).passes);
  // Keys that the configuration alone makes have a region of their own.
  const Key reserved{.hash = 6, .reserved = true};
  EXPECT_FALSE(table.charge(reserved, pace, at_ms(0)).untracked);
  EXPECT_FALSE(table.charge(reserved, pace, at_ms(0)).passes);
  // All debts are paid at 1 s; a cell changes its owner more than 100 ms later, when no worker's stamp can be older.
  EXPECT_TRUE(table.charge({.hash = 7}, pace, at_ms(1100)).untracked);
  const Fill fresh = table.charge({.hash = 7}, pace, at_ms(1101));
  EXPECT_TRUE(fresh.passes && !fresh.untracked);
  EXPECT_FALSE(table.charge({.hash = 7}, pace, at_ms(1101)).passes);
}

TEST(Table, HasACellForEveryKeyUntilHalfFull) {
  Table table(1 << 18);
  const Pace pace = Pace::of(rate(1000, kSecond), 1);
  std::mt19937_64 random(1);
  int keys = 0;
  const auto fill_up_to = [&](int percent) {
    for (; keys < (1 << 18) / 100 * percent; ++keys) table.charge({.hash = random()}, pace, at_ms(0));
    return table.counters().full;
  };
  EXPECT_EQ(fill_up_to(50), 0u);
  EXPECT_LT(fill_up_to(80), (1u << 18) / 50);
}

// ---- brute force ----

Rate arbitrary_rate() {
  return *rc::gen::element(rate(1000, kSecond), rate(600, kSecond), rate(30'000, kMinute), rate(3000, kSecond),
                           rate(7777, kSecond), rate(7'777'777, kSecond), rate(1'000'000'000, kSecond), rate(1'000'000, std::chrono::hours(1)),
                           rate(1, kMinute), rate(100'000, kMinute), rate(999'999, Nanos(123'456'789)));
}

TEST(TableProperty, EqualsAnExactLeakyBucketRequestByRequest) {
  EXPECT_TRUE(rc::check([] {
    Table table(1 << 12);
    const Rate r = arbitrary_rate();
    const auto burst = *rc::gen::inRange<std::uint64_t>(1, 20);
    const Pace pace = Pace::of(r, burst);
    const auto interval = static_cast<std::int64_t>(to_nanos(pace.interval).count());
    const auto keys = *rc::gen::inRange<std::uint64_t>(1, 6);
    std::map<std::uint64_t, Leaky> models;
    std::int64_t now = *rc::gen::inRange<std::int64_t>(0, 1'000'000'000);
    const auto steps = *rc::gen::container<std::vector<std::pair<unsigned, unsigned>>>(
        rc::gen::pair(rc::gen::inRange(0u, 300u), rc::gen::inRange(0u, 1000u)));
    Int charges = 0;
    for (const auto& [wait, which] : steps) {
      // Waits of up to three intervals, often none, often exactly one.
      now += wait < 100 ? 0 : wait < 150 ? interval : interval * (wait - 150) / 50;
      const std::uint64_t key = 0x9e3779b97f4a7c15ULL * (which % keys + 1);
      auto [entry, fresh] = models.try_emplace(key, Leaky{.rate = r, .burst = burst, .last = now});
      Leaky& model = entry->second;
      const Int room = model.room(now);
      const bool passed = table.charge({.hash = key}, pace, at_ns(now)).passes;
      if (is_exact(r)) {
        RC_ASSERT(passed == (room >= 0));
      } else {
        // Rounded up: may refuse what is within the sum of the roundings, never admit what the rate forbids.
        RC_ASSERT(!passed || room >= 0);
        RC_ASSERT(passed || room <= (charges + static_cast<Int>(burst) + 1) * static_cast<Int>(r.count) / kMaxParts + 1);
      }
      if (passed) {
        model.level += model.one();
        ++charges;
      }
    }
  }));
}

// n requests in t: n x 1000 x period <= t x count + (burst + extra) x 1000 x period.
bool holds_in_every_window(std::vector<std::int64_t> admitted, Rate r, std::uint64_t burst, int extra) {
  std::ranges::sort(admitted);
  const Int one = static_cast<Int>(1000) * r.period.count();
  // Worst window ending at j: minimise i x one - admitted[i] x count; one pass instead of all pairs.
  Int least = 0;
  for (std::size_t j = 0; j < admitted.size(); ++j) {
    const Int here = static_cast<Int>(j) * one - static_cast<Int>(admitted[j]) * r.count;
    if (j == 0 || here < least) least = here;
    if (here - least + one > (static_cast<Int>(burst) + extra) * one) return false;
  }
  return true;
}

TEST(TableProperty, NoWindowHoldsMoreThanRateTimesTPlusBurstWhateverTheOrderOfStamps) {
  EXPECT_TRUE(rc::check([] {
    Table table(1 << 12);
    const Rate r = arbitrary_rate();
    const auto burst = *rc::gen::inRange<std::uint64_t>(1, 10);
    const Pace pace = Pace::of(r, burst);
    const auto interval = std::max<std::int64_t>(1, to_nanos(pace.interval).count());
    std::vector<std::int64_t> admitted;
    std::int64_t front = 1'000'000'000;
    for (const auto& [step, back] : *rc::gen::container<std::vector<std::pair<unsigned, unsigned>>>(
             rc::gen::pair(rc::gen::inRange(0u, 40u), rc::gen::inRange(0u, 40u)))) {
      front += interval * step / 20;
      const std::int64_t stamp = std::max<std::int64_t>(0, front - interval * back / 20);
      if (table.charge({.hash = 42}, pace, at_ns(stamp)).passes) admitted.push_back(stamp);
    }
    RC_ASSERT(holds_in_every_window(admitted, r, burst, 0));
  }));
}

// ---- threads ----

// Each worker has stamps of its own that never go back, up to a millisecond behind the common clock; a fifth of the
// charges is given back at once, as when a later limit of the group refuses.
void hammer(int workers, std::size_t cells, std::uint64_t keys) {
  Table table(cells);
  const Rate r = rate(50'000'000, kSecond);   // one in 20 us; a key is asked for about twice as often
  const std::uint64_t burst = 20;
  const Pace pace = Pace::of(r, burst);
  std::atomic<std::int64_t> clock{1'000'000'000};
  const std::uint64_t step = 20'000 / keys;
  std::barrier together(workers);
  std::vector<std::vector<std::vector<std::int64_t>>> admitted(
      static_cast<std::size_t>(workers), std::vector<std::vector<std::int64_t>>(keys));
  {
    std::vector<std::jthread> threads;
    for (int w = 0; w < workers; ++w) {
      threads.emplace_back([&, w] {
        std::mt19937_64 random(static_cast<unsigned>(w));
        std::int64_t mine = 0;
        together.arrive_and_wait();
        for (int i = 0; i < 100'000; ++i) {
          const std::int64_t common = clock.fetch_add(static_cast<std::int64_t>(random() % step));
          mine = std::max(mine, common - static_cast<std::int64_t>(random() % 1'000'000));
          const std::uint64_t which = random() % keys;
          const Key key{.hash = (which + 1) * 0x9e3779b97f4a7c15ULL};
          const Fill fill = table.charge(key, pace, at_ns(mine));
          if (!fill.passes || fill.untracked) continue;
          if (random() % 5 == 0) {
            table.give_back(key, pace);
          } else {
            admitted[static_cast<std::size_t>(w)][which].push_back(mine);
          }
        }
      });
    }
  }
  const std::int64_t span = clock.load() - 1'000'000'000;
  for (std::uint64_t which = 0; which < keys; ++which) {
    std::vector<std::int64_t> all;
    for (const auto& worker : admitted) all.insert(all.end(), worker[which].begin(), worker[which].end());
    EXPECT_TRUE(holds_in_every_window(all, r, burst, workers - 1)) << "key " << which;
    if (keys <= 4) EXPECT_GT(static_cast<std::int64_t>(all.size()), span / 20'000 * 5 / 10);   // and not much less
  }
  // 0 unless the machine takes the core of a worker that holds a stripe away for milliseconds.
  EXPECT_LT(table.counters().contended, 300u);
}

// 10/s, burst 5: an interval is 100 ms, a window 500 ms.
TEST(TableSteered, WhatPassedElsewhereOwesAWindowAtMost) {
  const Pace pace = Pace::of(rate(10'000, kSecond), 5);
  const Key key{.hash = 0x9e3779b97f4a7c15ULL};
  Table table(1 << 10);
  table.charge_passed(key, pace, at_ms(1000));
  EXPECT_EQ(table.look(key, pace, at_ms(1000)).debt, (Span{.nanos = 100'000'000}));   // as a charge would
  for (int i = 0; i < 10; ++i) table.charge_passed(key, pace, at_ms(1000));
  EXPECT_EQ(table.look(key, pace, at_ms(1000)).debt, pace.window);
  EXPECT_FALSE(table.charge(key, pace, at_ms(1099)).passes);
  EXPECT_TRUE(table.charge(key, pace, at_ms(1100)).passes);
}

TEST(TableSteered, RaisedItOwesUntilThenAndNeverLess) {
  const Pace pace = Pace::of(rate(10'000, kSecond), 5);
  const Key key{.hash = 0x9e3779b97f4a7c15ULL};
  Table table(1 << 10);
  table.raise(key, at_ms(1400));
  EXPECT_EQ(table.look(key, pace, at_ms(1000)).debt, (Span{.nanos = 400'000'000}));
  table.raise(key, at_ms(1200));
  EXPECT_EQ(table.look(key, pace, at_ms(1000)).debt, (Span{.nanos = 400'000'000}));
  EXPECT_TRUE(table.charge(key, pace, at_ms(1000)).passes);    // the fifth
  EXPECT_FALSE(table.charge(key, pace, at_ms(1000)).passes);
}

// A table that took over another one's cells answers as that one would have, request by request.
TEST(TableSnapshot, GoesOnWhereTheOtherOneWas) {
  const Pace paces[] = {Pace::of(rate(10'000, kSecond), 5), Pace::of(rate(7'000, kMinute), 3), Pace::of(rate(60'000, kSecond), 1)};
  std::mt19937_64 random(7);
  const auto ask = [&](Table& table, std::uint64_t n, std::int64_t now) {
    const std::uint64_t key = n % 300;
    return table.charge({.hash = (key + 1) * 0x9e3779b97f4a7c15ULL, .reserved = key % 10 == 0}, paces[key % 3], at_ns(now)).passes;
  };
  Table table(1 << 10);
  std::int64_t now = 1'000'000'000;
  for (int i = 0; i < 5000; ++i) ask(table, random(), now += 1'000'000);
  Table other(1 << 10);
  const auto cells = table.owed(at_ns(now));
  EXPECT_GT(cells.size(), 50u);
  EXPECT_LT(cells.size(), 300u);   // what is long full is not in it
  ASSERT_TRUE(other.restore(cells));
  int refused = 0;
  for (int i = 0; i < 5000; ++i) {
    const std::uint64_t n = random();
    now += 1'000'000;
    const bool passes = ask(table, n, now);
    ASSERT_EQ(ask(other, n, now), passes) << i;
    refused += !passes;
  }
  EXPECT_GT(refused, 500);
  Table small(1 << 4, 4);
  EXPECT_FALSE(small.restore(cells));
}

TEST(TableThreads, ABurstIsSharedOutToTheLastRequest) {
  constexpr std::uint64_t kBurst = 200'000;
  Table table(64);
  const Pace pace = Pace::of(rate(1000, kSecond), kBurst);
  std::barrier together(4);
  std::atomic<std::uint64_t> passed{0};
  {
    std::vector<std::jthread> threads;
    for (int w = 0; w < 4; ++w) {
      threads.emplace_back([&] {
        std::uint64_t mine = 0;
        together.arrive_and_wait();
        for (int i = 0; i < 100'000; ++i) mine += table.charge({.hash = 1}, pace, at_ms(1)).passes;
        passed += mine;
      });
    }
  }
  EXPECT_EQ(passed.load() - table.counters().contended, kBurst);
}

TEST(TableThreads, OneHotKeyIsNeverOverItsRate) { hammer(4, 1 << 10, 1); }
TEST(TableThreads, FewKeysAreNeverOverTheirRate) { hammer(4, 1 << 10, 4); }
TEST(TableThreads, KeysThatTakeOverEachOthersCellsAreNeverOverTheirRate) { hammer(4, 64, 200); }

TEST(TableThreads, OneKeyNeverGetsTwoCells) {
  // All workers meet a key that has no cell yet; exactly `burst` of them may pass.
  const Pace pace = Pace::of(rate(1, kMinute), 2);
  Table table(1 << 12);
  std::atomic<int> passed{0};
  std::atomic<std::uint64_t> round{0};
  constexpr std::uint64_t kRounds = 2000;
  std::vector<std::jthread> threads;
  std::atomic<int> arrived{0};
  for (int w = 0; w < 4; ++w) {
    threads.emplace_back([&] {
      for (std::uint64_t r = 0; r < kRounds; ++r) {
        if (arrived.fetch_add(1) == 3) {
          arrived = 0;
          round = r + 1;
        }
        while (round.load() <= r) std::this_thread::yield();
        if (table.charge({.hash = (r + 1) * 0x9e3779b97f4a7c15ULL}, pace, at_ms(1)).passes) ++passed;
      }
    });
  }
  threads.clear();
  EXPECT_EQ(table.counters().full, 0u);
  EXPECT_EQ(passed.load(), 2 * static_cast<int>(kRounds));
}

}  // namespace
}  // namespace weir::decide::limits
