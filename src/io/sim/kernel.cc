#include "io/sim/kernel.h"

#include <algorithm>
#include <cerrno>
#include <utility>
#include <vector>

#include "base/check.h"
#include "io/sim/world.h"

namespace weir::io::sim {
namespace {

bool is_any(const Address& address) {
  return address == Address{.family = address.family, .bytes = {}};
}

// A listener on the unspecified address answers for every address of its family.
bool answers_for(const SocketAddress& listening, const SocketAddress& to) {
  if (listening.is_unix() || to.is_unix()) return listening == to;
  return listening.port == to.port &&
         (listening.address == to.address ||
          (is_any(listening.address) && listening.address.family == to.address.family));
}

}  // namespace

SimKernel::SimKernel(SimWorld& world, std::string name, std::uint64_t seed)
    : world_(world), name_(std::move(name)), chance_(seed) {}

SimKernel::~SimKernel() {
  while (!sockets_.empty()) drop(sockets_.begin()->first, true);
}

Stamp SimKernel::now() { return world_.now(); }
WallTime SimKernel::wall() { return world_.wall(); }
void SimKernel::random(std::span<std::byte> out) {
  for (std::byte& byte : out) byte = static_cast<std::byte>(chance_.next() & 0xff);
}

SimKernel::Socket* SimKernel::find(Handle handle) {
  const auto at = sockets_.find(handle.value);
  return at == sockets_.end() ? nullptr : &at->second;
}

int SimKernel::listen(const SocketAddress& address, const ListenOptions& options, Handle& out) {
  if (dead_) return -ENETDOWN;
  SocketAddress bound = address;
  if (!bound.is_unix() && bound.port == 0) bound.port = world_.next_port_++;
  for (const auto& [other, weak] : world_.listening_) {
    const auto listening = weak.lock();
    if (listening == nullptr || !(answers_for(other, bound) || answers_for(bound, other))) continue;
    if (!(listening->reuse_port && options.reuse_port)) return -EADDRINUSE;
  }
  auto listening = std::make_shared<Listening>();
  listening->address = bound;
  listening->reuse_port = options.reuse_port;
  listening->backlog = static_cast<std::size_t>(std::max(options.backlog, 1));
  out = Handle{world_.next_handle_++};
  listening->holders.push_back({.kernel = this, .handle = out.value});
  world_.listening_.emplace(bound, listening);
  sockets_[out.value].listening = std::move(listening);
  world_.trace(name_, "listens", out.value, bound.port);
  return 0;
}

int SimKernel::adopt(int descriptor, Handle& out) {
  if (dead_) return -ENETDOWN;
  for (auto& [name, kernel] : world_.kernels_) {
    Socket* socket = kernel->find(Handle{descriptor});
    if (socket == nullptr || socket->listening == nullptr) continue;
    auto listening = socket->listening;
    out = Handle{world_.next_handle_++};
    listening->holders.push_back({.kernel = this, .handle = out.value});
    sockets_[out.value].listening = std::move(listening);
    world_.trace(name_, "adopts", out.value, descriptor);
    return 0;
  }
  return -EBADF;
}

int SimKernel::accept(Handle listener, Handle& out, SocketAddress& peer) {
  Socket* socket = find(listener);
  if (socket == nullptr || socket->listening == nullptr) return -EBADF;
  auto& waiting = socket->listening->waiting;
  if (waiting.empty()) return -EAGAIN;
  if (world_.chance().per_mille(world_.options().exhaust)) return -EMFILE;
  const std::shared_ptr<Connection> connection = std::move(waiting.front());
  waiting.pop_front();
  out = Handle{world_.next_handle_++};
  Connection::End& end = connection->end(Connection::kServer);
  end.kernel = this;
  end.handle = out.value;
  peer = connection->end(Connection::kClient).address;
  Socket& accepted = sockets_[out.value];
  accepted.connection = connection;
  accepted.side = Connection::kServer;
  world_.trace(name_, "accepts", out.value, listener.value);
  return 0;
}

int SimKernel::connect(const SocketAddress& peer, Handle& out) {
  if (dead_) return -ENETDOWN;
  out = Handle{world_.next_handle_++};
  SocketAddress own;
  own.address = Address::v4(127, 0, 0, 1);
  own.port = world_.next_port_++;
  auto connection = std::make_shared<Connection>(world_, own, peer);
  Connection::End& end = connection->end(Connection::kClient);
  end.kernel = this;
  end.handle = out.value;
  Socket& socket = sockets_[out.value];
  socket.connection = connection;
  socket.side = Connection::kClient;

  const Connecting connecting{.from = name_, .to = peer, .number = world_.connects_++};
  world_.trace(name_, "connects", out.value, peer.port);
  world_.after(world_.draw_delay(),
               [this, connection, connecting] { syn_arrives(connection, connecting); });
  return -EINPROGRESS;
}

void SimKernel::syn_arrives(const std::shared_ptr<Connection>& connection,
                            const Connecting& connecting) {
  if (connection->end(Connection::kClient).closed) return;
  Script script;
  const SimOptions& options = world_.options();
  script.refuse = world_.chance().per_mille(options.refuse);
  script.lose = world_.chance().per_mille(options.lose);
  if (world_.connect_hook_) world_.connect_hook_(connecting, script);
  if (script.lose) return;
  const std::shared_ptr<Listening> listening =
      script.refuse ? nullptr : find_listening(connecting.to);
  const Stamp answered = world_.now() + world_.draw_delay();
  if (listening == nullptr) {
    world_.at(answered, [connection] { connection->fail_connect(ECONNREFUSED); });
    return;
  }
  if (listening->waiting.size() >=
      listening->backlog) {  // the SYN is dropped and sent again, as TCP does
    world_.after(std::chrono::seconds(1),
                 [this, connection, connecting] { syn_arrives(connection, connecting); });
    return;
  }
  connection->end(Connection::kServer).script = script.to_server;
  connection->end(Connection::kClient).script = script.to_client;
  connection->establish(Connection::kServer);
  listening->waiting.push_back(connection);
  world_.at(answered, [connection] { connection->establish(Connection::kClient); });
}

std::shared_ptr<Listening> SimKernel::find_listening(const SocketAddress& to) {
  std::vector<std::shared_ptr<Listening>> found;
  for (auto at = world_.listening_.begin(); at != world_.listening_.end();) {
    auto listening = at->second.lock();
    if (listening == nullptr) {
      at = world_.listening_.erase(at);
      continue;
    }
    if (answers_for(at->first, to)) found.push_back(std::move(listening));
    ++at;
  }
  return found.empty() ? nullptr
                       : found[world_.chance().below(found.size())];  // as SO_REUSEPORT spreads
}

int SimKernel::connect_result(Handle handle) {
  const Socket* socket = find(handle);
  if (socket == nullptr || socket->connection == nullptr) return -EBADF;
  const Connection::End& end = socket->connection->end(socket->side);
  if (end.connect_error != 0) return -end.connect_error;
  return end.established ? 0 : -EINPROGRESS;
}

int SimKernel::local_address(Handle handle, SocketAddress& out) {
  const Socket* socket = find(handle);
  if (socket == nullptr) return -EBADF;
  out = socket->listening != nullptr ? socket->listening->address
                                     : socket->connection->end(socket->side).address;
  return 0;
}

int SimKernel::watch(Handle handle, void* token) {
  Socket* socket = find(handle);
  if (socket == nullptr) return -EBADF;
  WEIR_CHECK(!socket->watched);
  socket->token = token;
  socket->watched = true;
  mark(handle.value);
  return 0;
}

int SimKernel::pause(Handle listener, bool paused) {
  Socket* socket = find(listener);
  if (socket == nullptr || socket->listening == nullptr) return -EBADF;
  socket->paused = paused;
  return 0;
}

double SimKernel::accept_queue(Handle listener) {
  const Socket* socket = find(listener);
  if (socket == nullptr || socket->listening == nullptr) return 0;
  return double(socket->listening->waiting.size()) / double(socket->listening->backlog);
}

int SimKernel::watch_foreign(int, void*, std::uint32_t) { return -ENOTSUP; }

ssize_t SimKernel::receive(Handle handle, std::span<std::byte> into) {
  Socket* socket = find(handle);
  if (socket == nullptr || socket->connection == nullptr) return -EBADF;
  const ssize_t got = socket->connection->receive(socket->side, into);
  world_.trace(name_, "receives", handle.value, got);
  return got;
}

ssize_t SimKernel::send(Handle handle, std::span<const iovec> pieces) {
  Socket* socket = find(handle);
  if (socket == nullptr || socket->connection == nullptr) return -EBADF;
  std::string bytes;
  for (const iovec& piece : pieces)
    bytes.append(static_cast<const char*>(piece.iov_base), piece.iov_len);
  const ssize_t taken = socket->connection->send(socket->side, bytes);
  world_.trace(name_, "sends", handle.value, taken);
  return taken;
}

int SimKernel::end_sending(Handle handle) {
  Socket* socket = find(handle);
  if (socket == nullptr || socket->connection == nullptr) return -EBADF;
  world_.trace(name_, "ends sending", handle.value);
  return socket->connection->end_sending(socket->side);
}

void SimKernel::close(Handle handle) { drop(handle.value, false); }
void SimKernel::reset(Handle handle) { drop(handle.value, true); }

void SimKernel::drop(int handle, bool abort) {
  if (dead_) return;
  const auto at = sockets_.find(handle);
  WEIR_CHECK(at != sockets_.end());  // closed twice, or another process's
  world_.trace(name_, abort ? "resets" : "closes", handle);
  const Socket socket = std::move(at->second);
  sockets_.erase(at);
  if (socket.connection != nullptr) return socket.connection->close(socket.side, abort);
  Listening& listening = *socket.listening;
  std::erase_if(listening.holders,
                [&](const Listening::Holder& holder) { return holder.handle == handle; });
  if (!listening.holders.empty()) return;
  for (const auto& connection : listening.waiting) connection->close(Connection::kServer, true);
  listening.waiting.clear();
}

void SimKernel::mark(int handle) {
  Socket* socket = find(Handle{handle});
  if (socket == nullptr || !socket->watched || socket->dirty || socket->listening != nullptr)
    return;
  socket->dirty = true;
  dirty_.push_back(handle);
}

bool SimKernel::anything_ready() const {
  if (woken_ || !dirty_.empty()) return true;
  return std::any_of(sockets_.begin(), sockets_.end(), [](const auto& entry) {
    const Socket& socket = entry.second;
    return socket.listening != nullptr && socket.watched && !socket.paused &&
           !socket.listening->waiting.empty();
  });
}

int SimKernel::collect(std::span<Ready> out) {
  std::size_t count = 0;
  if (woken_ && count < out.size()) {
    woken_ = false;
    out[count++] = {.token = nullptr, .flags = 0};
    world_.trace(name_, "is woken", 0);
  }
  for (auto& [handle, socket] : sockets_) {
    if (count == out.size()) break;
    if (socket.listening == nullptr || !socket.watched || socket.paused ||
        socket.listening->waiting.empty())
      continue;
    out[count++] = {.token = socket.token, .flags = kReadable};
  }
  while (!dirty_.empty() && count < out.size()) {
    const int handle = dirty_.front();
    dirty_.pop_front();
    Socket* socket = find(Handle{handle});
    if (socket == nullptr) continue;  // closed since
    socket->dirty = false;
    std::uint32_t flags = socket->connection->ready(socket->side);
    if (flags != 0 && world_.chance().per_mille(world_.options().spurious)) flags |= kReadable;
    if (flags == 0) continue;
    world_.trace(name_, "sees ready", handle, flags);
    out[count++] = {.token = socket->token, .flags = flags};
  }
  return static_cast<int>(count);
}

int SimKernel::wait(std::span<Ready> out, Nanos timeout) {
  world_.spend(world_.options().turn_cost);
  world_.run_due();
  const Stamp now = world_.now();
  const Stamp limit = timeout >= Stamp::max() - now ? Stamp::max() : now + timeout;
  int count = collect(out);
  sleeps_until_ = count > 0 ? now : limit;
  if (world_.driving_) return count;
  while (count == 0 && world_.now() < limit) {
    if (!world_.step(limit)) {
      WEIR_CHECK(limit != Stamp::max() && "the only process waits for what can never happen");
      break;
    }
    count = collect(out);
  }
  return count;
}

void SimKernel::wake() {
  if (woken_ || std::exchange(wake_under_way_, true)) return;
  Nanos delay{0};
  if (world_.chance().per_mille(world_.options().late_wake)) {
    delay = Nanos(static_cast<std::int64_t>(world_.chance().below(
        static_cast<std::uint64_t>(world_.options().late_wake_most.count()))));
  }
  world_.after(delay, [this] {
    wake_under_way_ = false;
    woken_ = true;
  });
}

}  // namespace weir::io::sim
