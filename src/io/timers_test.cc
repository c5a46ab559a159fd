#include "io/timers.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

namespace weir::io {
namespace {

constexpr std::int64_t kTick = 1LL << TimerWheel::kTickBits;

struct Probe final : Timer {
  std::vector<Probe*>* log = nullptr;
  std::function<void()> then;
  void fire() override {
    if (log != nullptr) log->push_back(this);
    if (then) then();
  }
};

Stamp at(std::int64_t nanos) { return stamp_from_nanos(nanos); }

// The model is a plain list: a timer is due once `now` has reached the end of the tick its time
// lies in.
std::int64_t due_tick(Stamp when) { return (when.time_since_epoch().count() + kTick - 1) / kTick; }

RC_GTEST_PROP(TimerWheel, FiresWhatASortedListWould, ()) {
  const auto start = *rc::gen::inRange<std::int64_t>(0, 1'000'000'000'000'000);
  TimerWheel wheel(at(start));
  std::vector<Probe*> fired;
  std::vector<std::unique_ptr<Probe>> probes(20);
  for (auto& probe : probes) {
    probe = std::make_unique<Probe>();
    probe->log = &fired;
  }
  Stamp now = at(start);
  for (int step = 0; step < 60; ++step) {
    const int what = *rc::gen::inRange(0, 4);
    Probe& probe = *probes[*rc::gen::inRange<std::size_t>(0, probes.size())];
    const auto magnitude = *rc::gen::inRange(0, 46);
    const auto distance = *rc::gen::inRange<std::int64_t>(0, (1LL << magnitude) + 1);
    if (what == 0) {
      wheel.cancel(probe);
    } else if (what == 3) {
      now += Nanos(distance);
      std::vector<Probe*> expected;
      for (auto& each : probes) {
        if (each->armed() && due_tick(each->when()) <= now.time_since_epoch().count() / kTick)
          expected.push_back(each.get());
      }
      fired.clear();
      wheel.advance(now);
      for (std::size_t i = 1; i < fired.size(); ++i)
        RC_ASSERT(due_tick(fired[i - 1]->when()) <= due_tick(fired[i]->when()));
      std::sort(fired.begin(), fired.end());
      std::sort(expected.begin(), expected.end());
      RC_ASSERT(fired == expected);
      for (Probe* each : fired) RC_ASSERT(each->when() <= now);  // never early
    } else {
      wheel.arm(probe, now + Nanos(distance - (what == 1 ? 0 : distance / 4)));
    }
    Stamp earliest = Stamp::max();
    for (auto& each : probes) {
      if (each->armed()) earliest = std::min(earliest, each->when());
    }
    // A time in the past counts as the next tick. next() is never later than the earliest timer's
    // tick, and only "nothing" when nothing is armed.
    RC_ASSERT((wheel.next() == Stamp::max()) == (earliest == Stamp::max()));
    if (earliest != Stamp::max())
      RC_ASSERT(wheel.next() < std::max(earliest, now) + Nanos(2 * kTick));
  }
}

TEST(TimerWheel, SleepingUntilNextReachesATimerInFewSteps) {
  TimerWheel wheel(at(12345));
  std::vector<Probe*> fired;
  Probe probe;
  probe.log = &fired;
  const Stamp when = at(12345) + std::chrono::hours(24 * 30);
  wheel.arm(probe, when);
  int steps = 0;
  Stamp now{};
  for (; fired.empty() && steps < 20; ++steps) {
    now = wheel.next();
    wheel.advance(now);
  }
  EXPECT_LE(steps, static_cast<int>(TimerWheel::kLevels));
  EXPECT_GE(now, when);
  EXPECT_LT(now, when + Nanos(kTick));
}

TEST(TimerWheel, ATimerThatArmsItselfForThePastFiresOncePerAdvance) {
  TimerWheel wheel(at(0));
  int count = 0;
  Probe probe;
  probe.then = [&] {
    ++count;
    wheel.arm(probe, at(0));
  };
  wheel.arm(probe, at(0));
  wheel.advance(at(1000 * kTick));
  EXPECT_EQ(count, 1);
  wheel.advance(at(1001 * kTick));
  EXPECT_EQ(count, 2);
}

TEST(TimerWheel, ATimerMayCancelOrDestroyOthersOfItsTick) {
  TimerWheel wheel(at(0));
  std::vector<Probe*> fired;
  auto second = std::make_unique<Probe>();
  Probe first, third;
  first.log = second->log = third.log = &fired;
  first.then = [&] { second.reset(); };
  for (Probe* probe : {&first, second.get(), &third}) wheel.arm(*probe, at(5 * kTick));
  EXPECT_EQ(wheel.advance(at(5 * kTick)), 2u);
  EXPECT_EQ(fired, (std::vector<Probe*>{&first, &third}));
}

TEST(TimerWheel, TakesTheLastStampThereIs) {
  TimerWheel wheel(at(1));
  Probe probe;
  wheel.arm(probe, Stamp::max() - Nanos(1));
  EXPECT_EQ(wheel.advance(at(1) + std::chrono::hours(24 * 365 * 100)), 0u);
  EXPECT_TRUE(probe.armed());
}

}  // namespace
}  // namespace weir::io
