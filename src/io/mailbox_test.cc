#include "io/mailbox.h"

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "io/epoll_kernel.h"
#include "io/loop.h"

namespace weir::io {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(Mailbox, KeepsTheOrderOfEachSenderAcrossThreads) {
  constexpr int kSenders = 4, kEach = 5000;
  EpollKernel kernel;
  Loop loop(kernel);
  Mailbox<std::pair<int, int>> box(loop, 64);
  std::vector<std::jthread> senders;
  for (int sender = 0; sender < kSenders; ++sender) {
    senders.emplace_back([&box, sender] {
      for (int i = 0; i < kEach;) {
        if (box.post({sender, i})) {
          ++i;
        } else {
          std::this_thread::yield();  // full: bounded, never blocked
        }
      }
    });
  }
  std::array<int, kSenders> next{};
  block_on(loop, [&]() -> Task<> {
    for (int i = 0; i < kSenders * kEach; ++i) {
      auto value = co_await box.receive(loop.now() + seconds(20));
      EXPECT_TRUE(value);
      if (!value) co_return;
      EXPECT_EQ(value->second, next[static_cast<std::size_t>(value->first)]++);
    }
  });
  for (int count : next) EXPECT_EQ(count, kEach);
}

// Two threads answer a mailbox that lives as long as its answers are waited for, as those of workers to a change.
TEST(Mailbox, MayDieOnceAllHasBeenReceived) {
  EpollKernel kernel;
  Loop loop(kernel);
  std::array<std::atomic<Mailbox<int>*>, 2> asked{};
  std::atomic<bool> over{false};
  std::vector<std::jthread> answering;
  for (auto& mine : asked) {
    answering.emplace_back([&] {
      while (!over) {
        if (Mailbox<int>* const box = mine.exchange(nullptr)) box->post(1);
        else std::this_thread::yield();
      }
    });
  }
  block_on(loop, [&]() -> Task<> {
    for (int round = 0; round < 5000; ++round) {
      Mailbox<int> box(loop, asked.size());
      for (auto& each : asked) each = &box;
      for (std::size_t i = 0; i < asked.size(); ++i) EXPECT_TRUE(co_await box.receive(loop.now() + seconds(20)));
    }
  });
  over = true;
}

TEST(Mailbox, RefusesAndCountsWhatDoesNotFit) {
  EpollKernel kernel;
  Loop loop(kernel);
  Mailbox<int> box(loop, 2);
  EXPECT_TRUE(box.post(1));
  EXPECT_TRUE(box.post(2));
  EXPECT_FALSE(box.post(3));
  EXPECT_EQ(box.refused(), 1u);
  EXPECT_EQ(
      block_on(loop, [&]() -> Task<int> { co_return (co_await box.receive(kNever)).value(); }), 1);
  EXPECT_TRUE(box.post(4));
}

TEST(Mailbox, ReceivingHasADeadlineAndCanBeCancelled) {
  EpollKernel kernel;
  Loop loop(kernel);
  Mailbox<int> box(loop, 2);
  block_on(loop, [&]() -> Task<> {
    auto late = co_await box.receive(loop.now() + milliseconds(5));
    EXPECT_TRUE(!late && late.error().kind == ErrorKind::timeout);
    Scope scope(loop);
    scope.spawn([&]() -> Task<> {
      auto none = co_await box.receive(kNever);
      EXPECT_TRUE(!none && none.error().kind == ErrorKind::cancelled);
    });
    co_await loop.yield();
    co_await loop.yield();
    scope.cancel();
    co_await scope.join();
  });
}

// Else who waits for an answer that refers to its frame waits for ever once it is cancelled.
TEST(Mailbox, WhatIsHereIsReceivedEvenWhenCancelled) {
  EpollKernel kernel;
  Loop loop(kernel);
  Mailbox<int> box(loop, 1);
  std::vector<int> got;
  Scope scope(loop);
  scope.spawn([&]() -> Task<> {
    (void)co_await loop.sleep_for(seconds(3600));
    for (int tries = 0; tries < 3; ++tries) {
      if (const auto value = co_await box.receive(kNever)) got.push_back(*value);
    }
  });
  loop.turn(Nanos(0));
  EXPECT_TRUE(box.post(7));
  scope.cancel();
  for (int turns = 0; scope.running() > 0 && turns < 100; ++turns) loop.turn(milliseconds(1));
  EXPECT_EQ(scope.running(), 0u);
  EXPECT_EQ(got, std::vector<int>{7});
}

TEST(Mailbox, HandsEveryValueToACallback) {
  EpollKernel kernel;
  Loop loop(kernel);
  Mailbox<std::unique_ptr<int>> box(loop, 100);
  int sum = 0;
  EXPECT_TRUE(box.post(std::make_unique<int>(1)));
  box.on_value([&](std::unique_ptr<int> value) { sum += *value; });
  EXPECT_EQ(sum, 1);  // what was there already, at once
  {
    std::jthread sender([&] {
      for (int i = 0; i < 50; ++i) EXPECT_TRUE(box.post(std::make_unique<int>(2)));
    });
  }
  while (sum < 101) loop.turn(seconds(5));
  EXPECT_EQ(sum, 101);
}

TEST(Mailbox, MayDieWithNewsUnderWay) {
  EpollKernel kernel;
  Loop loop(kernel);
  auto kept = std::make_unique<Mailbox<int>>(loop, 4);
  auto dropped = std::make_unique<Mailbox<int>>(loop, 4);
  int got = 0;
  kept->on_value([&](int value) { got += value; });
  EXPECT_TRUE(dropped->post(1));
  EXPECT_TRUE(kept->post(2));
  dropped.reset();
  while (got == 0) loop.turn(seconds(5));
  EXPECT_EQ(got, 2);
}

TEST(Loop, RunsWhatOtherThreadsPostInOrderUntilStopped) {
  EpollKernel kernel;
  Loop loop(kernel);
  std::vector<int> order;
  std::jthread other([&] {
    for (int i = 0; i < 1000; ++i) EXPECT_TRUE(loop.post([&order, i] { order.push_back(i); }));
    loop.post([&loop] { loop.stop(); });
  });
  loop.run();
  ASSERT_EQ(order.size(), 1000u);
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(order[static_cast<std::size_t>(i)], i);
}

TEST(Loop, StopReachesASleepingLoopFromAnotherThread) {
  EpollKernel kernel;
  Loop loop(kernel);
  std::atomic<bool> running{false};
  std::jthread other([&] {
    while (!running) std::this_thread::yield();
    loop.stop();
  });
  loop.post([&] { running = true; });
  loop.run();
}

// Two loops on two threads throw a ball: every wake is needed, none may be lost.
TEST(Mailbox, NoWakeIsLostBetweenTwoLoops) {
  constexpr int kThrows = 3000;
  EpollKernel kernel_a, kernel_b;
  Loop a(kernel_a), b(kernel_b, {.spin = kSpinMax});
  Mailbox<int> to_a(a, 4), to_b(b, 4);
  const auto play = [](Loop& loop, Mailbox<int>& in, Mailbox<int>& out) -> Task<> {
    for (;;) {
      auto ball = co_await in.receive(loop.now() + seconds(20));
      EXPECT_TRUE(ball);
      if (!ball) co_return;
      out.post(*ball + 1);
      if (*ball >= kThrows) co_return;
    }
  };
  std::jthread other([&] { block_on(b, [&] { return play(b, to_b, to_a); }); });
  to_a.post(0);
  block_on(a, [&] { return play(a, to_a, to_b); });
}

}  // namespace
}  // namespace weir::io
