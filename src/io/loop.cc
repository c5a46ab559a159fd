#include "io/loop.h"

#include <algorithm>
#include <vector>

#include "base/check.h"
#include "io/errors.h"

namespace weir::io {

class Loop::Posts final : public Notice {
 public:
  bool add(Loop& loop, std::move_only_function<void()> work) {
    {
      std::lock_guard lock(mutex_);
      if (waiting_.size() >= kPostsMax) return false;
      waiting_.push_back(std::move(work));
    }
    loop.raise(*this);
    return true;
  }

 private:
  void noticed() override {
    std::vector<std::move_only_function<void()>> taken;
    {
      std::lock_guard lock(mutex_);
      taken.swap(waiting_);
    }
    for (auto& work : taken) work();
  }
  std::mutex mutex_;
  std::vector<std::move_only_function<void()>> waiting_;
};

Loop::Loop(Kernel& kernel, LoopOptions options)
    : kernel_(kernel),
      now_(kernel.now()),
      timers_(now_),
      receive_buffer_(std::make_unique_for_overwrite<std::byte[]>(options.receive_buffer.count)),
      receive_size_(options.receive_buffer.count),
      all_connections_(options.all_connections),
      spin_(std::min(options.spin, kSpinMax)),
      root_(*this),
      posts_(std::make_unique<Posts>()) {
  current_ = &root_;
}

Loop::~Loop() {
  root_.cancel();
  // A child that ignores "cancelled" in an endless loop is a bug; it is given ample room to end.
  for (int turns = 0; root_.running() > 0; ++turns) {
    WEIR_CHECK(turns < 1'000'000);
    turn(Nanos(0));
  }
  slab_.sweep();
  WEIR_CHECK(connections_ == 0);  // a Stream that outlives its Loop
}

Stamp Loop::refresh() {
  now_ = std::max(now_, kernel_.now());
  return now_;
}

bool Loop::turn(Nanos max_wait) {
  ready_.take_all(yielded_);
  const std::size_t events = events_of_turn_ = wait_for_events(max_wait);
  dispatch(events);
  const std::size_t fired = timers_.advance(now_);
  const std::size_t resumed = run_ready() + run_beginnings();
  slab_.sweep();
  return events + fired + resumed > 0;
}

// The one system call and the one look at the clock of a turn.
std::size_t Loop::wait_for_events(Nanos max_wait) {
  Nanos timeout{0};
  if (ready_.empty() && beginnings_.empty()) {
    const Stamp next = timers_.next();
    timeout = next == kNever ? max_wait : std::clamp(next - now_, Nanos(0), max_wait);
  }
  if (spin_ > Nanos(0) && timeout > Nanos(0)) {
    late_ = Nanos(0);
    if (const std::size_t count = spin(timeout); count > 0) return count;
  }
  const Stamp before = now_;
  const int count = kernel_.wait(events_, timeout);
  refresh();
  late_ = std::max(now_ - before - timeout, Nanos(0));   // Nanos::max(): never late
  // A sleep that was over sooner than two spins is one that spinning would have saved.
  if (count > 0 && timeout > Nanos(0) && now_ - before < 2 * spin_)
    spin_credit_ = std::min(spin_credit_ + 1, 8u);
  return static_cast<std::size_t>(std::max(count, 0));
}

// Polls for up to spin_ before a sleep. Pays only where the next event is near, so it lives on
// credit: short sleeps and successes earn it, a spin in vain costs it, and an idle loop has none.
std::size_t Loop::spin(Nanos timeout) {
  if (spin_credit_ < 2) return 0;
  const Stamp until = now_ + std::min(spin_, timeout);
  do {
    const int count = kernel_.wait(events_, Nanos(0));
    refresh();
    if (count > 0) {
      spin_credit_ = std::min(spin_credit_ + 1, 8u);
      return static_cast<std::size_t>(count);
    }
  } while (now_ < until);
  spin_credit_ -= 2;
  return 0;
}

void Loop::dispatch(std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    // A connection's state is two lines, mostly cold: the next one's is fetched while this one
    // works.
    if (i + 1 < count && events_[i + 1].token != nullptr) {
      const char* next = static_cast<const char*>(events_[i + 1].token);
      __builtin_prefetch(next);
      __builtin_prefetch(next + 64);
    }
    if (events_[i].token == nullptr) {
      run_notices();
    } else {
      static_cast<Watcher*>(events_[i].token)->ready(events_[i].flags);
    }
  }
}

void Loop::suspend(Wait& wait, std::coroutine_handle<> handle) {
  wait.waiter = handle;
  wait.scope = current_;
  current_->waits_.push_back(wait);
}

void Loop::resume(Wait& wait) {
  wait.unlink();
  current_ = wait.scope;
  immediate_ = kImmediate;
  wait.waiter.resume();  // `wait` may be gone after this
  current_ = &root_;
}

void Loop::run_first(Link& queue) {
  auto& wait = static_cast<Wait&>(*queue.first());
  wait.unlink();
  if (wait.prepare()) resume(wait);
}

std::size_t Loop::run_ready() {
  std::size_t resumed = 0;
  for (; !ready_.empty() && resumed < kResumesPerTurn; ++resumed) run_first(ready_);
  return resumed;
}

std::size_t Loop::run_beginnings() {
  std::size_t begun = 0;
  for (; !beginnings_.empty() && begun < kBeginningsPerTurn; ++begun) run_first(beginnings_);
  return begun;
}

void Loop::Yield::await_suspend(std::coroutine_handle<> handle) noexcept {
  waiter = handle;
  scope = loop_.current_;
  loop_.yielded_.push_back(*this);
}

void Loop::Sleep::finish(int error) {
  error_ = error;
  Timer::unlink();
  loop_.make_ready(*this);
}

Result<> Loop::Sleep::await_resume() const {
  const int error = suspended_ ? error_ : ECANCELED;
  if (error != 0) return fail_with(error, "sleep");
  return {};
}

void Loop::run() {
  while (!stop_.load(std::memory_order_relaxed)) turn(Nanos::max());
  stop_.store(false, std::memory_order_relaxed);
}

void Loop::stop() {
  stop_.store(true, std::memory_order_relaxed);
  kernel_.wake();
}

bool Loop::post(std::move_only_function<void()> work) {
  return posts_->add(*this, std::move(work));
}

void Loop::raise(Notice& notice) {
  if (notice.raised_.exchange(true, std::memory_order_acq_rel)) return;
  Notice* head = notices_.load(std::memory_order_relaxed);
  do {
    notice.next_ = head;
  } while (!notices_.compare_exchange_weak(head, &notice, std::memory_order_release,
                                           std::memory_order_relaxed));
  kernel_.wake();
}

void Loop::run_notices() {
  Notice* taken = notices_.exchange(nullptr, std::memory_order_acquire);
  Notice* in_order = nullptr;
  while (taken != nullptr) {
    Notice* next = taken->next_;
    taken->next_ = in_order;
    in_order = taken;
    taken = next;
  }
  while (in_order != nullptr) {
    Notice* next = in_order->next_;
    in_order->raised_.store(false, std::memory_order_release);
    in_order->noticed();  // may be its last act
    in_order = next;
  }
}

// Rare: takes the whole list and raises the others again.
void Loop::forget(Notice& notice) {
  Notice* taken = notices_.exchange(nullptr, std::memory_order_acquire);
  while (taken != nullptr) {
    Notice* next = taken->next_;
    taken->raised_.store(false, std::memory_order_release);
    if (taken != &notice) raise(*taken);
    taken = next;
  }
}

}  // namespace weir::io
