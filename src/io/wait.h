// Wait: one suspended coroutine at a leaf (a read, a sleep, a join). It lives in the coroutine's
// own frame, so waiting allocates nothing. While it waits it hangs in its scope's list, which is
// how cancelling finds it; once finished it hangs in the loop's ready queue until it is resumed.
// Either way it ends exactly once.
#pragma once

#include <coroutine>

#include "io/link.h"

namespace weir::io {

class Scope;

class Wait : public Link {
 public:
  // Ends the wait with `error` (an errno value, 0 is success) and leaves whatever could have ended
  // it otherwise. The loop queues the coroutine; called at most once per wait.
  virtual void finish(int error) = 0;
  // Asked just before resuming from the ready queue: false means it has gone back to waiting.
  virtual bool prepare() { return true; }

  std::coroutine_handle<> waiter;
  Scope* scope = nullptr;

 protected:
  Wait() = default;
  ~Wait() = default;
};

}  // namespace weir::io
