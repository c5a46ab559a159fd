// The backend of ./dev bench: the cheapest honest HTTP/1.1 server, so that what is measured is the proxy before it.
//   bench_backend PORT      one thread, epoll, 127.0.0.1, keep-alive
//   GET /N                  200 with N bytes (at most 16 MiB); any other path: 2 bytes
// It trusts its peers, which are the proxies under test: a head is whatever ends in an empty line, bodies are not read.
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

namespace {

constexpr std::size_t kMaxAnswer = 16u << 20;

struct Connection {
  std::string input;              // a head that has not ended yet; empty almost always
  std::string_view to_send;       // the rest of an answer that the socket did not take
  std::size_t owed = 0;           // further pipelined answers of the same size
  const std::string* answer = nullptr;
  bool blocked = false;           // waiting for the socket to take more
};

class Backend {
 public:
  explicit Backend(int listener) : listener_(listener), poller_(epoll_create1(EPOLL_CLOEXEC)) { watch(listener, EPOLLIN, EPOLL_CTL_ADD); }

  [[noreturn]] void run() {
    std::array<epoll_event, 512> events;
    for (;;) {
      const int count = epoll_wait(poller_, events.data(), static_cast<int>(events.size()), -1);
      for (int i = 0; i < count; ++i) {
        if (events[static_cast<std::size_t>(i)].data.fd == listener_) {
          accept_all();
        } else {
          serve(events[static_cast<std::size_t>(i)].data.fd, events[static_cast<std::size_t>(i)].events);
        }
      }
    }
  }

 private:
  void watch(int fd, std::uint32_t what, int operation) {
    epoll_event event{.events = what, .data = {.fd = fd}};
    epoll_ctl(poller_, operation, fd, &event);
  }

  void accept_all() {
    int fd;
    while ((fd = accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
      const int on = 1;
      setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      connections_[fd] = std::make_unique<Connection>();
      watch(fd, EPOLLIN, EPOLL_CTL_ADD);
    }
  }

  void drop(int fd) {
    connections_.erase(fd);
    close(fd);
  }

  const std::string& answer_for(std::string_view head) {
    std::size_t size = 2;
    const std::size_t slash = head.find('/');
    if (slash != std::string_view::npos) std::from_chars(head.data() + slash + 1, head.data() + head.size(), size);
    size = std::min(size, kMaxAnswer);
    std::string& answer = answers_[size];
    if (answer.empty()) {
      answer = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: " + std::to_string(size) + "\r\n\r\n" + std::string(size, 'x');
    }
    return answer;
  }

  void serve(int fd, std::uint32_t events) {
    Connection& c = *connections_[fd];
    if ((events & EPOLLOUT) != 0) return send_rest(fd, c);
    const ssize_t got = recv(fd, buffer_.data(), buffer_.size(), 0);
    if (got <= 0) {
      if (got == 0 || errno != EAGAIN) drop(fd);
      return;
    }
    std::string_view input(buffer_.data(), static_cast<std::size_t>(got));
    if (!c.input.empty()) input = c.input.append(input);
    std::size_t end;
    while ((end = input.find("\r\n\r\n")) != std::string_view::npos) {
      const std::string& answer = answer_for(input.substr(0, end));
      input.remove_prefix(end + 4);
      if (c.answer == nullptr) {
        c.answer = &answer;
        c.to_send = answer;
      } else {
        ++c.owed;   // wrk and the proxies do not pipeline; kept right for who does
      }
    }
    c.input = std::string(input);
    if (c.answer != nullptr) send_rest(fd, c);
  }

  void send_rest(int fd, Connection& c) {
    for (;;) {
      const ssize_t sent = send(fd, c.to_send.data(), c.to_send.size(), MSG_NOSIGNAL);
      if (sent < 0 && errno != EAGAIN) return drop(fd);
      const bool partial = sent < static_cast<ssize_t>(c.to_send.size());
      if (sent > 0) c.to_send.remove_prefix(static_cast<std::size_t>(sent));
      if (partial) {
        if (!c.blocked) watch(fd, EPOLLOUT, EPOLL_CTL_MOD);
        c.blocked = true;
        return;
      }
      if (c.owed == 0) break;
      --c.owed;
      c.to_send = *c.answer;
    }
    c.answer = nullptr;
    if (c.blocked) {
      c.blocked = false;
      watch(fd, EPOLLIN, EPOLL_CTL_MOD);
    }
  }

  const int listener_, poller_;
  std::array<char, 64 * 1024> buffer_;
  std::unordered_map<int, std::unique_ptr<Connection>> connections_;
  std::map<std::size_t, std::string> answers_;   // by size; stable addresses
};

}  // namespace

int main(int argc, char** argv) {
  sockaddr_in local{};
  local.sin_family = AF_INET;
  local.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  local.sin_port = htons(static_cast<std::uint16_t>(argc == 2 ? std::atoi(argv[1]) : 0));
  const int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  const int on = 1;
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (local.sin_port == 0 || bind(listener, reinterpret_cast<sockaddr*>(&local), sizeof local) != 0 || listen(listener, 4096) != 0) {
    std::fprintf(stderr, "usage: bench_backend PORT (a free one)\n");
    return 1;
  }
  std::make_unique<Backend>(listener)->run();
}
