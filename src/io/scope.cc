#include "io/scope.h"

#include <cerrno>
#include <utility>

#include "base/check.h"
#include "io/loop.h"

namespace weir::io {

Scope::Scope(Loop& loop) : loop_(loop), parent_(loop.current()) {
  if (parent_ == nullptr) return;  // the root itself
  parent_->nested_.push_back(*this);
  cancelled_ = parent_->cancelled_;
}

Scope::Scope(Scope& parent) : loop_(parent.loop_), parent_(&parent), cancelled_(parent.cancelled_) {
  parent.nested_.push_back(*this);
}

Scope::~Scope() {
  WEIR_CHECK(running_ == 0);  // co_await scope.join() first
  WEIR_CHECK(waits_.empty());
  WEIR_CHECK(nested_.empty());  // a scope that lives longer names its parent: Scope(loop.root())
}

void Scope::cancel() {
  cancelled_ = true;
  while (!waits_.empty()) {
    auto& wait = static_cast<Wait&>(*waits_.first());
    wait.finish(ECANCELED);
    WEIR_CHECK(waits_.empty() || waits_.first() != &wait);
  }
  Link seen;  // each nested scope once, the list may not change meanwhile: finishing only queues
  while (!nested_.empty()) {
    auto& inner = static_cast<Scope&>(*nested_.first());
    seen.push_back(inner);
    if (!inner.cancelled_) inner.cancel();
  }
  nested_.take_all(seen);
}

void Scope::Join::await_suspend(std::coroutine_handle<> handle) noexcept {
  WEIR_CHECK(joined_.joining_ == nullptr);
  waiter = handle;
  scope = joined_.loop_.current();
  joined_.joining_ = this;
}

// Where a child waits for its first turn; gone once that has begun, so that a child's frame need
// not carry it.
class Scope::Start final : public Wait {
 public:
  static void* operator new(std::size_t size) { return FramePool::take(size); }
  static void operator delete(void* block, std::size_t size) { FramePool::give(block, size); }
  Start(Scope& in, std::coroutine_handle<> child) {
    scope = &in;
    waiter = child;
  }
  void finish(int) override {}
  bool prepare() override {
    scope->loop_.resume(*this);
    delete this;
    return false;
  }
};

void Scope::adopt(Task<>&& task) {
  const auto child = std::exchange(task.handle_, nullptr);
  child.promise().continuation.set(*this);
  ++running_;
  loop_.make_ready(*new Start(*this, child));
}

void task_detail::child_done(Scope& scope) {
  if (--scope.running_ != 0 || scope.joining_ == nullptr) return;
  scope.loop_.make_ready(*std::exchange(scope.joining_, nullptr));
}

}  // namespace weir::io
