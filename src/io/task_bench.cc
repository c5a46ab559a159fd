// What the coroutine machinery costs: eight frames and eight suspensions, as one request through
// eight layers would have, against the same walk as a chain of std::function; a spawn and join;
// timers. The reference is measured in the same run.
#include <benchmark/benchmark.h>

#include <coroutine>
#include <functional>
#include <memory>
#include <vector>

#include "io/loop.h"
#include "io/sim/world.h"
#include "io/task.h"
#include "io/timers.h"

namespace weir::io {
namespace {

// A kernel that has nothing to say and whose clock stands still: what is left is the loop itself.
class Silent final : public Kernel {
 public:
  Stamp now() override { return now_; }
  WallTime wall() override { return {}; }
  void random(std::span<std::byte>) override {}
  int listen(const SocketAddress&, const ListenOptions&, Handle&) override { return -1; }
  int adopt(int, Handle&) override { return -1; }
  int accept(Handle, Handle&, SocketAddress&) override { return -1; }
  int connect(const SocketAddress&, Handle&) override { return -1; }
  int connect_result(Handle) override { return -1; }
  int local_address(Handle, SocketAddress&) override { return -1; }
  int watch(Handle, void*) override { return 0; }
  int pause(Handle, bool) override { return 0; }
  int watch_foreign(int, void*, std::uint32_t) override { return -1; }
  ssize_t receive(Handle, std::span<std::byte>) override { return -1; }
  ssize_t send(Handle, std::span<const iovec>) override { return -1; }
  int end_sending(Handle) override { return 0; }
  void close(Handle) override {}
  void reset(Handle) override {}
  int wait(std::span<Ready>, Nanos) override {
    now_ += Nanos(1000);
    return 0;
  }
  void wake() override {}

 private:
  Stamp now_ = stamp_from_nanos(1);
};

// The suspension of a leaf and its resuming from outside, without a loop: what a read costs besides
// the read.
struct Leaf {
  static std::coroutine_handle<> waiting;
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> handle) const noexcept { waiting = handle; }
  int await_resume() const noexcept { return 1; }
};
std::coroutine_handle<> Leaf::waiting;

template <int kDepth>
[[gnu::noinline]] Task<int> layer() {
  if constexpr (kDepth > 1) {
    const int below = co_await layer<kDepth - 1>();
    co_return below + co_await Leaf{};
  } else {
    co_return co_await Leaf{};
  }
}

struct Root {
  struct promise_type {
    Root get_return_object() { return {std::coroutine_handle<promise_type>::from_promise(*this)}; }
    std::suspend_always initial_suspend() noexcept { return {}; }
    std::suspend_always final_suspend() noexcept { return {}; }
    void return_void() {}
    void unhandled_exception() {}
  };
  std::coroutine_handle<promise_type> handle;
};
Root forever(int& sum) {
  for (;;) sum += co_await layer<8>();
}

void EightFramesEightSuspensions(benchmark::State& state) {
  int sum = 0;
  const Root root = forever(sum);
  root.handle.resume();
  for (auto _ : state) {
    for (int i = 0; i < 8; ++i) Leaf::waiting.resume();
  }
  root.handle.destroy();
  benchmark::DoNotOptimize(sum);
}
BENCHMARK(EightFramesEightSuspensions);

// The same walk in the callback style: each layer keeps its continuation and state in a closure of
// its own.
using Then = std::function<void(int)>;
struct Parked {
  static Then waiting;
};
Then Parked::waiting;

template <int kDepth>
[[gnu::noinline]] void layer_callback(Then then) {
  if constexpr (kDepth > 1) {
    layer_callback<kDepth - 1>([then = std::move(then)](int below) mutable {
      Parked::waiting = [then = std::move(then), below](int leaf) { then(below + leaf); };
    });
  } else {
    Parked::waiting = [then = std::move(then)](int leaf) { then(leaf); };
  }
}

void EightCallbacksEightSuspensions(benchmark::State& state) {
  int sum = 0;
  for (auto _ : state) {
    layer_callback<8>([&sum](int value) { sum += value; });
    for (int i = 0; i < 8; ++i) std::exchange(Parked::waiting, nullptr)(1);
  }
  benchmark::DoNotOptimize(sum);
}
BENCHMARK(EightCallbacksEightSuspensions);

void SpawnAndJoin(benchmark::State& state) {
  Silent kernel;
  Loop loop(kernel);
  loop.root().spawn([&]() -> Task<> {
    while (!loop.cancelled()) {
      Scope scope(loop);
      scope.spawn([]() -> Task<> { co_return; });
      co_await scope.join();
      co_await loop.yield();
    }
  });
  for (auto _ : state) loop.turn(Nanos(0));
}
BENCHMARK(SpawnAndJoin);

void TurnWithNothingToDo(benchmark::State& state) {
  Silent kernel;
  Loop loop(kernel);
  for (auto _ : state) loop.turn(Nanos(0));
}
BENCHMARK(TurnWithNothingToDo);

struct Tick final : Timer {
  void fire() override {}
};

// A deadline that is set and taken back, beside `range` others, as a connection that is not lazy
// would do per request.
void ArmAndCancel(benchmark::State& state) {
  TimerWheel wheel(stamp_from_nanos(0));
  std::vector<Tick> others(static_cast<std::size_t>(state.range(0)));
  std::int64_t at = 0;
  for (Tick& other : others) wheel.arm(other, stamp_from_nanos(60'000'000'000 + at++ * 1'000'003));
  Tick timer;
  for (auto _ : state) {
    wheel.arm(timer, stamp_from_nanos(30'000'000'000 + at++ % 1'000'000));
    wheel.cancel(timer);
    benchmark::DoNotOptimize(wheel.next());
  }
}
BENCHMARK(ArmAndCancel)->Arg(0)->Arg(10'000);

}  // namespace
}  // namespace weir::io
