// Mailbox<T>: values from any thread to one loop. Bounded; order is kept per sender; a full box
// refuses and counts it, it never blocks. Received by one coroutine with a deadline, or by a
// callback on the loop's thread. It may die once every value that was posted has been received, and
// dies before its loop.
#pragma once

#include <cerrno>
#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <utility>

#include "base/check.h"
#include "base/result.h"
#include "io/errors.h"
#include "io/loop.h"
#include "io/notice.h"
#include "io/timers.h"
#include "io/wait.h"

namespace weir::io {

template <class T>
class Mailbox final : public Notice {
 public:
  Mailbox(Loop& receiver, std::size_t capacity) : loop_(receiver), capacity_(capacity) {}
  ~Mailbox() {
    WEIR_CHECK(receiving_ == nullptr);
    loop_.forget(*this);
  }

  // From any thread. False: full, and counted. Raised with the lock in hand: whoever takes the value may let the mailbox
  // die at once, and must find the sender done with it.
  bool post(T value) {
    std::lock_guard lock(mutex_);
    if (waiting_.size() >= capacity_) {
      ++refused_;
      return false;
    }
    waiting_.push_back(std::move(value));
    loop_.raise(*this);
    return true;
  }

  // Calls `take` on the loop's thread for every value from now on, instead of receive().
  void on_value(std::move_only_function<void(T)> take) {
    take_ = std::move(take);
    noticed();
  }

  std::uint64_t refused() const {
    std::lock_guard lock(mutex_);
    return refused_;
  }
  std::size_t size() const {
    std::lock_guard lock(mutex_);
    return waiting_.size();
  }

  // Result<T>: the oldest value; timeout, cancelled.
  class [[nodiscard]] Receive final : public Wait, private Timer {
   public:
    Receive(Mailbox& box, Deadline deadline) : box_(box), deadline_(deadline) {}
    ~Receive() {
      if (box_.receiving_ == this) box_.receiving_ = nullptr;
    }
    bool await_ready() {
      const bool cancelled = box_.loop_.cancelled();
      value_ = box_.pop();  // what is here is received even so: a sender may rely on it (control/study.h)
      if (value_.has_value()) return cancelled || box_.loop_.spend();
      if (cancelled) error_ = ECANCELED;
      return cancelled;
    }
    void await_suspend(std::coroutine_handle<> handle) {
      if (value_.has_value()) {  // a flood of values: the others' turn
        box_.loop_.suspend(*this, handle);
        box_.loop_.make_yielded(*this);
        return;
      }
      WEIR_CHECK(box_.receiving_ == nullptr);  // one receiver at a time
      box_.receiving_ = this;
      box_.loop_.suspend(*this, handle);
      box_.loop_.arm(*this, deadline_);
    }
    Result<T> await_resume() {
      if (value_.has_value()) return std::move(*value_);
      return fail_with(error_, "receive from a mailbox");
    }

   private:
    friend class Mailbox;
    void finish(int error) override {
      error_ = error;
      if (box_.receiving_ == this) box_.receiving_ = nullptr;
      Timer::unlink();
      box_.loop_.make_ready(*this);
    }
    void fire() override { finish(ETIME); }

    Mailbox& box_;
    Stamp deadline_;
    std::optional<T> value_;
    int error_ = 0;
  };
  Receive receive(Deadline deadline) { return Receive(*this, deadline); }

 private:
  std::optional<T> pop() {
    std::lock_guard lock(mutex_);
    if (waiting_.empty()) return std::nullopt;
    std::optional<T> value(std::move(waiting_.front()));
    waiting_.pop_front();
    return value;
  }

  void noticed() override {
    if (take_) {
      for (std::size_t taken = 0; taken < capacity_; ++taken) {
        std::optional<T> value = pop();
        if (!value.has_value()) return;
        take_(std::move(*value));
      }
      loop_.raise(*this);  // more may have come meanwhile: after a look at the kernel
    } else if (Receive* receive = receiving_; receive != nullptr) {
      receive->value_ = pop();
      if (receive->value_.has_value()) receive->finish(0);
    }
  }

  Loop& loop_;
  const std::size_t capacity_;
  mutable std::mutex mutex_;
  std::deque<T> waiting_;
  std::uint64_t refused_ = 0;
  Receive* receiving_ = nullptr;
  std::move_only_function<void(T)> take_;
};

}  // namespace weir::io
