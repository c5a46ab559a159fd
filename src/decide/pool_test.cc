#include "decide/pool.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <string>
#include <vector>

namespace weir::decide {
namespace {

using namespace std::chrono_literals;
using Kind = PoolEvent::Kind;

constexpr Probe kGood{.good = true, .reached = true}, kWrong{.good = false, .reached = true}, kRefused{};

struct Fixture {
  explicit Fixture(std::size_t endpoints, Upstream with = {}) : upstream(std::move(with)) {
    for (std::size_t i = 0; i < endpoints; ++i) list.push_back({.identity = 100 + i});
    use();
  }
  void use() {
    upstream.endpoint_count = static_cast<std::uint32_t>(list.size());
    pool.use(upstream, list);
  }
  void answer(std::size_t offset, std::uint32_t good, std::uint32_t failed, Nanos took = 20ms) {
    Outcomes outcomes;
    for (std::uint32_t i = 0; i < good; ++i) outcomes.add_ok(took);
    for (std::uint32_t i = 0; i < failed; ++i) outcomes.add_failed();
    pool.on_outcomes(offset, outcomes, now);
  }
  void probe(std::size_t offset, Probe probe, int times) {
    for (int i = 0; i < times; ++i) pool.on_probe(offset, probe, now);
  }
  void pass(Nanos time) {
    for (const Stamp until = now + time; now < until;) {
      now += 50ms;
      pool.tick(now);
    }
  }
  std::string used() {
    pool.tick(now);
    std::vector<EndpointConditions> out(list.size());
    pool.write(now, out);
    std::string text;
    for (const EndpointConditions& one : out) text += one.usable ? 'u' : '.';
    return text;
  }
  std::uint8_t warmth(std::size_t offset) const {
    std::vector<EndpointConditions> out(list.size());
    pool.write(now, out);
    return out[offset].warmth;
  }
  std::vector<Kind> events() {
    std::vector<Kind> kinds;
    for (const PoolEvent& event : pool.events()) kinds.push_back(event.kind);
    pool.forget_events();
    return kinds;
  }

  Upstream upstream;
  std::vector<Endpoint> list;
  Pool pool;
  Stamp now = stamp_from_nanos(1'000'000'000'000);
};

Upstream with_check() {
  Upstream upstream;
  upstream.health_check = HealthCheck{};   // rise 2, fall 3
  return upstream;
}

// --- active checks

TEST(ActiveCheck, FallsAndRisesByResultsInARow) {
  HealthCheck rules;
  rules.rise = 2;
  rules.fall = 3;
  ActiveCheck check;
  const auto ask = [&](std::string_view results) {
    for (const char one : results) check.on_probe(rules, one == '+' ? kGood : kWrong);
    return check.down();
  };
  EXPECT_FALSE(ask("--+--"));
  EXPECT_TRUE(ask("-"));
  EXPECT_TRUE(ask("+-+"));
  EXPECT_FALSE(ask("+"));
}

TEST(Pool, AFailedCheckTakesOneOut) {
  Fixture f(4, with_check());
  f.probe(1, kWrong, 2);
  EXPECT_EQ(f.used(), "uuuu");
  f.probe(1, kWrong, 1);
  EXPECT_EQ(f.used(), "u.uu");
  f.probe(1, kGood, 2);
  EXPECT_EQ(f.used(), "uuuu");
  EXPECT_EQ(f.events(), (std::vector{Kind::check_down, Kind::check_up}));
}

// The health path moved: everybody answers 404 there and is well.
TEST(Pool, ChecksThatFailEverywhereAreNotBelieved) {
  Fixture f(4, with_check());
  for (std::size_t i = 0; i < 2; ++i) f.probe(i, kWrong, 3);
  EXPECT_EQ(f.used(), "..uu");   // half is left: not below panic_below
  f.probe(2, kWrong, 3);
  EXPECT_TRUE(f.pool.panics());
  EXPECT_EQ(f.used(), "uuuu");
  f.probe(3, kWrong, 3);
  EXPECT_EQ(f.used(), "uuuu");
}

TEST(Pool, InAPanicWhoRefusesConnectionsStaysOut) {
  Fixture f(4, with_check());
  for (std::size_t i = 0; i < 3; ++i) f.probe(i, i == 1 ? kWrong : kRefused, 3);
  EXPECT_TRUE(f.pool.panics());
  EXPECT_EQ(f.used(), ".u.u");
  f.probe(1, kRefused, 1);
  f.probe(3, kRefused, 3);
  EXPECT_EQ(f.used(), "uuuu") << "nobody is left: all are tried";
}

TEST(Pool, PanicCanBeSwitchedOff) {
  Upstream upstream = with_check();
  upstream.panic_below = 0;
  Fixture f(3, upstream);
  for (std::size_t i = 0; i < 2; ++i) f.probe(i, kWrong, 3);
  EXPECT_EQ(f.used(), "..u");
}

// --- ejection

TEST(Pool, FailuresInARowEject) {
  Fixture f(4);
  for (std::size_t i = 1; i < 4; ++i) f.answer(i, 10, 0);
  f.answer(0, 0, 4);
  EXPECT_EQ(f.used(), "uuuu");
  f.answer(0, 0, 1);   // 5 over two batches
  EXPECT_EQ(f.used(), ".uuu");
  ASSERT_EQ(f.pool.events().size(), 1u);
  EXPECT_EQ(f.pool.events()[0].why.reason, EjectReason::consecutive);
  EXPECT_EQ(f.pool.events()[0].why.own, 5);
  EXPECT_EQ(f.pool.events()[0].time, 30s);
}

TEST(Pool, AGoodAnswerBetweenThemBreaksTheRow) {
  Fixture f(4);
  f.answer(0, 0, 4);
  f.answer(0, 1, 4);
  EXPECT_EQ(f.used(), "uuuu");
}

TEST(Pool, WhereAllFailNobodyIsEjected) {
  Fixture f(4);
  for (int round = 0; round < 20; ++round) {
    for (std::size_t i = 0; i < 4; ++i) f.answer(i, 1, 3);
    f.pass(200ms);
  }
  EXPECT_EQ(f.used(), "uuuu");
}

// Their windows are full of good answers when all begin to fail.
TEST(Pool, WhereAllBeginToFailAtOnceNobodyIsEjected) {
  for (const bool shared_tick : {false, true}) {
    Fixture f(2);
    for (std::size_t i = 0; i < 2; ++i) f.answer(i, 100, 0);
    f.pass(1s);
    for (int round = 0; round < 6; ++round) {
      for (std::size_t i = 0; i < 2; ++i) {
        f.answer(i, 0, 1);
        if (!shared_tick) f.pass(50ms);
      }
      f.pass(50ms);
    }
    EXPECT_EQ(f.used(), "uu");
    f.answer(0, 5, 0);   // one is well again: now the other stands out
    f.answer(1, 0, 1);
    EXPECT_EQ(f.used(), "u.");
  }
}

// Too few are left for the load: it was not the ejected one that was wrong.
TEST(Pool, AnEjectionThatMakesTheOthersFailIsTakenBack) {
  Fixture f(3);
  for (std::size_t i = 0; i < 3; ++i) f.answer(i, 100, 0);
  f.answer(0, 0, 5);
  EXPECT_EQ(f.used(), ".uu");
  f.events();
  f.pass(2s);                    // a fifth of the window
  f.answer(1, 1, 10);
  f.answer(2, 10, 0);            // 10 of 21
  EXPECT_EQ(f.used(), ".uu");
  f.answer(2, 0, 1);             // 11 of 22
  EXPECT_EQ(f.used(), "uuu");
  EXPECT_EQ(f.events(), (std::vector{Kind::spared, Kind::recalled}));   // endpoint 1 had its row, and one was out
  f.pass(9s);                    // nobody is ejected for a window
  f.answer(1, 0, 5);
  f.answer(0, 10, 0);
  f.answer(2, 20, 0);
  EXPECT_EQ(f.used(), "uuu");
  f.pass(2s);
  f.answer(1, 0, 5);
  EXPECT_EQ(f.used(), "u.u");
}

// The catalogue's sick endpoint: accepts, and answers 503 to 60 %.
TEST(Pool, AShareOfFailuresEjects) {
  Fixture f(4);
  for (int round = 0; round < 20; ++round) {
    for (std::size_t i = 0; i < 3; ++i) f.answer(i, 5, 0);
    f.answer(3, 0, 3);
    f.answer(3, 2, 0);
    f.pass(100ms);
  }
  EXPECT_EQ(f.used(), "uuu.");
  EXPECT_EQ(f.pool.state(3), EndpointState::ejected);
}

// Whatever share is configured: nobody is out for failures who had none.
TEST(Pool, WhoHadNoFailureIsNotEjectedForItsShare) {
  Upstream upstream;
  upstream.ejection.emplace();
  upstream.ejection->failure_ratio = 0;
  Fixture f(3, upstream);
  for (int round = 0; round < 20; ++round) {
    for (std::size_t i = 0; i < 3; ++i) f.answer(i, 5, 0);
    f.pass(100ms);
  }
  EXPECT_EQ(f.used(), "uuu");
}

TEST(Pool, FourTimesSlowerEjectsWithoutAnError) {
  Fixture f(4);
  const Stamp began = f.now;
  while (f.used() == "uuuu" && f.now - began < 30s) {
    for (std::size_t i = 0; i < 4; ++i) f.answer(i, 1, 0, i == 2 ? 80ms : 20ms);
    f.pass(100ms);
  }
  EXPECT_EQ(f.used(), "uu.u");
  EXPECT_LE(f.now - began, 5s);   // 20 requests each at 10 a second, and a judgement a second
}

// A queue that is longer here than there, in an upstream that is short of capacity: without the longer one it is shorter still.
TEST(Pool, WhereCapacityIsShortNobodyIsOutForBeingSlow) {
  Fixture f(2);
  const auto round = [&](bool is_short) {
    f.answer(0, 30, 0, 20ms);
    f.answer(1, 30, 0, 80ms);
    f.now += 1s;
    f.pool.tick(f.now, is_short);
  };
  for (int i = 0; i < 5; ++i) round(true);
  EXPECT_EQ(f.pool.state(1), EndpointState::healthy);
  round(false);
  EXPECT_EQ(f.pool.state(1), EndpointState::ejected);
  f.answer(0, 30, 0, 20ms);
  f.now += 1s;
  f.pool.tick(f.now, true);
  EXPECT_EQ(f.pool.state(1), EndpointState::ejected) << "a fifth of the window has not passed";
  f.now += 1s;
  f.pool.tick(f.now, true);
  EXPECT_EQ(f.pool.state(1), EndpointState::healthy);
  EXPECT_EQ(f.events(), (std::vector{Kind::ejected, Kind::recalled}));
}

TEST(Pool, WhereCapacityIsShortWhoFailsIsOutAllTheSame) {
  Fixture f(2);
  for (int i = 0; i < 5; ++i) {
    f.answer(0, 30, 0);
    f.answer(1, 0, 30);
    f.now += 1s;
    f.pool.tick(f.now, true);
  }
  EXPECT_EQ(f.pool.state(1), EndpointState::ejected);
}

TEST(Pool, WhatNobodyWouldNoticeIsNotSlow) {
  Fixture f(4);
  for (int round = 0; round < 100; ++round) {
    for (std::size_t i = 0; i < 4; ++i) f.answer(i, 1, 0, i == 2 ? 800us : 200us);
    f.pass(100ms);
  }
  EXPECT_EQ(f.used(), "uuuu");
}

TEST(Pool, EjectionEndsGrowsAndIsForgotten) {
  Fixture f(4);
  const auto eject = [&] {
    f.pool.forget_events();
    f.answer(0, 0, 5);
    EXPECT_EQ(f.used(), ".uuu");
    return f.pool.events().empty() ? Nanos(0) : f.pool.events().back().time;
  };
  EXPECT_EQ(eject(), 30s);
  f.pass(29s);
  EXPECT_EQ(f.used(), ".uuu");
  f.pass(1s);
  EXPECT_EQ(f.used(), "uuuu");
  EXPECT_EQ(eject(), 60s);
  f.pass(60s);
  EXPECT_EQ(eject(), 90s);
  f.pass(90s + 70s);             // well for 70 s: two of the three are forgotten
  EXPECT_EQ(eject(), 60s);
  for (int i = 0; i < 12; ++i) {
    f.pass(301s);
    EXPECT_LE(eject(), 300s);
  }
}

TEST(Pool, NoMoreThanMaxShareIsOut) {
  Fixture f(5, with_check());    // half, rounded down: 2
  f.probe(4, kRefused, 3);       // counts too
  f.answer(0, 0, 5);
  EXPECT_EQ(f.used(), ".uuu.");
  f.pool.forget_events();
  f.answer(1, 0, 5);
  EXPECT_EQ(f.used(), ".uuu.");
  f.answer(1, 0, 5);
  EXPECT_EQ(f.used(), ".uuu.");
  EXPECT_EQ(f.events(), std::vector{Kind::spared}) << "said once";
}

TEST(Pool, TheLastOneIsNeverEjected) {
  Fixture f(1);
  f.answer(0, 0, 100);
  f.pass(10s);
  EXPECT_EQ(f.used(), "u");
}

TEST(Pool, OldFailuresLeaveTheWindow) {
  Fixture f(2);
  f.answer(0, 0, 4);
  f.answer(0, 1, 0);
  f.pass(11s);                   // the window is 10 s
  for (int i = 0; i < 4; ++i) {
    f.answer(0, 4, 0);
    f.answer(1, 4, 0);
  }
  f.answer(0, 4, 4);             // 4 of 24: of the last 10 s
  f.answer(1, 4, 0);
  f.pass(2s);
  EXPECT_EQ(f.used(), "uu");
}

TEST(Pool, WhoComesBackStartsSlowly) {
  Fixture f(4);
  f.answer(0, 0, 5);
  EXPECT_EQ(f.used(), ".uuu");
  f.pass(30s);
  EXPECT_EQ(f.used(), "uuuu");
  EXPECT_EQ(f.warmth(0), 1);
  f.pass(5s);                    // of 10
  EXPECT_EQ(f.warmth(0), 8);
  f.pass(5s);
  EXPECT_EQ(f.warmth(0), EndpointConditions::kWarm);
  EXPECT_EQ(f.warmth(1), EndpointConditions::kWarm);
}

TEST(Pool, StateOutlivesAChange) {
  Fixture f(4);
  f.answer(1, 0, 5);
  f.list.erase(f.list.begin());
  f.list.push_back({.identity = 900});
  f.use();
  EXPECT_EQ(f.used(), ".uuu");
  f.upstream.ejection.reset();
  f.use();
  EXPECT_EQ(f.used(), "uuuu");
}

TEST(Pool, AskedAgainInTimeForWhatChanges) {
  Fixture f(2);
  f.answer(0, 0, 5);
  const Stamp next = f.pool.tick(f.now);
  EXPECT_LE(next, f.now + 30s);
  EXPECT_EQ(Fixture(2).pool.tick(f.now), Stamp::max()) << "nothing is going on";
}

// Whatever happens: the pool is never empty, at most max_share are out by ejection, and what is due is never overslept.
RC_GTEST_PROP(Pool, NeverEmptyNeverTooManyOut, ()) {
  const auto endpoints = *rc::gen::inRange<std::size_t>(1, 9);
  Upstream upstream = with_check();
  upstream.ejection->max_share = *rc::gen::element(0.0, 0.3, 0.5, 1.0);
  upstream.panic_below = *rc::gen::element(0.0, 0.5, 1.0);
  Fixture f(endpoints, upstream);
  const auto steps = *rc::gen::container<std::vector<std::array<std::uint32_t, 4>>>(
      rc::gen::container<std::array<std::uint32_t, 4>>(rc::gen::inRange<std::uint32_t>(0, 1000)));
  for (const auto& [what, who, a, b] : steps) {
    const std::size_t offset = who % endpoints;
    switch (what % 3) {
      case 0: f.answer(offset, a % 8, b % 8, std::chrono::milliseconds(1 + a % 200)); break;
      case 1: f.probe(offset, a % 3 == 0 ? kGood : a % 3 == 1 ? kWrong : kRefused, 1 + static_cast<int>(b % 4)); break;
      default: f.pass(std::chrono::milliseconds(50 * (1 + a % 100)));
    }
    const std::string used = f.used();
    RC_ASSERT(used.find('u') != std::string::npos);
    std::size_t ejected = 0;
    for (std::size_t i = 0; i < endpoints; ++i) ejected += f.pool.state(i) == EndpointState::ejected ? 1 : 0;
    RC_ASSERT(static_cast<double>(ejected) <= upstream.ejection->max_share * static_cast<double>(endpoints));
    f.pool.forget_events();
  }
}

// Two tiers, 3 + 1: with all of the first down the one that steps in is well, so checks are believed.
TEST(Pool, IsNotInPanicWhileOneTierIsWell) {
  Fixture f(4, {.health_check = HealthCheck{.fall = 1}, .panic_below = 0.5});
  f.list[3].tier = 1;
  f.use();
  for (const std::size_t i : {0u, 1u, 2u}) f.probe(i, kWrong, 1);
  EXPECT_FALSE(f.pool.panics());
  EXPECT_EQ(f.used(), "...u");
  f.probe(3, kWrong, 1);   // none is well: checks are doubted, all took a connection
  EXPECT_TRUE(f.pool.panics());
  EXPECT_EQ(f.used(), "uuuu");
}

TEST(Pool, AnEndpointWithoutAnAddressIsOutUnlessNobodyHasOne) {
  Fixture f(2);
  f.pool.on_address(0, false);
  EXPECT_EQ(f.used(), ".u");
  EXPECT_EQ(to_string(f.pool.state(0)), "no_address");
  f.pool.on_address(1, false);
  EXPECT_EQ(f.used(), "uu");   // requests then say why they fail
  f.pool.on_address(0, true);
  EXPECT_EQ(f.used(), "u.");
}

}  // namespace
}  // namespace weir::decide
