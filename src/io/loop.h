// Loop: one thread's world. It owns the ready queue, the timers, the receive buffer and the memory
// of streams, and turns: wait for the kernel, read the clock once, dispatch events by their token,
// fire timers, run what became ready, begin what is new. Coroutines are resumed only from here, never
// from within each other, so stacks stay flat and order is FIFO. Bounds per turn: kEventsPerTurn
// events, kResumesPerTurn from the ready queue, kBeginningsPerTurn of what begins work, kImmediate
// completions per resume (a coroutine whose reads never have to wait goes behind the others after
// that many). All but stop(), post() and raise() belong to the loop's own thread.
#pragma once

#include <array>
#include <atomic>
#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <type_traits>
#include <utility>

#include "base/result.h"
#include "base/time.h"
#include "base/units.h"
#include "io/kernel.h"
#include "io/notice.h"
#include "io/scope.h"
#include "io/slab.h"
#include "io/task.h"
#include "io/timers.h"
#include "io/wait.h"
#include "io/watcher.h"

namespace weir::io {

using Deadline = Stamp;
inline constexpr Deadline kNever = Stamp::max();

inline constexpr Nanos kSpinMax = std::chrono::microseconds(50);

struct LoopOptions {
  // Poll this long before sleeping, where sleeping would be short anyway; at most kSpinMax. Zero:
  // sleep at once.
  Nanos spin{0};
  // Sent on in one piece it must fit one segment of loopback and offload (65,536 bytes with headers): with 64 KiB each
  // send left a tail of a few bytes behind, and 1 MB cost 440 µs instead of 245.
  Bytes receive_buffer = 48_KiB;
  // Counts the streams of all loops that are given it; any thread may read it. Null: of this loop alone.
  std::atomic<std::size_t>* all_connections = nullptr;
};

// Somebody who has bytes in the loop's receive buffer that are not consumed yet. Told once, before
// it is received into again; so what is consumed in time is never copied (wire/input.h).
class ReceiveHolder {
 public:
  virtual void save() = 0;

 protected:
  ~ReceiveHolder() = default;
};

class Loop {
 public:
  static constexpr std::size_t kEventsPerTurn = 128;
  static constexpr std::size_t kResumesPerTurn = 1024;
  // Few, so that what is under way stays little and its memory warm (docs/design/003-event-loop.md).
  static constexpr std::size_t kBeginningsPerTurn = 32;
  static constexpr int kImmediate = 8;
  static constexpr std::size_t kPostsMax = 65536;

  explicit Loop(Kernel& kernel, LoopOptions options = {});
  ~Loop();  // cancels the root scope and runs until its children are done; streams and listeners
            // must be gone by then
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  Stamp now() const { return now_; }  // of this turn
  Stamp refresh();                    // reads the clock again, after long work; never steps back
  WallTime wall() { return kernel_.wall(); }
  void random(std::span<std::byte> out) { kernel_.random(out); }
  Kernel& kernel() { return kernel_; }
  Scope& root() { return root_; }
  Scope* current() const { return current_; }  // the scope of the coroutine that runs now
  bool cancelled() const { return current_->cancelled(); }
  std::size_t connections() const { return connections_; }
  std::size_t all_connections() const {
    return all_connections_ == nullptr ? connections_ : all_connections_->load(std::memory_order_relaxed);
  }
  std::size_t events_of_turn() const { return events_of_turn_; }  // how busy it is
  // How much later this turn looked at the kernel than it had meant to: its events may have waited
  // so long. Zero says little where more came than one turn takes.
  Nanos late() const { return late_; }

  class Sleep;
  class Yield;
  // Result<>: success when the time has come, ErrorKind::cancelled.
  Sleep sleep_until(Stamp when);
  Sleep sleep_for(Nanos time);
  Sleep sleep_to_beat(Nanos period);  // to the next multiple of `period`: what beats alike wakes the thread once
  Yield yield();  // behind everything that is ready now, and behind one look at the kernel

  // One iteration; waits at most `max_wait`. False when nothing at all happened in it.
  bool turn(Nanos max_wait);
  void run();   // until stop()
  void stop();  // from any thread; before run() too
  // From any thread, run on the loop in order. False when kPostsMax are waiting.
  bool post(std::move_only_function<void()> work);
  void raise(Notice& notice);  // from any thread
  // A Notice that is about to die takes itself out; no thread may raise it any more.
  void forget(Notice& notice);

  // At most one holder: the one whose bytes were received last.
  void hold_receive(ReceiveHolder* holder) { holder_ = holder; }
  void release_receive(ReceiveHolder* holder) {
    if (holder_ == holder) holder_ = nullptr;
  }

  // For the parts of io/.
  void suspend(Wait& wait, std::coroutine_handle<> handle);  // waits in the current scope
  void make_ready(Wait& wait) {
    ready_.push_back(wait);
  }  // leaves its scope's list, resumes in its turn
  void make_yielded(Wait& wait) {
    yielded_.push_back(wait);
  }  // resumes in the next turn, behind a look at the kernel
  void make_beginning(Wait& wait) {
    beginnings_.push_back(wait);
  }  // resumes behind all that is under way, in its turn
  void wait_again(Wait& wait) { wait.scope->waits_.push_back(wait); }  // prepare() answered false
  void resume(Wait& wait);                   // at once; only from dispatch
  bool spend() { return --immediate_ > 0; }  // false: time to let others run
  void arm(Timer& timer, Stamp when) {
    if (when != kNever) timers_.arm(timer, when);
  }
  // The receive buffer, about to be received into: whoever holds bytes in it saves them first.
  std::span<std::byte> receive_buffer() {
    if (holder_ != nullptr) std::exchange(holder_, nullptr)->save();
    return {receive_buffer_.get(), receive_size_};
  }
  Slab& slab() { return slab_; }
  void connection_opened() {
    ++connections_;
    if (all_connections_ != nullptr) all_connections_->fetch_add(1, std::memory_order_relaxed);
  }
  void connection_closed() {
    --connections_;
    if (all_connections_ != nullptr) all_connections_->fetch_sub(1, std::memory_order_relaxed);
  }

 private:
  friend class Yield;
  class Posts;

  std::size_t wait_for_events(Nanos max_wait);
  std::size_t spin(Nanos timeout);
  void dispatch(std::size_t count);
  std::size_t run_ready();
  std::size_t run_beginnings();
  void run_first(Link& queue);
  void run_notices();

  Kernel& kernel_;
  Stamp now_;
  Nanos late_{0};
  Scope* current_ = nullptr;
  std::size_t events_of_turn_ = 0;
  int immediate_ = kImmediate;
  std::uint32_t spin_credit_ = 0;
  Link ready_;
  Link yielded_;
  Link beginnings_;
  TimerWheel timers_;
  std::unique_ptr<std::byte[]> receive_buffer_;
  ReceiveHolder* holder_ = nullptr;
  std::size_t receive_size_;
  std::size_t connections_ = 0;
  std::atomic<std::size_t>* const all_connections_;
  Nanos spin_;
  Slab slab_;
  Scope root_;
  std::array<Ready, kEventsPerTurn> events_;
  std::atomic<bool> stop_{false};
  std::atomic<Notice*> notices_{nullptr};
  std::unique_ptr<Posts> posts_;
};

class [[nodiscard]] Loop::Sleep : public Wait, private Timer {
 public:
  Sleep(Loop& loop, Stamp when) : loop_(loop), when_(when) {}
  bool await_ready() const noexcept { return loop_.cancelled(); }
  void await_suspend(std::coroutine_handle<> handle) noexcept {
    suspended_ = true;
    loop_.suspend(*this, handle);
    loop_.arm(*this, when_);
  }
  Result<> await_resume() const;

 private:
  void finish(int error) override;
  void fire() override { finish(0); }
  Loop& loop_;
  Stamp when_;
  bool suspended_ = false;
  int error_ = 0;
};

class [[nodiscard]] Loop::Yield : public Wait {
 public:
  explicit Yield(Loop& loop) : loop_(loop) {}
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> handle) noexcept;
  void await_resume() const noexcept {}

 private:
  void finish(int) override {}
  Loop& loop_;
};

inline Loop::Sleep Loop::sleep_until(Stamp when) { return Sleep(*this, when); }
inline Loop::Sleep Loop::sleep_for(Nanos time) { return Sleep(*this, now_ + time); }
inline Loop::Sleep Loop::sleep_to_beat(Nanos period) {
  return Sleep(*this, now_ + (period - now_.time_since_epoch() % period));
}
inline Loop::Yield Loop::yield() { return Yield(*this); }

// Runs `make()`, which returns a Task, to its end by turning the loop: for tests, tools and the
// start of a program.
template <class F>
auto block_on(Loop& loop, F make) -> typename std::invoke_result_t<F&>::value_type {
  using T = typename std::invoke_result_t<F&>::value_type;
  bool done = false;
  if constexpr (std::is_void_v<T>) {
    loop.root().spawn([&]() -> Task<> {
      co_await make();
      done = true;
    });
    while (!done) loop.turn(Nanos::max());
  } else {
    std::optional<T> result;
    loop.root().spawn([&]() -> Task<> {
      result.emplace(co_await make());
      done = true;
    });
    while (!done) loop.turn(Nanos::max());
    return std::move(*result);
  }
}

}  // namespace weir::io
