// SimKernel: the Kernel of one simulated process. Readiness is edge-triggered as EpollKernel's is:
// an event on a handle reports its whole present state once; listeners are reported as long as
// connections wait.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <span>
#include <string>

#include "base/address.h"
#include "base/time.h"
#include "io/kernel.h"
#include "io/sim/chance.h"
#include "io/sim/connection.h"

namespace weir::io::sim {

class SimWorld;

class SimKernel final : public Kernel {
 public:
  SimKernel(SimWorld& world, std::string name, std::uint64_t seed);
  ~SimKernel() override;

  const std::string& name() const { return name_; }
  // Descriptors still open: a run that ends with more than it began with leaks.
  std::size_t open_handles() const { return sockets_.size(); }

  Stamp now() override;
  WallTime wall() override;
  void random(std::span<std::byte> out) override;
  int listen(const SocketAddress& address, const ListenOptions& options, Handle& out) override;
  int adopt(int descriptor, Handle& out) override;  // a handle of any process of this world
  int accept(Handle listener, Handle& out, SocketAddress& peer) override;
  int connect(const SocketAddress& peer, Handle& out) override;
  int connect_result(Handle handle) override;
  int local_address(Handle handle, SocketAddress& out) override;
  int watch(Handle handle, void* token) override;
  int pause(Handle listener, bool paused) override;
  double accept_queue(Handle listener) override;
  int watch_foreign(int descriptor, void* token, std::uint32_t flags) override;
  ssize_t receive(Handle handle, std::span<std::byte> into) override;
  ssize_t send(Handle handle, std::span<const iovec> pieces) override;
  int end_sending(Handle handle) override;
  void close(Handle handle) override;
  void reset(Handle handle) override;
  int wait(std::span<Ready> out, Nanos timeout) override;
  void wake() override;

 private:
  friend class SimWorld;
  friend class Connection;

  struct Socket {
    std::shared_ptr<Connection> connection;  // or
    int side = 0;
    std::shared_ptr<Listening> listening;
    void* token = nullptr;
    bool watched = false;
    bool paused = false;
    bool dirty = false;     // in dirty_
    bool spurious = false;  // report readable whatever is true
  };
  Socket* find(Handle handle);
  void mark(int handle);
  int collect(std::span<Ready> out);
  bool anything_ready() const;
  void drop(int handle, bool abort);
  void syn_arrives(const std::shared_ptr<Connection>& connection, const Connecting& connecting);
  std::shared_ptr<Listening> find_listening(const SocketAddress& to);

  SimWorld& world_;
  const std::string name_;
  Chance chance_;
  std::map<int, Socket> sockets_;
  std::deque<int> dirty_;
  bool dead_ = false;
  bool woken_ = false;
  bool wake_under_way_ = false;
  Stamp sleeps_until_{};
};

}  // namespace weir::io::sim
