// The copier of ./dev bench: what no proxy on this machine can go below. It copies what a client sends to a kept connection
// of the backend and the answer back, with the fewest system calls there are for that, and reads none of it: no parsing, no
// rule, no timeout, no record. One thread, epoll, edge-triggered.
//   bench_copier PORT BACKEND      127.0.0.1 both; requests and answers of one segment each, one at a time a connection
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <vector>

namespace {

sockaddr_in loopback(const char* port) {
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_port = htons(static_cast<std::uint16_t>(std::atoi(port)));
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return at;
}

class Copier {
 public:
  Copier(int listener, const sockaddr_in& backend) : listener_(listener), backend_(backend), poller_(epoll_create1(EPOLL_CLOEXEC)) {
    watch(listener, EPOLLIN);
  }

  // Until the backend cannot be reached.
  void run() {
    std::array<epoll_event, 128> events;
    for (bool well = true; well;) {
      const int count = epoll_wait(poller_, events.data(), static_cast<int>(events.size()), -1);
      for (int i = 0; i < count && well; ++i) well = turn(events[static_cast<std::size_t>(i)].data.fd);
    }
  }

 private:
  enum class Kind : std::uint8_t { closed, client, upstream };
  struct Connection {
    Kind kind = Kind::closed;
    int peer = -1;                       // client: the upstream that works for it; upstream: for whom
  };

  void watch(int fd, std::uint32_t wanted) const {
    epoll_event event{.events = wanted, .data = {.fd = fd}};
    epoll_ctl(poller_, EPOLL_CTL_ADD, fd, &event);
  }
  Connection& at(int fd) {
    if (static_cast<std::size_t>(fd) >= connections_.size()) connections_.resize(static_cast<std::size_t>(fd) + 1024);
    return connections_[static_cast<std::size_t>(fd)];
  }
  void begin(int fd, Kind kind) {
    const int one = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    at(fd) = {.kind = kind};
    watch(fd, EPOLLIN | EPOLLRDHUP | EPOLLET);
  }

  bool turn(int fd) {
    if (fd == listener_) {
      if (const int client = accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC); client >= 0) begin(client, Kind::client);
      return true;
    }
    const ssize_t got = recv(fd, piece_.data(), piece_.size(), MSG_DONTWAIT);
    if (got < 0 && errno == EAGAIN) return true;
    if (got <= 0) {
      end(fd);
      return true;
    }
    if (at(fd).kind == Kind::client && at(fd).peer < 0 && !lease(fd)) return false;
    const int to = at(fd).peer;
    if (to >= 0) send(to, piece_.data(), static_cast<std::size_t>(got), MSG_NOSIGNAL);
    if (at(fd).kind == Kind::upstream && to >= 0) {
      at(to).peer = at(fd).peer = -1;
      free_.push_back(fd);
    }
    return true;
  }

  // An upstream for this client: the one that was free last, or a new one.
  bool lease(int client) {
    int upstream;
    if (!free_.empty()) {
      upstream = free_.back();
      free_.pop_back();
    } else {
      upstream = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
      if (upstream < 0 || connect(upstream, reinterpret_cast<const sockaddr*>(&backend_), sizeof backend_) != 0) return false;
      begin(upstream, Kind::upstream);
    }
    at(upstream).peer = client;
    at(client).peer = upstream;
    return true;
  }

  void end(int fd) {
    const int peer = at(fd).peer;
    if (at(fd).kind == Kind::upstream) std::erase(free_, fd);
    at(fd) = {};
    close(fd);
    if (peer < 0 || at(peer).kind == Kind::closed) return;
    at(peer).peer = -1;
    end(peer);                           // what one of the two had begun is of no use without the other
  }

  const int listener_;
  const sockaddr_in backend_;
  const int poller_;
  std::vector<Connection> connections_;  // by descriptor
  std::vector<int> free_;
  std::array<char, 64 << 10> piece_;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fputs("usage: bench_copier PORT BACKEND\n", stderr);
    return 2;
  }
  const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  const sockaddr_in own = loopback(argv[1]);
  if (bind(listener, reinterpret_cast<const sockaddr*>(&own), sizeof own) != 0 || listen(listener, 4096) != 0) {
    std::perror("bench_copier");
    return 1;
  }
  Copier(listener, loopback(argv[2])).run();
  std::perror("bench_copier: the backend");
  return 1;
}
