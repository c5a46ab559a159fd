#include "io/listener.h"

#include <algorithm>
#include <cerrno>
#include <new>
#include <utility>

#include "base/check.h"
#include "io/errors.h"
#include "io/slab.h"
#include "io/watcher.h"

namespace weir::io {

// Lives in a block of the loop's slab, as streams do and for the same reason.
class ListenerState final : public Watcher {
 public:
  ListenerState(Loop& loop, Handle handle) : loop_(loop), handle_(handle) {}

  void ready(std::uint32_t flags) override;
  void fire() override;
  bool take(AcceptAwaiter& wait);
  void pause(bool paused);
  void leave() { waiting_ = nullptr; }
  void close();

  Loop& loop_;
  Handle handle_;
  AcceptAwaiter* waiting_ = nullptr;
  std::uint64_t accepted_ = 0;
  std::uint64_t exhausted_ = 0;
  Stamp back_off_until_{};
  std::size_t left_ = 0;  // accepts of the present report
  bool paused_ = false;
  bool closed_ = false;
};
static_assert(sizeof(ListenerState) <= Slab::kBlock);

namespace {

// One accept per report, and one more for so many other events: an idle loop never probes for a
// second connection (an accept that finds none costs more than a look at the kernel), a busy one
// takes its share of a burst.
constexpr std::size_t kEventsPerAccept = 4;

bool is_exhaustion(int error) {
  return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

// accept(2): errors of the one connection, already pending on it, are not the listener's.
bool concerns_only_that_connection(int error) {
  switch (error) {
    case ECONNABORTED:
    case EINTR:
    case EPROTO:
    case ENETDOWN:
    case ENOPROTOOPT:
    case EHOSTDOWN:
    case ENONET:
    case EHOSTUNREACH:
    case EOPNOTSUPP:
    case ENETUNREACH:
    case EPERM:
    case ETIMEDOUT:
      return true;
    default:
      return false;
  }
}

}  // namespace

void ListenerState::ready(std::uint32_t) {
  if (closed_) return;
  if (waiting_ == nullptr || loop_.now() < back_off_until_) return pause(true);
  left_ = std::min(1 + loop_.events_of_turn() / kEventsPerAccept, std::size_t{Listener::kBatchMax});
  AcceptAwaiter* wait = waiting_;
  if (!take(*wait)) return;
  leave();
  loop_.resume(*wait);
}

// True when the wait is over.
bool ListenerState::take(AcceptAwaiter& wait) {
  while (left_ > 0) {
    --left_;
    Handle handle;
    SocketAddress peer;
    const int error = -loop_.kernel().accept(handle_, handle, peer);
    if (error <= 0) {
      Result<Stream> stream = Stream::attach(loop_, handle, peer);
      if (!stream) continue;  // cannot be watched (no memory): closed, the peer sees the end
      ++accepted_;
      wait.stream_ = std::move(*stream);
      return true;
    }
    if (error == EAGAIN) {
      left_ = 0;
      return false;
    }
    if (is_exhaustion(error)) {
      ++exhausted_;
      left_ = 0;
      back_off_until_ = loop_.now() + Listener::kBackOff;
      pause(true);
      loop_.arm(*this, back_off_until_);
      return false;
    }
    if (!concerns_only_that_connection(error)) {
      wait.error_ = error;
      return true;
    }
  }
  return false;
}

void ListenerState::pause(bool paused) {
  if (paused == paused_) return;
  paused_ = paused;
  loop_.kernel().pause(handle_, paused);
}

void ListenerState::fire() {
  const Stamp now = loop_.now();
  if (waiting_ == nullptr) return;
  if (waiting_->deadline_ <= now) return waiting_->finish(ETIME);
  if (back_off_until_ <= now) {
    pause(false);
    loop_.arm(*this, waiting_->deadline_);
  } else {
    loop_.arm(*this, std::min(back_off_until_, waiting_->deadline_));
  }
}

void ListenerState::close() {
  closed_ = true;
  unlink();
  if (waiting_ != nullptr) waiting_->finish(ESHUTDOWN);
  loop_.kernel().close(handle_);
  loop_.slab().give_later(this);
}

AcceptAwaiter::~AcceptAwaiter() {
  if (listener_ != nullptr && listener_->waiting_ == this) listener_->leave();
}

bool AcceptAwaiter::await_ready() noexcept {
  if (listener_ == nullptr) {
    error_ = ESHUTDOWN;
    return true;
  }
  if (listener_->loop_.cancelled()) {
    error_ = ECANCELED;
    return true;
  }
  return listener_->left_ > 0 && listener_->take(*this);
}

void AcceptAwaiter::await_suspend(std::coroutine_handle<> handle) noexcept {
  WEIR_CHECK(listener_->waiting_ == nullptr);  // one acceptor at a time
  Loop& loop = listener_->loop_;
  listener_->waiting_ = this;
  loop.suspend(*this, handle);
  const bool backing_off = loop.now() < listener_->back_off_until_;
  if (!backing_off) listener_->pause(false);
  const Stamp next = backing_off ? std::min(listener_->back_off_until_, deadline_) : deadline_;
  if (next != kNever && (!listener_->armed() || next < listener_->when()))
    loop.arm(*listener_, next);
}

void AcceptAwaiter::finish(int error) {
  error_ = error;
  listener_->leave();
  listener_->loop_.make_ready(*this);
}

Result<Stream> AcceptAwaiter::await_resume() {
  listener_ = nullptr;
  if (error_ != 0) return fail_with(error_, "accept");
  return std::move(stream_);
}

Result<Listener> Listener::start(Loop& loop, Handle handle) {
  Listener listener(new (loop.slab().take()) ListenerState(loop, handle));
  const int watched = loop.kernel().watch(handle, listener.state_);
  if (watched < 0) return fail_with(-watched, "watch a listening socket");
  return listener;
}

Result<Listener> Listener::open(Loop& loop, const SocketAddress& address,
                                const ListenOptions& options) {
  Handle handle;
  const int result = loop.kernel().listen(address, options, handle);
  if (result < 0) return fail_with(-result, "listen on " + to_string(address));
  return start(loop, handle);
}

Result<Listener> Listener::adopt(Loop& loop, int descriptor) {
  Handle handle;
  const int result = loop.kernel().adopt(descriptor, handle);
  if (result < 0) return fail_with(-result, "take over a listening socket");
  return start(loop, handle);
}

void Listener::close() {
  if (ListenerState* state = std::exchange(state_, nullptr)) state->close();
}

SocketAddress Listener::local() const {
  SocketAddress local;
  state_->loop_.kernel().local_address(state_->handle_, local);
  return local;
}
int Listener::descriptor() const { return state_->handle_.value; }
double Listener::queue_share() const {
  return state_ == nullptr ? 0 : state_->loop_.kernel().accept_queue(state_->handle_);
}
std::uint64_t Listener::accepted() const { return state_->accepted_; }
std::uint64_t Listener::exhausted() const { return state_->exhausted_; }

}  // namespace weir::io
