// Gate: what coroutines of one loop wait at until somebody lets them on. open() lets on all who
// wait now; who comes later waits for the next time.
//   auto told = co_await gate.wait(deadline);   // success, timeout, cancelled
#pragma once

#include <cerrno>
#include <coroutine>
#include <utility>
#include <vector>

#include "base/result.h"
#include "io/errors.h"
#include "io/loop.h"
#include "io/timers.h"
#include "io/wait.h"

namespace weir::io {

class Gate {
 public:
  explicit Gate(Loop& loop) : loop_(loop) {}
  Gate(const Gate&) = delete;
  Gate& operator=(const Gate&) = delete;

  class [[nodiscard]] Pass final : public Wait, private Timer {
   public:
    Pass(Gate& gate, Deadline deadline) : gate_(gate), deadline_(deadline) {}
    ~Pass() { std::erase(gate_.waiting_, this); }
    bool await_ready() {
      if (gate_.loop_.cancelled()) error_ = ECANCELED;
      return error_ != 0;
    }
    void await_suspend(std::coroutine_handle<> handle) {
      gate_.waiting_.push_back(this);
      gate_.loop_.suspend(*this, handle);
      gate_.loop_.arm(*this, deadline_);
    }
    Result<> await_resume() const {
      if (error_ != 0) return fail_with(error_, "wait");
      return {};
    }

   private:
    friend class Gate;
    void finish(int error) override {
      error_ = error;
      std::erase(gate_.waiting_, this);
      Timer::unlink();
      gate_.loop_.make_ready(*this);
    }
    void fire() override { finish(ETIME); }

    Gate& gate_;
    Deadline deadline_;
    int error_ = 0;
  };
  Pass wait(Deadline deadline) { return Pass(*this, deadline); }

  void open() {
    for (Pass* pass : std::exchange(waiting_, {})) pass->finish(0);
  }

 private:
  Loop& loop_;
  std::vector<Pass*> waiting_;
};

}  // namespace weir::io
