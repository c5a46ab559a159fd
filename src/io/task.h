// Task<T>: a coroutine that runs when awaited and hands back a T. Lazy and immovable: it is awaited
// once, where it is made (`co_await f(x)`), so it can neither be forgotten nor outlive what it
// refers to. Caller and callee pass control by symmetric transfer: any depth and any number of
// calls use one stack frame. Frames come from FramePool. Concurrency exists only through Scope
// (scope.h). An exception that leaves a Task ends the program.
#pragma once

#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <utility>

#include "io/frame_pool.h"

namespace weir::io {

template <class T = void>
class Task;

class Scope;

namespace task_detail {

// Who goes on when a coroutine is done: the coroutine that awaits it, or the scope that owns it.
// The lowest bit tells; both are aligned.
class Continuation {
 public:
  void set(std::coroutine_handle<> caller) {
    word_ = reinterpret_cast<std::uintptr_t>(caller.address());
  }
  void set(Scope& owner) { word_ = reinterpret_cast<std::uintptr_t>(&owner) | 1; }
  bool is_scope() const { return (word_ & 1) != 0; }
  Scope& scope() const { return *reinterpret_cast<Scope*>(word_ & ~std::uintptr_t{1}); }
  std::coroutine_handle<> caller() const {
    return std::coroutine_handle<>::from_address(reinterpret_cast<void*>(word_));
  }

 private:
  std::uintptr_t word_ = 0;
};

void child_done(Scope& scope);

class PromiseBase {
 public:
  static void* operator new(std::size_t size) { return FramePool::take(size); }
  static void operator delete(void* frame, std::size_t size) { FramePool::give(frame, size); }

  struct Finish {
    bool await_ready() const noexcept { return false; }
    template <class P>
    std::coroutine_handle<> await_suspend(std::coroutine_handle<P> done) const noexcept {
      const Continuation next = done.promise().continuation;
      if (!P::kMayBeChild || !next.is_scope()) return next.caller();
      done.destroy();  // a child owns itself
      child_done(next.scope());
      return std::noop_coroutine();
    }
    void await_resume() const noexcept {}
  };

  std::suspend_always initial_suspend() const noexcept { return {}; }
  Finish final_suspend() const noexcept { return {}; }
  [[noreturn]] void unhandled_exception() const noexcept { std::terminate(); }

  Continuation continuation;
};

template <class T>
class Promise : public PromiseBase {
 public:
  static constexpr bool kMayBeChild = false;
  Promise() noexcept {}
  ~Promise() {
    if (has_value_) value_.~T();
  }
  Task<T> get_return_object() noexcept;
  template <class U = T>
  void return_value(U&& value) {
    std::construct_at(std::addressof(value_), std::forward<U>(value));
    has_value_ = true;
  }
  T take() { return std::move(value_); }

 private:
  union {
    T value_;
  };
  bool has_value_ = false;
};

template <>
class Promise<void> : public PromiseBase {
 public:
  static constexpr bool kMayBeChild = true;
  Task<void> get_return_object() noexcept;
  void return_void() const noexcept {}
  void take() const noexcept {}
};

}  // namespace task_detail

template <class T>
class [[nodiscard]] Task {
 public:
  using promise_type = task_detail::Promise<T>;
  using value_type = T;

  Task(const Task&) = delete;
  Task& operator=(const Task&) = delete;
  ~Task() {
    if (handle_) handle_.destroy();
  }

  auto operator co_await() && noexcept {
    struct Call {
      std::coroutine_handle<promise_type> callee;
      bool await_ready() const noexcept { return false; }
      std::coroutine_handle<> await_suspend(std::coroutine_handle<> caller) const noexcept {
        callee.promise().continuation.set(caller);
        return callee;
      }
      T await_resume() const { return callee.promise().take(); }
    };
    return Call{handle_};
  }

 private:
  friend promise_type;
  friend Scope;
  explicit Task(std::coroutine_handle<promise_type> handle) : handle_(handle) {}
  std::coroutine_handle<promise_type> handle_;
};

namespace task_detail {

template <class T>
Task<T> Promise<T>::get_return_object() noexcept {
  return Task<T>(std::coroutine_handle<Promise>::from_promise(*this));
}
inline Task<void> Promise<void>::get_return_object() noexcept {
  return Task<void>(std::coroutine_handle<Promise>::from_promise(*this));
}

}  // namespace task_detail
}  // namespace weir::io
