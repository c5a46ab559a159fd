// Stream: one connected socket, TCP or unix; the movable unique owner of it. One coroutine may read
// while another writes. Reads hand out the loop's shared receive buffer, so an idle connection owns
// none; writes go out in one sendmsg, and only what the socket did not take is copied and kept. No
// system call probes: receive is called when readiness was reported, and a short receive means
// drained until the next report. State: 128 bytes (two cache lines), the timer and the awaiting
// coroutines' places included. Errors: timeout (our deadline), cancelled (the scope), closed
// (closed on this side), reset, or what the system said. After an error of write() nothing more can
// be written: the peer may have got a part. After close() nothing is called, and what
// is asked of the stream is answered with closed; another coroutine may have closed it.
#pragma once

#include <sys/uio.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <utility>

#include "base/address.h"
#include "base/result.h"
#include "io/loop.h"
#include "io/min_rate.h"
#include "io/task.h"
#include "io/wait.h"
#include "io/watcher.h"

namespace weir::io {

class StreamState;

// What reading, writing and connecting have in common: a wait for one stream with a deadline.
class StreamWait : public Wait {
 public:
  // Tries to get on; true when the wait is over (error_ says how).
  virtual bool attempt() = 0;
  virtual Stamp expires() const { return deadline_; }
  void finish(int error) override;
  bool prepare() override;

 protected:
  StreamWait(StreamState* stream, Deadline deadline) : stream_(stream), deadline_(deadline) {}
  ~StreamWait();

  friend class StreamState;
  StreamState* stream_;  // null once over
  Stamp deadline_;
  int error_ = 0;
  bool over_ = false;
  bool begins_ = false;  // its turn comes behind what is under way
  Stamp came_;           // then: since when it stands in the queue for that; zero: not yet
};

class [[nodiscard]] ReadAwaiter : public StreamWait {
 public:
  ReadAwaiter(StreamState* stream, Deadline deadline, bool begins = false) : StreamWait(stream, deadline) { begins_ = begins; }
  bool await_ready() noexcept;
  void await_suspend(std::coroutine_handle<> handle) noexcept;
  // Valid until anything on this loop reads again, which is at the latest when this coroutine
  // suspends. Empty: the peer ended.
  Result<std::span<const std::byte>> await_resume();
  bool attempt() override;
  // Of a read_to_begin() that is over: since when its bytes have waited for this loop, to a tick of the system (at most
  // 10 ms) where the loop itself was late.
  Stamp came() const { return came_; }

 private:
  std::span<const std::byte> bytes_;
};

class [[nodiscard]] WriteAwaiter : public StreamWait {
 public:
  WriteAwaiter(StreamState* stream, std::span<const iovec> pieces, Deadline deadline, MinRate* min_rate)
      : StreamWait(stream, deadline), pieces_(pieces), min_rate_(min_rate) {}
  bool await_ready() noexcept;
  void await_suspend(std::coroutine_handle<> handle) noexcept;
  Result<> await_resume();
  bool attempt() override;
  Stamp expires() const override;

 private:
  std::span<const iovec> pieces_;
  MinRate* min_rate_;
  std::size_t total_ = 0;
  std::size_t sent_ = 0;  // of `pieces_`, before what was left was copied
};

class Stream {
 public:
  static constexpr std::size_t kWriteMax = 256 * 1024;  // bytes per write()
  static constexpr std::size_t kPiecesMax = 64;         // pieces per write()

  Stream() = default;  // holds nothing; valid() is false
  explicit Stream(StreamState* state) : state_(state) {}
  Stream(Stream&& other) noexcept : state_(std::exchange(other.state_, nullptr)) {}
  Stream& operator=(Stream&& other) noexcept {
    if (this != &other) {
      close();
      state_ = std::exchange(other.state_, nullptr);
    }
    return *this;
  }
  ~Stream() { close(); }

  static Task<Result<Stream>> connect(Loop& loop, SocketAddress peer, Deadline deadline);
  // A handle of the loop's kernel that is connected already (accepted, or one end of a pair).
  static Result<Stream> attach(Loop& loop, Handle handle, const SocketAddress& peer);

  ReadAwaiter read(Deadline deadline) { return ReadAwaiter(state_, deadline); }
  // For what begins work, such as a request: what is under way goes before it, and what began to wait earlier.
  ReadAwaiter read_to_begin(Deadline deadline) { return ReadAwaiter(state_, deadline, true); }
  // `pieces` and what they point to must live until the call returns control (await it in the same
  // expression); `min_rate` until it is over.
  WriteAwaiter write(std::span<const iovec> pieces, Deadline deadline, MinRate* min_rate = nullptr) {
    return WriteAwaiter(state_, pieces, deadline, min_rate);
  }

  void end_sending();  // FIN; reading goes on. Nothing may be waiting to be written.
  void close();        // also while awaited: the waits end with ErrorKind::closed
  void reset();        // RST where possible, else close

  bool valid() const { return state_ != nullptr; }
  bool peer_ended() const;  // FIN seen; unread bytes may still be there
  bool failed() const;      // reset or hang-up was reported
  // Readiness was reported and not yet consumed: bytes, the end or an error await. No system call.
  bool has_unread() const;
  // Calls `fn(context)` once, from the loop's dispatch, when something arrives while nobody reads.
  // What had arrived before is not announced again: look at has_unread() too. fn may close this
  // stream. nullptr takes it back.
  void on_readable_while_idle(void (*fn)(void*), void* context);

  // Its number. The system gives the lowest that is free (POSIX): so many others are open.
  int descriptor() const;
  SocketAddress peer() const;  // a unix peer has an empty path
  Result<SocketAddress> local() const;
  Loop& loop() const;  // of an open stream
  std::uint64_t bytes_in() const;
  std::uint64_t bytes_out() const;

 private:
  StreamState* state_ = nullptr;
};

}  // namespace weir::io
