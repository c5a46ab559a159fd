#include "io/task.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "io/loop.h"
#include "io/sim/world.h"

namespace weir::io {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// Simulated, so that a second costs nothing and only what must happen happens.
struct Stage {
  sim::SimWorld world{1};
  Loop loop{world.kernel("test")};
};

std::uintptr_t stack_here() { return reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0)); }

Task<int> one() { co_return 1; }

Task<long> count_to(int most) {
  long sum = 0;
  for (int i = 0; i < most; ++i) sum += co_await one();
  co_return sum;
}

Task<std::uintptr_t> descend(Loop& loop, int depth) {
  if (depth == 0) {
    co_await loop.yield();
    co_return stack_here();
  }
  co_return co_await descend(loop, depth - 1);
}

TEST(Task, AMillionCallsUseOneStackFrame) {
  Stage stage;
  EXPECT_EQ(block_on(stage.loop, [] { return count_to(1'000'000); }), 1'000'000);
}

TEST(Task, DepthDoesNotGrowTheStackOnResuming) {
  Stage stage;
  const auto shallow = block_on(stage.loop, [&] { return descend(stage.loop, 1); });
  const auto deep = block_on(stage.loop, [&] { return descend(stage.loop, 1'000'000); });
  EXPECT_LT(shallow > deep ? shallow - deep : deep - shallow, 4096u);
}

TEST(Task, HandsBackWhatCanOnlyBeMoved) {
  Stage stage;
  const auto text = block_on(stage.loop, []() -> Task<std::unique_ptr<std::string>> {
    co_return std::make_unique<std::string>("moved");
  });
  EXPECT_EQ(*text, "moved");
}

TEST(Task, RunsNothingBeforeItIsAwaited) {
  Stage stage;
  int ran = 0;
  const auto touch = [&]() -> Task<> {
    ++ran;
    co_return;
  };
  {
    const Task<> never_awaited = touch();
  }
  EXPECT_EQ(ran, 0);
  block_on(stage.loop, touch);
  EXPECT_EQ(ran, 1);
}

TEST(Task, ReusesItsFrames) {
  Stage stage;
  block_on(stage.loop, [] { return count_to(10); });
  const std::size_t kept = FramePool::kept();
  block_on(stage.loop, [] { return count_to(1000); });
  EXPECT_EQ(FramePool::kept(), kept);
}

TEST(FramePool, KeepsNoMoreThanItsBound) {
  std::vector<void*> blocks;
  for (unsigned i = 0; i < FramePool::kKeptPerClass + 100; ++i)
    blocks.push_back(FramePool::take(100));
  const std::size_t before = FramePool::kept();
  for (void* block : blocks) FramePool::give(block, 100);
  EXPECT_LE(FramePool::kept() - before, FramePool::kKeptPerClass);
}

TEST(Loop, YieldGoesBehindWhatIsReady) {
  Stage stage;
  std::string order;
  const auto write_twice = [&](char name) -> Task<> {
    order += name;
    co_await stage.loop.yield();
    order += name;
  };
  block_on(stage.loop, [&]() -> Task<> {
    Scope scope(stage.loop);
    for (char name : {'a', 'b', 'c'}) scope.spawn(write_twice, name);
    co_await scope.join();
  });
  EXPECT_EQ(order, "abcabc");
}

TEST(Loop, SleepersWakeInTheOrderOfTheirTimes) {
  Stage stage;
  std::vector<int> order;
  const Stamp start = stage.loop.now();
  block_on(stage.loop, [&]() -> Task<> {
    Scope scope(stage.loop);
    for (int ms : {30, 10, 20, 5000, 15}) {
      scope.spawn(
          [&](int wait) -> Task<> {
            const auto slept = co_await stage.loop.sleep_for(milliseconds(wait));
            EXPECT_TRUE(slept);
            order.push_back(wait);
            EXPECT_GE(stage.loop.now() - start, milliseconds(wait));
            EXPECT_LE(stage.loop.now() - start, milliseconds(wait + 1));
          },
          ms);
    }
    co_await scope.join();
  });
  EXPECT_EQ(order, (std::vector<int>{10, 15, 20, 30, 5000}));
}

TEST(Loop, ACoroutineThatNeverWaitsLetsTimersThrough) {
  Stage stage;
  bool slept = false;
  block_on(stage.loop, [&]() -> Task<> {
    Scope scope(stage.loop);
    scope.spawn([&]() -> Task<> {
      auto done = co_await stage.loop.sleep_for(milliseconds(2));
      slept = done.has_value();
    });
    while (!slept) co_await stage.loop.yield();
    co_await scope.join();
  });
  EXPECT_TRUE(slept);
}

TEST(Scope, JoinsAllItsChildren) {
  Stage stage;
  int done = 0;
  block_on(stage.loop, [&]() -> Task<> {
    Scope scope(stage.loop);
    for (int i = 0; i < 100; ++i) {
      scope.spawn(
          [&](int wait) -> Task<> {
            auto slept = co_await stage.loop.sleep_for(milliseconds(wait));
            done += slept ? 1 : 0;
          },
          i % 7);
    }
    EXPECT_EQ(scope.running(), 100u);
    co_await scope.join();
    EXPECT_EQ(scope.running(), 0u);
  });
  EXPECT_EQ(done, 100);
}

TEST(Scope, CancellingEndsEveryWaitNowAndLater) {
  Stage stage;
  int cancelled = 0;
  block_on(stage.loop, [&]() -> Task<> {
    Scope scope(stage.loop);
    scope.spawn([&]() -> Task<> {
      for (int i = 0; i < 3; ++i) {
        auto slept = co_await stage.loop.sleep_for(seconds(3600));
        if (!slept && slept.error().kind == ErrorKind::cancelled) ++cancelled;
      }
    });
    co_await stage.loop.yield();
    const Stamp before = stage.loop.now();
    scope.cancel();
    co_await scope.join();
    EXPECT_LT(stage.loop.now() - before, seconds(1));
  });
  EXPECT_EQ(cancelled, 3);
}

TEST(Scope, CancelsWhatIsNestedInIt) {
  Stage stage;
  std::string ends;
  const auto sleeper = [&](char name) -> Task<> {
    auto slept = co_await stage.loop.sleep_for(seconds(60));
    if (!slept) ends += name;
  };
  block_on(stage.loop, [&]() -> Task<> {
    Scope outer(stage.loop);
    Scope sibling(stage.loop);
    sibling.spawn(sleeper, 's');
    outer.spawn([&]() -> Task<> {
      Scope inner(stage.loop);  // nests by itself
      inner.spawn(sleeper, 'i');
      co_await inner.join();
      ends += 'o';
    });
    co_await stage.loop.yield();
    co_await stage.loop.yield();
    outer.cancel();
    co_await outer.join();
    EXPECT_EQ(ends, "io");
    EXPECT_EQ(sibling.running(), 1u);
    sibling.cancel();
    co_await sibling.join();
  });
  EXPECT_EQ(ends, "ios");
}

TEST(Scope, AScopeMadeInACancelledOneIsCancelled) {
  Stage stage;
  block_on(stage.loop, [&]() -> Task<> {
    Scope outer(stage.loop);
    outer.cancel();
    outer.spawn([&]() -> Task<> {
      Scope inner(stage.loop);
      EXPECT_TRUE(inner.cancelled());
      co_return;
    });
    co_await outer.join();
  });
}

TEST(Scope, AFinishedWaitIsNotCancelledAsWell) {
  Stage stage;
  block_on(stage.loop, [&]() -> Task<> {
    Scope scope(stage.loop);
    bool slept_well = false;
    scope.spawn([&]() -> Task<> {
      auto slept = co_await stage.loop.sleep_for(milliseconds(1));
      slept_well = slept.has_value();
    });
    scope.spawn([&]() -> Task<> {  // wakes in the same tick, behind the first
      auto slept = co_await stage.loop.sleep_for(milliseconds(1));
      scope.cancel();
      EXPECT_TRUE(slept);
    });
    co_await scope.join();
    EXPECT_TRUE(slept_well);
  });
}

TEST(Scope, KeepsTheCallableOfAChildAlive) {
  Stage stage;
  std::string seen;
  block_on(stage.loop, [&]() -> Task<> {
    Scope scope(stage.loop);
    {
      std::string local(100, 'x');
      scope.spawn([&seen, &stage, own = local]() -> Task<> {
        auto slept = co_await stage.loop.sleep_for(milliseconds(1));
        if (slept) seen = own;
      });
    }
    co_await scope.join();
  });
  EXPECT_EQ(seen, std::string(100, 'x'));
}

TEST(Loop, EndsItsChildrenWhenItDies) {
  sim::SimWorld world(1);
  int ended = 0;
  {
    Loop loop(world.kernel("test"));
    loop.root().spawn([&]() -> Task<> {
      while (co_await loop.sleep_for(seconds(1))) {
      }
      ++ended;
    });
    loop.turn(Nanos(0));
  }
  EXPECT_EQ(ended, 1);
}

}  // namespace
}  // namespace weir::io
