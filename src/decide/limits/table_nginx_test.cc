// The table against limit_req of nginx 1.31.5, in nginx's own integers (ngx_http_limit_req_module.c: rates and bursts in
// thousandths of a request, time in milliseconds). Burst B with nodelay is a bucket of B + 1; where nginx rounds nothing
// both agree on every request, elsewhere they differ by its rounding and no more.
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <vector>

#include "decide/limits/table.h"

namespace weir::decide::limits {
namespace {

Stamp at_ms(std::int64_t ms) { return stamp_from_nanos(ms * 1'000'000); }
Rate rate(std::uint64_t thousandths, Nanos period) { return Rate{.count = thousandths, .period = period}; }
constexpr Nanos kSecond = std::chrono::seconds(1);
constexpr Nanos kMinute = std::chrono::minutes(1);

// limit_req with `nodelay`, in thousandths of a request and milliseconds.
struct Nginx {
  std::int64_t rate;     // R x 1000 / scale, cut to an integer
  std::int64_t burst;    // B x 1000
  bool known = false;
  std::int64_t excess = 0, last = 0;

  static Nginx of(std::int64_t count, std::int64_t scale, std::int64_t burst) {
    return {.rate = count * 1000 / scale, .burst = burst * 1000};
  }
  std::int64_t excess_at(std::int64_t now) const {
    std::int64_t ms = now - last;
    if (ms < -60'000) {
      ms = 1;
    } else if (ms < 0) {
      ms = 0;
    }
    return std::max<std::int64_t>(0, excess - rate * ms / 1000 + 1000);
  }
  bool pass(std::int64_t now) {
    if (!known) {
      known = true;
      last = now;
      return true;
    }
    const std::int64_t next = excess_at(now);
    if (next > burst) return false;
    excess = next;
    if (now != last) last = now;
    return true;
  }
};

TEST(TableAgainstNginx, BurstNodelayIsABucketOfOneMore) {
  Nginx nginx = Nginx::of(10, 1, 5);
  Table table(64);
  const Pace pace = Pace::of(rate(10'000, kSecond), 5 + 1);
  int theirs = 0, ours = 0;
  for (int i = 0; i < 20; ++i) {
    theirs += nginx.pass(1000);
    ours += table.charge({.hash = 1}, pace, at_ms(1000)).passes;
  }
  EXPECT_EQ(theirs, 6);
  EXPECT_EQ(ours, 6);
}

TEST(TableAgainstNginx, NoBurstIsASpacingRule) {
  Nginx nginx = Nginx::of(10, 1, 0);
  Table table(64);
  const Pace pace = Pace::of(rate(10'000, kSecond), 1);
  for (const auto& [ms, expected] : {std::pair{1000, true}, {1099, false}, {1100, true}, {1199, false}, {1201, true}}) {
    EXPECT_EQ(nginx.pass(ms), expected) << ms;
    EXPECT_EQ(table.charge({.hash = 1}, pace, at_ms(ms)).passes, expected) << ms;
  }
}

// With a whole number of requests a second nginx rounds nothing: both must agree on every request.
TEST(TableAgainstNginx, AgreesOnEveryRequestAtWholeRatesPerSecond) {
  EXPECT_TRUE(rc::check([] {
    const auto count = *rc::gen::inRange<std::int64_t>(1, 2000);
    const auto burst = *rc::gen::inRange<std::int64_t>(0, 50);
    Nginx nginx = Nginx::of(count, 1, burst);
    Table table(64);
    const Pace pace = Pace::of(rate(static_cast<std::uint64_t>(count) * 1000, kSecond),
                               static_cast<std::uint64_t>(burst) + 1);
    std::int64_t now = 1000;
    for (const unsigned wait : *rc::gen::container<std::vector<unsigned>>(rc::gen::inRange(0u, 400u))) {
      now += wait < 200 ? 0 : wait < 300 ? 1 : wait - 300;
      RC_ASSERT(nginx.pass(now) == table.charge({.hash = 1}, pace, at_ms(now)).passes);
    }
  }));
}

// Per minute nginx cuts twice: 100r/m becomes 1666 thousandths, and each refill is cut to a thousandth of a request.
// At the rate that nginx really uses, ours admits whatever nginx admits; what only ours admits lies within the sum of
// nginx's cuts. Decisions are kept in step by following nginx.
TEST(TableAgainstNginx, DiffersAtRatesPerMinuteByNginxRoundingOnly) {
  EXPECT_TRUE(rc::check([] {
    const auto count = *rc::gen::inRange<std::int64_t>(1, 3000);
    const auto burst = *rc::gen::inRange<std::int64_t>(0, 20);
    Nginx nginx = Nginx::of(count, 60, burst);
    Table table(64);
    const Pace pace = Pace::of(rate(static_cast<std::uint64_t>(nginx.rate), kSecond),
                               static_cast<std::uint64_t>(burst) + 1);
    std::int64_t now = 1000, cuts = 0;
    for (const unsigned wait : *rc::gen::container<std::vector<unsigned>>(rc::gen::inRange(0u, 4000u))) {
      now += wait < 1000 ? 0 : wait - 1000;
      const bool known = nginx.known;
      const std::int64_t next = nginx.excess_at(now);
      const bool theirs = nginx.pass(now);
      const bool ours = table.charge({.hash = 1}, pace, at_ms(now)).passes;
      RC_ASSERT(ours || !theirs);
      if (known && theirs) ++cuts;
      if (ours && !theirs) {
        RC_ASSERT(next - cuts - 1 <= nginx.burst);
        table.give_back({.hash = 1}, pace);
      }
    }
  }));
}

// A queue that never empties, looked at each millisecond for ten hours. Ours: one in 600 ms. nginx cuts 100r/m to 1666
// thousandths a second, and needs the first millisecond at which 1666 x ms / 1000, cut again, is a whole request: 601.
TEST(TableAgainstNginx, AtHundredAMinuteNginxAdmitsOneIn601Milliseconds) {
  Nginx nginx = Nginx::of(100, 60, 0);
  Table table(64);
  const Pace pace = Pace::of(rate(100'000, kMinute), 1);
  int theirs = 0, ours = 0;
  for (std::int64_t now = 0; now < 36'000'000; ++now) {
    theirs += nginx.pass(now);
    ours += table.charge({.hash = 1}, pace, at_ms(now)).passes;
  }
  EXPECT_EQ(ours, 60'000);
  EXPECT_EQ(theirs, 59'901);
}

}  // namespace
}  // namespace weir::decide::limits
