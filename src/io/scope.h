// Scope: structured concurrency. What is spawned into a scope is joined before the scope ends;
// cancelling it ends every wait inside with ErrorKind::cancelled, those under way and all that
// follow, and those of scopes nested in it. A coroutine spawned here starts from the loop's ready
// queue, never inside spawn(). A Scope made inside a coroutine nests in the scope that coroutine
// runs in; one made outside, in the loop's root. Cancelling is O(waits inside).
//   Scope scope(loop);
//   scope.spawn(pump, std::ref(client), std::ref(upstream));   // pump is Task<> (Stream&, Stream&)
//   scope.spawn(pump, std::ref(upstream), std::ref(client));
//   co_await scope.join();
#pragma once

#include <coroutine>
#include <cstddef>
#include <functional>
#include <type_traits>
#include <utility>

#include "io/link.h"
#include "io/task.h"
#include "io/wait.h"

namespace weir::io {

class Loop;

class Scope : private Link {
 public:
  explicit Scope(Loop& loop);
  explicit Scope(Scope& parent);
  ~Scope();  // nothing may run in it any more

  // Runs `co_await f(args...)` as a child; f and args are moved into the child's frame (std::ref
  // for references).
  template <class F, class... A>
  void spawn(F&& f, A&&... args) {
    adopt(run_child<std::decay_t<F>, std::decay_t<A>...>(std::forward<F>(f),
                                                         std::forward<A>(args)...));
  }
  // Runs `task` as a child without a frame around it. For functions that take their parameters by
  // value, or by reference to what outlives the scope; never for a lambda with captures, which
  // would be gone when the child starts.
  void adopt(Task<>&& task);
  void cancel();
  bool cancelled() const { return cancelled_; }
  std::size_t running() const { return running_; }
  Loop& loop() const { return loop_; }

  // All children are done. Not cut short by cancelling: the children are, and then the join
  // follows.
  class Join : public Wait {
   public:
    explicit Join(Scope& scope) : joined_(scope) {}
    bool await_ready() const noexcept { return joined_.running_ == 0; }
    void await_suspend(std::coroutine_handle<> handle) noexcept;
    void await_resume() const noexcept {}

   private:
    void finish(int) override {}
    Scope& joined_;
  };
  Join join() { return Join(*this); }

 private:
  friend class Loop;

  friend void task_detail::child_done(Scope& scope);
  class Start;

  template <class F, class... A>
  static Task<> run_child(F f, A... args) {
    co_await std::invoke(f, std::move(args)...);
  }

  Loop& loop_;
  Scope* parent_ = nullptr;
  Link waits_;
  Link nested_;
  Join* joining_ = nullptr;
  std::size_t running_ = 0;
  bool cancelled_ = false;
};

}  // namespace weir::io
