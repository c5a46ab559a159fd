#include "io/scope.h"

#include <cerrno>

#include "base/check.h"
#include "io/loop.h"

namespace weir::io {

Scope::Scope(Loop& loop) : loop_(loop), parent_(loop.current()) {
  if (parent_ == nullptr) return;   // the root itself
  parent_->nested_.push_back(*this);
  cancelled_ = parent_->cancelled_;
}

Scope::Scope(Scope& parent) : loop_(parent.loop_), parent_(&parent), cancelled_(parent.cancelled_) {
  parent.nested_.push_back(*this);
}

Scope::~Scope() {
  WEIR_CHECK(running_ == 0);        // co_await scope.join() first
  WEIR_CHECK(waits_.empty());
  WEIR_CHECK(nested_.empty());      // a scope that lives longer names its parent: Scope(loop.root())
}

void Scope::cancel() {
  cancelled_ = true;
  while (!waits_.empty()) {
    auto& wait = static_cast<Wait&>(*waits_.first());
    wait.finish(ECANCELED);
    WEIR_CHECK(waits_.empty() || waits_.first() != &wait);
  }
  Link seen;   // each nested scope once, the list may not change meanwhile: finishing only queues
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

void Scope::start(Child child) {
  ++running_;
  Start& start = child.handle.promise().start;
  start.scope = this;
  loop_.make_ready(start);
}

void Scope::child_done() {
  if (--running_ != 0 || joining_ == nullptr) return;
  Join* join = std::exchange(joining_, nullptr);
  loop_.make_ready(*join);
}

}  // namespace weir::io
