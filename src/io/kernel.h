// Kernel: the smallest interface between weir and the world it runs in: a clock, non-blocking
// sockets, readiness. EpollKernel is Linux; sim::SimKernel is a network and a clock driven by one
// seed. Everything above (Loop, Task, Stream, wire, proxy) is the same code on both, which is what
// makes a whole run reproducible from a seed.
//
// Calls return >= 0, or -errno; none blocks but wait(). A Kernel belongs to one Loop on one thread;
// only wake() may be called from others. Readiness is edge-triggered: reported when it changes,
// each handle registered once.
#pragma once

#include <sys/types.h>
#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/address.h"
#include "base/time.h"

namespace weir::io {

struct Handle {
  int value = -1;
  bool valid() const { return value >= 0; }
  friend bool operator==(Handle, Handle) = default;
};

enum ReadyFlags : std::uint32_t {
  kReadable = 1,
  kWritable = 2,
  kPeerEnded = 4,  // the peer sent FIN: after what is buffered a read returns 0
  kFailed = 8,     // reset or hang-up; the next read or send tells which
};

struct Ready {
  void* token = nullptr;  // as given to watch()
  std::uint32_t flags = 0;
};

struct ListenOptions {
  int backlog = 4096;
  bool reuse_port = false;  // several workers share one port (SO_REUSEPORT)
  unsigned unix_mode = 0600;
};

class Kernel {
 public:
  virtual ~Kernel() = default;

  virtual Stamp now() = 0;
  virtual WallTime wall() = 0;
  virtual void random(std::span<std::byte> out) = 0;

  virtual int listen(const SocketAddress& address, const ListenOptions& options, Handle& out) = 0;
  virtual int adopt(int descriptor, Handle& out) = 0;  // a listener that another process or thread opened; stays open on failure
  virtual int accept(Handle listener, Handle& out,
                     SocketAddress& peer) = 0;  // -EAGAIN: none waiting
  virtual int connect(const SocketAddress& peer,
                      Handle& out) = 0;           // 0 or -EINPROGRESS: watch for writable
  virtual int connect_result(Handle handle) = 0;  // after writable: 0 or -errno
  virtual int local_address(Handle handle, SocketAddress& out) = 0;
  virtual int watch(Handle handle, void* token) = 0;  // once, for everything
  // A listener alone is reported in every wait() as long as connections wait there, unless it is
  // paused.
  virtual int pause(Handle listener, bool paused) = 0;
  // Share of its accept queue that is taken, 0 to 1; 0 where the system does not tell.
  virtual double accept_queue(Handle) { return 0; }
  // How long ago the newest of a connection's bytes came, to a tick of the system (at most 10 ms);
  // zero where it does not tell.
  virtual Nanos since_received(Handle) { return Nanos(0); }
  // A descriptor of a library (c-ares), reported as long as it is ready for what was asked:
  // kReadable, kWritable or both; 0 forgets it. -ENOTSUP where there are no real descriptors.
  virtual int watch_foreign(int descriptor, void* token, std::uint32_t flags) = 0;
  virtual ssize_t receive(Handle handle, std::span<std::byte> into) = 0;   // 0: the peer ended
  virtual ssize_t send(Handle handle, std::span<const iovec> pieces) = 0;  // may be short
  virtual int end_sending(Handle handle) = 0;                              // FIN; reading goes on
  virtual void close(Handle handle) = 0;
  virtual void reset(Handle handle) = 0;  // RST where possible, then closed

  // Fills `out` with what became ready; waits at most `timeout` (zero: do not wait). Returns the
  // number filled.
  virtual int wait(std::span<Ready> out, Nanos timeout) = 0;
  // Makes a wait() in progress, or the next one, return with a Ready whose token is null. From any
  // thread.
  virtual void wake() = 0;
};

}  // namespace weir::io
