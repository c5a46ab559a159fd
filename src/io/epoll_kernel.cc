#include "io/epoll_kernel.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <string>
#include <utility>

#include "base/check.h"
#include "io/sockaddr.h"

namespace weir::io {
namespace {

constexpr std::uint32_t kInput = EPOLLIN | EPOLLRDHUP | EPOLLET;
constexpr std::uint32_t kInputAndOutput = kInput | EPOLLOUT;

// One copied run of bytes is cheaper than a list of pieces up to here.
constexpr std::size_t kGathered = 2048;

// recv, sendto and epoll_wait of the C library are points of cancellation: in a process with threads
// each pays two atomic exchanges for that. Nobody cancels a worker.
template <class... Arguments>
long system_call(long number, Arguments... arguments) {
  return ::syscall(number, arguments...);
}

ssize_t send_bytes(int descriptor, const void* bytes, std::size_t size) {
  return system_call(SYS_sendto, descriptor, bytes, size, MSG_NOSIGNAL, nullptr, 0);
}

ssize_t send_gathered(int descriptor, std::span<const iovec> pieces, std::size_t total) {
  std::array<std::byte, kGathered> bytes;
  std::byte* to = bytes.data();
  for (const iovec& piece : pieces) {
    std::memcpy(to, piece.iov_base, piece.iov_len);
    to += piece.iov_len;
  }
  return send_bytes(descriptor, bytes.data(), total);
}

ssize_t send_pieces(int descriptor, std::span<const iovec> pieces) {
  msghdr message{};
  message.msg_iov = const_cast<iovec*>(pieces.data());  // the system only reads it
  message.msg_iovlen = pieces.size();
  return system_call(SYS_sendmsg, descriptor, &message, MSG_NOSIGNAL);
}

std::int64_t read_clock(clockid_t clock) {
  timespec at{};
  clock_gettime(clock, &at);
  return static_cast<std::int64_t>(at.tv_sec) * 1'000'000'000 + at.tv_nsec;
}

int set_option(int descriptor, int level, int name, int value) {
  return setsockopt(descriptor, level, name, &value, sizeof value);
}

// A socket file nobody listens behind is left over from a process that died; any other file is not
// ours to remove.
int remove_stale(const std::string& path, const RawAddress& raw) {
  struct stat info{};
  if (::lstat(path.c_str(), &info) != 0 || !S_ISSOCK(info.st_mode)) return 0;
  const int probe = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (probe < 0) return -errno;
  const bool dead = ::connect(probe, raw.get(), raw.size) != 0 && errno == ECONNREFUSED;
  ::close(probe);
  if (!dead) return -EADDRINUSE;
  return ::unlink(path.c_str()) == 0 || errno == ENOENT ? 0 : -errno;
}

int bind_and_listen(int descriptor, const SocketAddress& address, const ListenOptions& options) {
  const RawAddress raw = to_raw(address);
  if (address.is_unix()) {
    if (const int removed = remove_stale(address.unix_path, raw); removed < 0) return removed;
    ::fchmod(descriptor,
             options.unix_mode);  // Linux makes the file with it: never wider than it ends up
  } else {
    set_option(descriptor, SOL_SOCKET, SO_REUSEADDR, 1);
    if (options.reuse_port && set_option(descriptor, SOL_SOCKET, SO_REUSEPORT, 1) < 0)
      return -errno;
    if (address.address.family == Address::Family::v6)
      set_option(descriptor, IPPROTO_IPV6, IPV6_V6ONLY, 1);
    set_option(descriptor, IPPROTO_TCP, TCP_NODELAY, 1);  // accepted sockets inherit it
  }
  if (::bind(descriptor, raw.get(), raw.size) < 0) return -errno;
  if (address.is_unix() && ::chmod(address.unix_path.c_str(), options.unix_mode) < 0) return -errno;
  if (::listen(descriptor, options.backlog) < 0) return -errno;
  return 0;
}

// All zero where it is no TCP socket.
tcp_info tcp_info_of(int descriptor) {
  tcp_info about{};
  socklen_t size = sizeof about;
  if (::getsockopt(descriptor, IPPROTO_TCP, TCP_INFO, &about, &size) < 0) return {};
  return about;
}

int open_socket(const SocketAddress& address) {
  const int family = address.is_unix()                               ? AF_UNIX
                     : address.address.family == Address::Family::v4 ? AF_INET
                                                                     : AF_INET6;
  const int descriptor = ::socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  return descriptor < 0 ? -errno : descriptor;
}

}  // namespace

EpollKernel::EpollKernel()
    : epoll_(::epoll_create1(EPOLL_CLOEXEC)), event_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  WEIR_CHECK(epoll_ >= 0 && event_ >= 0);
  WEIR_CHECK(control(EPOLL_CTL_ADD, event_, EPOLLIN | EPOLLET, nullptr) == 0);
}

EpollKernel::~EpollKernel() {
  ::close(event_);
  ::close(epoll_);
}

Stamp EpollKernel::now() { return stamp_from_nanos(read_clock(CLOCK_MONOTONIC)); }
WallTime EpollKernel::wall() { return wall_from_nanos(read_clock(CLOCK_REALTIME)); }

void EpollKernel::random(std::span<std::byte> out) {
  while (!out.empty()) {
    const ssize_t got = ::getrandom(out.data(), out.size(), 0);
    WEIR_CHECK(got > 0 || errno == EINTR);
    if (got > 0) out = out.subspan(static_cast<std::size_t>(got));
  }
}

EpollKernel::Entry& EpollKernel::entry(int descriptor) {
  const auto at = static_cast<std::size_t>(descriptor);
  if (at >= entries_.size()) entries_.resize(std::max<std::size_t>(at + 1, entries_.size() * 2));
  return entries_[at];
}

int EpollKernel::control(int operation, int descriptor, std::uint32_t events, void* token) {
  epoll_event event{};
  event.events = events;
  event.data.ptr = token;
  return ::epoll_ctl(epoll_, operation, descriptor, &event) < 0 ? -errno : 0;
}

int EpollKernel::listen(const SocketAddress& address, const ListenOptions& options, Handle& out) {
  const int descriptor = open_socket(address);
  if (descriptor < 0) return descriptor;
  if (const int result = bind_and_listen(descriptor, address, options); result < 0) {
    ::close(descriptor);
    return result;
  }
  entry(descriptor) = {.kind = Kind::listener};
  out = Handle{descriptor};
  return 0;
}

int EpollKernel::adopt(int descriptor, Handle& out) {
  int listening = 0;
  socklen_t size = sizeof listening;
  if (::getsockopt(descriptor, SOL_SOCKET, SO_ACCEPTCONN, &listening, &size) < 0) return -errno;
  if (listening == 0) return -EINVAL;
  const int flags = ::fcntl(descriptor, F_GETFL);
  if (flags < 0 || ::fcntl(descriptor, F_SETFL, flags | O_NONBLOCK) < 0) return -errno;
  if (::fcntl(descriptor, F_SETFD, FD_CLOEXEC) < 0) return -errno;
  entry(descriptor) = {.kind = Kind::listener};
  out = Handle{descriptor};
  return 0;
}

int EpollKernel::accept(Handle listener, Handle& out, SocketAddress& peer) {
  RawAddress raw;
  raw.size = sizeof raw.storage;
  const int descriptor =
      ::accept4(listener.value, raw.get(), &raw.size, SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (descriptor < 0) return -errno;
  entry(descriptor) = {.kind = Kind::connected};
  peer = from_raw(raw);
  out = Handle{descriptor};
  return 0;
}

int EpollKernel::connect(const SocketAddress& peer, Handle& out) {
  const int descriptor = open_socket(peer);
  if (descriptor < 0) return descriptor;
  if (!peer.is_unix()) set_option(descriptor, IPPROTO_TCP, TCP_NODELAY, 1);
  const RawAddress raw = to_raw(peer);
  const int result = ::connect(descriptor, raw.get(), raw.size) == 0 ? 0 : -errno;
  if (result < 0 && result != -EINPROGRESS) {
    ::close(descriptor);
    return result;
  }
  entry(descriptor) = {.kind = result == 0 ? Kind::connected : Kind::connecting};
  out = Handle{descriptor};
  return result;
}

int EpollKernel::connect_result(Handle handle) {
  int error = 0;
  socklen_t size = sizeof error;
  if (::getsockopt(handle.value, SOL_SOCKET, SO_ERROR, &error, &size) < 0) return -errno;
  return -error;
}

int EpollKernel::local_address(Handle handle, SocketAddress& out) {
  RawAddress raw;
  raw.size = sizeof raw.storage;
  if (::getsockname(handle.value, raw.get(), &raw.size) < 0) return -errno;
  out = from_raw(raw);
  return 0;
}

int EpollKernel::watch(Handle handle, void* token) {
  Entry& of = entry(handle.value);
  of.token = token;
  of.watched = true;
  of.for_output = of.kind == Kind::connecting;
  const std::uint32_t events = of.kind == Kind::listener ? std::uint32_t{EPOLLIN}
                               : of.for_output           ? kInputAndOutput
                                                         : kInput;
  return control(EPOLL_CTL_ADD, handle.value, events, token);
}

int EpollKernel::pause(Handle listener, bool paused) {
  return control(EPOLL_CTL_MOD, listener.value, paused ? 0 : std::uint32_t{EPOLLIN},
                 entry(listener.value).token);
}

// tcp(7) of a listener: `unacked` connections wait, `sacked` have room.
double EpollKernel::accept_queue(Handle listener) {
  const auto about = tcp_info_of(listener.value);
  return about.tcpi_sacked == 0 ? 0 : double(about.tcpi_unacked) / about.tcpi_sacked;
}

Nanos EpollKernel::since_received(Handle handle) {
  return std::chrono::milliseconds(tcp_info_of(handle.value).tcpi_last_data_recv);
}

int EpollKernel::watch_foreign(int descriptor, void* token, std::uint32_t flags) {
  Entry& of = entry(descriptor);
  const std::uint32_t events =
      ((flags & kReadable) != 0 ? EPOLLIN : 0u) | ((flags & kWritable) != 0 ? EPOLLOUT : 0u);
  const bool was = std::exchange(of.watched, flags != 0);
  of.kind = flags != 0 ? Kind::foreign : Kind::none;
  of.token = token;
  if (flags == 0) return was ? control(EPOLL_CTL_DEL, descriptor, 0, nullptr) : 0;
  return control(was ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, descriptor, events, token);
}

ssize_t EpollKernel::receive(Handle handle, std::span<std::byte> into) {
  const ssize_t got =
      system_call(SYS_recvfrom, handle.value, into.data(), into.size(), 0, nullptr, nullptr);
  return got < 0 ? -errno : got;
}

ssize_t EpollKernel::send(Handle handle, std::span<const iovec> pieces) {
  std::size_t wanted = 0;
  for (const iovec& piece : pieces) wanted += piece.iov_len;
  ssize_t taken = pieces.size() == 1   ? send_bytes(handle.value, pieces[0].iov_base, wanted)
                  : wanted <= kGathered ? send_gathered(handle.value, pieces, wanted)
                                        : send_pieces(handle.value, pieces);
  if (taken < 0) taken = -errno;
  if (taken == -EAGAIN || (taken >= 0 && static_cast<std::size_t>(taken) < wanted))
    ask_for_output(handle.value);
  return taken;
}

// Registered from now on: a TCP socket reports room only after it was full, so it costs nothing
// later. The change itself reports room that came in the meantime.
void EpollKernel::ask_for_output(int descriptor) {
  Entry& of = entry(descriptor);
  if (of.for_output || !of.watched) return;
  of.for_output = true;
  control(EPOLL_CTL_MOD, descriptor, kInputAndOutput, of.token);
}

int EpollKernel::end_sending(Handle handle) {
  return ::shutdown(handle.value, SHUT_WR) < 0 ? -errno : 0;
}

void EpollKernel::close(Handle handle) {
  Entry& of = entry(handle.value);
  // A stream leaves epoll with its only descriptor; a listener may live on in another process
  // (hand-over), and would go on reporting to a token that is gone.
  if (of.kind == Kind::listener && of.watched) control(EPOLL_CTL_DEL, handle.value, 0, nullptr);
  of = {};
  ::close(handle.value);
}

void EpollKernel::reset(Handle handle) {
  const linger now{.l_onoff = 1, .l_linger = 0};
  ::setsockopt(handle.value, SOL_SOCKET, SO_LINGER, &now, sizeof now);
  close(handle);
}

// To the nanosecond where the system can (Linux 5.11); else to the next millisecond, never too
// early.
int EpollKernel::wait_at_most(epoll_event* events, int most, Nanos timeout) {
  const auto wait_millis = [&](int millis) {
    return static_cast<int>(system_call(SYS_epoll_wait, epoll_, events, most, millis));
  };
  if (timeout == Nanos::max()) return wait_millis(-1);
  if (timeout <= Nanos(0)) return wait_millis(0);
  if (fine_timeouts_) {
    const timespec limit{.tv_sec = timeout.count() / 1'000'000'000,
                         .tv_nsec = timeout.count() % 1'000'000'000};
    const int count =
        static_cast<int>(system_call(SYS_epoll_pwait2, epoll_, events, most, &limit, nullptr, 0));
    if (count >= 0 || (errno != ENOSYS && errno != EPERM)) return count;
    fine_timeouts_ = false;
  }
  const auto millis = std::chrono::ceil<std::chrono::milliseconds>(timeout).count();
  return wait_millis(static_cast<int>(std::min<std::int64_t>(millis, 1 << 30)));
}

int EpollKernel::wait(std::span<Ready> out, Nanos timeout) {
  constexpr std::size_t kMost = 128;
  std::array<epoll_event, kMost> events;
  const int most = static_cast<int>(std::min(out.size(), kMost));
  int count = wait_at_most(events.data(), most, timeout);
  // A process that was stopped and goes on (signal(7)): what came meanwhile belongs to this look.
  if (count < 0 && errno == EINTR) count = wait_at_most(events.data(), most, Nanos(0));
  if (count < 0) return errno == EINTR ? 0 : -errno;
  for (int i = 0; i < count; ++i) {
    const std::uint32_t got = events[static_cast<std::size_t>(i)].events;
    std::uint32_t flags = 0;
    if ((got & EPOLLIN) != 0) flags |= kReadable;
    if ((got & EPOLLOUT) != 0) flags |= kWritable;
    if ((got & EPOLLRDHUP) != 0) flags |= kPeerEnded;
    if ((got & (EPOLLERR | EPOLLHUP)) != 0) flags |= kFailed;
    void* token = events[static_cast<std::size_t>(i)].data.ptr;
    if (token == nullptr) woken_.exchange(false, std::memory_order_acq_rel);
    out[static_cast<std::size_t>(i)] = {.token = token, .flags = flags};
  }
  return count;
}

void EpollKernel::wake() {
  if (woken_.exchange(true, std::memory_order_acq_rel)) return;
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = ::write(event_, &one, sizeof one);
}

}  // namespace weir::io
