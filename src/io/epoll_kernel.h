// EpollKernel: Linux behind the seam. One epoll instance; streams are registered once,
// edge-triggered, for input and the peer's end; for output only after a send was short for the
// first time (the one epoll_ctl a connection may see after its start) or while connecting.
// Listeners are level-triggered, so that no accept has to probe for "none left". wake() is an
// eventfd, edge-triggered, written at most once between two waits and never read. Handles are
// descriptors. Unix sockets: a stale file (nobody listens behind it) is removed before binding.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <span>
#include <vector>

#include "base/address.h"
#include "base/time.h"
#include "io/kernel.h"

struct epoll_event;

namespace weir::io {

class EpollKernel final : public Kernel {
 public:
  EpollKernel();  // ends the program when the system has no epoll or descriptor left: nothing could
                  // work without
  ~EpollKernel() override;
  EpollKernel(const EpollKernel&) = delete;
  EpollKernel& operator=(const EpollKernel&) = delete;
  // What it has open itself: made by one thread, it may be used by another that keeps these (io/descriptor.h).
  std::array<int, 2> descriptors() const { return {epoll_, event_}; }

  Stamp now() override;
  WallTime wall() override;
  void random(std::span<std::byte> out) override;

  int listen(const SocketAddress& address, const ListenOptions& options, Handle& out) override;
  int adopt(int descriptor, Handle& out) override;
  int accept(Handle listener, Handle& out, SocketAddress& peer) override;
  int connect(const SocketAddress& peer, Handle& out) override;
  int connect_result(Handle handle) override;
  int local_address(Handle handle, SocketAddress& out) override;
  int watch(Handle handle, void* token) override;
  int pause(Handle listener, bool paused) override;
  double accept_queue(Handle listener) override;
  Nanos since_received(Handle handle) override;
  int watch_foreign(int descriptor, void* token, std::uint32_t flags) override;
  ssize_t receive(Handle handle, std::span<std::byte> into) override;
  ssize_t send(Handle handle, std::span<const iovec> pieces) override;
  int end_sending(Handle handle) override;
  void close(Handle handle) override;
  void reset(Handle handle) override;
  int wait(std::span<Ready> out, Nanos timeout) override;
  void wake() override;

 private:
  enum class Kind : std::uint8_t { none, listener, connecting, connected, foreign };
  struct Entry {
    void* token = nullptr;
    Kind kind = Kind::none;
    bool for_output = false;
    bool watched = false;
  };
  Entry& entry(int descriptor);
  int control(int operation, int descriptor, std::uint32_t events, void* token);
  void ask_for_output(int descriptor);
  int wait_at_most(epoll_event* events, int most, Nanos timeout);

  int epoll_ = -1;
  int event_ = -1;
  bool fine_timeouts_ = true;
  std::atomic<bool> woken_{false};
  std::vector<Entry> entries_;  // by descriptor; as many as were ever open at once
};

}  // namespace weir::io
