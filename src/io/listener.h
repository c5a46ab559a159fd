// Listener: accepts streams on one address. One coroutine accepts at a time:
//   while (auto stream = co_await listener.accept(kNever)) scope.spawn(serve, std::move(*stream));
//
// Takes one connection per report of the kernel, and more the busier the turn is, at most
// kBatchMax: a flood cannot starve the connections that are there, and one connection costs one
// accept and no probe that answers "none". While nobody accepts, the listener is paused and
// connections wait in the backlog. Out of descriptors or memory: pauses for kBackOff and counts it;
// the peers wait in the backlog, nobody is dropped.
#pragma once

#include <coroutine>
#include <cstdint>
#include <utility>

#include "base/address.h"
#include "base/result.h"
#include "io/loop.h"
#include "io/stream.h"
#include "io/wait.h"

namespace weir::io {

class ListenerState;

class [[nodiscard]] AcceptAwaiter : public Wait {
 public:
  AcceptAwaiter(ListenerState* listener, Deadline deadline)
      : listener_(listener), deadline_(deadline) {}
  ~AcceptAwaiter();
  bool await_ready() noexcept;
  void await_suspend(std::coroutine_handle<> handle) noexcept;
  // Errors: timeout, cancelled, closed, or a failure of the listening socket itself.
  Result<Stream> await_resume();

 private:
  friend class ListenerState;
  void finish(int error) override;
  ListenerState* listener_;
  Stamp deadline_;
  Stream stream_;
  int error_ = 0;
};

class Listener {
 public:
  static constexpr unsigned kBatchMax = 64;
  static constexpr Nanos kBackOff = std::chrono::milliseconds(50);

  Listener() = default;
  Listener(Listener&& other) noexcept : state_(std::exchange(other.state_, nullptr)) {}
  Listener& operator=(Listener&& other) noexcept {
    if (this != &other) {
      close();
      state_ = std::exchange(other.state_, nullptr);
    }
    return *this;
  }
  ~Listener() { close(); }

  static Result<Listener> open(Loop& loop, const SocketAddress& address,
                               const ListenOptions& options = {});
  static Result<Listener> adopt(Loop& loop, int descriptor);  // a listening socket handed over

  AcceptAwaiter accept(Deadline deadline) { return AcceptAwaiter(state_, deadline); }
  void close();  // a waiting accept ends with ErrorKind::closed
  bool valid() const { return state_ != nullptr; }
  SocketAddress local() const;  // with the port the system chose
  int descriptor() const;       // for handing over; stays ours
  double queue_share() const;   // taken of what may wait to be accepted, 0 to 1
  std::uint64_t accepted() const;
  std::uint64_t exhausted() const;  // times descriptors or memory ran out

 private:
  explicit Listener(ListenerState* state) : state_(state) {}
  static Result<Listener> start(Loop& loop, Handle handle);
  ListenerState* state_ = nullptr;
};

}  // namespace weir::io
