// On the real kernel: a loop whose every turn takes longer than `queue_delay` has a queue that stands, an idle one has none.
#include "proxy/load_watch.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <list>

#include "io/epoll_kernel.h"
#include "io/scope.h"

namespace weir::proxy {
namespace {

using decide::ShedLevel;
using std::chrono::milliseconds;

constexpr OverloadRules rules_with(Nanos delay, bool enabled = true) {
  OverloadRules rules;
  rules.enabled = enabled;
  rules.queue_delay = delay;
  return rules;
}

// So many turns, of which each works for so long.
void work(io::Loop& loop, LoadWatch& watch, int turns, Nanos each) {
  io::block_on(loop, [&]() -> io::Task<> {
    for (int i = 0; i < turns; ++i) {
      co_await loop.yield();
      watch.tick(0);
      const Stamp until = loop.kernel().now() + each;
      while (loop.kernel().now() < until) {}
    }
  });
}

TEST(LoadWatch, ABusyLoopHasAQueueThatStandsUntilItIsIdle) {
  io::EpollKernel kernel;
  io::Loop loop(kernel);
  LoadWatch watch(loop);
  watch.use(rules_with(milliseconds(1)));
  work(loop, watch, 200, milliseconds(2));   // 400 ms: four intervals
  EXPECT_EQ(watch.own().level, ShedLevel::sheddable) << "20 ms would be needed for normal ones";
  EXPECT_EQ(watch.own().shortest, OwnResource::loop);
  EXPECT_TRUE(watch.own().queue_stands && watch.is_long(milliseconds(2)) && !watch.is_long(milliseconds(1)));
  EXPECT_GE(watch.gauges().wait_ns.load(), 1'000'000);
  io::block_on(loop, [&]() -> io::Task<> {
    for (int i = 0; i < 60 && watch.own().level != ShedLevel::none; ++i) {
      co_await loop.sleep_for(milliseconds(25));
      watch.tick(0);
    }
  });
  EXPECT_EQ(watch.own().level, ShedLevel::none);
  EXPECT_FALSE(watch.own().queue_stands);
}

// Something that begins and works for so long.
class Beginning final : public io::Wait {
 public:
  explicit Beginning(io::Loop& loop) : loop_(loop) {}
  bool prepare() override {
    const Stamp until = loop_.kernel().now() + std::chrono::microseconds(200);
    while (loop_.kernel().now() < until) {}
    return false;
  }

 private:
  void finish(int) override {}
  io::Loop& loop_;
};

TEST(LoadWatch, MeasuresTheQueueOfWhatHasNotBegunToo) {
  io::EpollKernel kernel;
  io::Loop loop(kernel);
  LoadWatch watch(loop);
  watch.use(rules_with(std::chrono::hours(1)));
  std::list<Beginning> queue;
  for (std::size_t i = 0; i < 3 * io::Loop::kBeginningsPerTurn; ++i) loop.make_beginning(queue.emplace_back(loop));
  watch.tick(0);
  for (int i = 0; i < 4; ++i) loop.turn(milliseconds(100));
  EXPECT_GE(watch.gauges().wait_ns.load(), 3 * 32 * 200'000) << "the kernel let it through in the first turn";
}

TEST(LoadWatch, SwitchedOffItSeesNothing) {
  io::EpollKernel kernel;
  io::Loop loop(kernel);
  LoadWatch watch(loop);
  watch.use(rules_with(milliseconds(1), false));
  work(loop, watch, 150, milliseconds(2));
  EXPECT_EQ(watch.own().level, ShedLevel::none);
  EXPECT_FALSE(watch.is_long(std::chrono::hours(1)));
}

TEST(LoadWatch, TheHighestLevelHoldsAndRoomIsShortByMemoryAndDescriptorsAlone) {
  io::EpollKernel kernel;
  io::Loop loop(kernel);
  LoadWatch watch(loop);
  watch.use(rules_with(std::chrono::hours(1)));
  watch.tick(1);
  EXPECT_EQ(watch.own().level, ShedLevel::none) << "of two looks the shorter";
  watch.tick(1);
  EXPECT_EQ(watch.own().level, ShedLevel::normal);
  EXPECT_EQ(watch.own().shortest, OwnResource::accept_queue);
  EXPECT_FALSE(watch.is_short_of_room());
  watch.use(ProcessLoad{.descriptors = ShedLevel::unknown_critical});
  EXPECT_EQ(watch.own().level, ShedLevel::unknown_critical);
  EXPECT_EQ(watch.own().shortest, OwnResource::descriptors);
  EXPECT_TRUE(watch.is_short_of_room() && watch.pauses_accepting());
  watch.use(ProcessLoad{.memory = ShedLevel::all});
  EXPECT_EQ(watch.own().shortest, OwnResource::memory);
  EXPECT_FALSE(watch.pauses_accepting());
}

TEST(LoadWatch, AcceptingPausesByTheCountOfAllLoopsBeforeControlHasLooked) {
  io::EpollKernel kernel;
  std::atomic<std::size_t> connections{0};
  io::Loop loop(kernel, {.all_connections = &connections}), other(kernel, {.all_connections = &connections});
  LoadWatch watch(loop);
  watch.use(ProcessLoad{.most_connections = 2});
  loop.connection_opened();
  EXPECT_FALSE(watch.pauses_accepting());
  other.connection_opened();
  EXPECT_TRUE(watch.pauses_accepting());
  EXPECT_FALSE(watch.is_short_of_room()) << "of that control has the say";
  loop.connection_closed();
  EXPECT_FALSE(watch.pauses_accepting());
  other.connection_closed();
}

}  // namespace
}  // namespace weir::proxy
