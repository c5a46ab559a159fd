// Which trigger mode? A pass-through between two sockets on one epoll, as a proxy has it, driven by
// the same thread: per exchange two receives, two sends, and the waits between. Modes:
// level-triggered; edge-triggered for input; edge for input and output at once; level-triggered
// with a probing read. Items: exchanges. Figures: docs/design/003.
#include <benchmark/benchmark.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "base/check.h"
#include "io/epoll_kernel.h"
#include "io/listener.h"
#include "io/loop.h"
#include "io/stream.h"

namespace weir::io {
namespace {

constexpr std::size_t kMessage = 100;

enum Mode : std::int64_t { kLevel, kEdgeIn, kEdgeInOut, kLevelProbing };

std::pair<int, int> tcp_pair() {
  const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  WEIR_CHECK(::bind(listener, reinterpret_cast<sockaddr*>(&address), size) == 0 &&
             ::listen(listener, 1) == 0);
  ::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size);
  const int client = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  WEIR_CHECK(::connect(client, reinterpret_cast<sockaddr*>(&address), size) == 0);
  const int server = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
  ::close(listener);
  for (int descriptor : {client, server}) {
    const int on = 1;
    ::setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    ::fcntl(descriptor, F_SETFL, O_NONBLOCK);
  }
  return {client, server};
}

// `range(1)` connections, all ready in each round: the client ends write, the epoll side echoes,
// the client ends read.
void Echo(benchmark::State& state) {
  const auto mode = static_cast<Mode>(state.range(0));
  const auto count = static_cast<std::size_t>(state.range(1));
  const int epoll = ::epoll_create1(EPOLL_CLOEXEC);
  std::vector<std::pair<int, int>> pairs(count);
  for (auto& [client, server] : pairs) {
    std::tie(client, server) = tcp_pair();
    epoll_event event{};
    event.events = EPOLLIN | EPOLLRDHUP;
    if (mode == kEdgeIn) event.events |= EPOLLET;
    if (mode == kEdgeInOut) event.events |= EPOLLET | EPOLLOUT;
    event.data.fd = server;
    ::epoll_ctl(epoll, EPOLL_CTL_ADD, server, &event);
  }
  std::array<char, 65536> buffer{};
  std::array<epoll_event, 128> events{};
  for (auto _ : state) {
    for (const auto& [client, server] : pairs)
      WEIR_CHECK(::send(client, buffer.data(), kMessage, MSG_NOSIGNAL) == kMessage);
    for (std::size_t served = 0; served < count;) {
      const int ready = ::epoll_wait(epoll, events.data(), 128, -1);
      for (int i = 0; i < ready; ++i) {
        const int server = events[static_cast<std::size_t>(i)].data.fd;
        if ((events[static_cast<std::size_t>(i)].events & EPOLLIN) == 0) continue;
        const ssize_t got = ::recv(server, buffer.data(), buffer.size(), 0);
        if (got <= 0) continue;
        if (mode == kLevelProbing)
          benchmark::DoNotOptimize(::recv(server, buffer.data(), buffer.size(), 0));
        WEIR_CHECK(::send(server, buffer.data(), static_cast<std::size_t>(got), MSG_NOSIGNAL) ==
                   got);
        ++served;
      }
    }
    for (const auto& [client, server] : pairs)
      WEIR_CHECK(::recv(client, buffer.data(), buffer.size(), 0) == kMessage);
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(count));
  for (const auto& [client, server] : pairs) {
    ::close(client);
    ::close(server);
  }
  ::close(epoll);
}
BENCHMARK(Echo)
    ->ArgNames({"mode", "connections"})
    ->Args({kLevel, 1})
    ->Args({kEdgeIn, 1})
    ->Args({kEdgeInOut, 1})
    ->Args({kLevelProbing, 1})
    ->Args({kLevel, 64})
    ->Args({kEdgeIn, 64})
    ->Args({kEdgeInOut, 64})
    ->Args({kLevelProbing, 64})
    ->Args({kLevel, 1000})
    ->Args({kEdgeIn, 1000})
    ->Args({kEdgeInOut, 1000})
    ->Args({kLevelProbing, 1000});

// The same work on Loop, Stream and coroutines: the difference to Echo in kEdgeIn is what they
// cost.
void EchoOnStreams(benchmark::State& state) {
  const auto count = static_cast<std::size_t>(state.range(0));
  EpollKernel kernel;
  Loop loop(kernel);
  const auto unlimited = [&] { return loop.now() + std::chrono::seconds(60); };
  std::size_t served = 0;
  std::vector<int> clients;
  {
    Listener listener =
        std::move(Listener::open(loop, SocketAddress::parse("127.0.0.1:0").value()).value());
    loop.root().spawn([&]() -> Task<> {
      Scope scope(loop);
      while (auto stream = co_await listener.accept(kNever)) {
        scope.spawn(
            [&](Stream accepted) -> Task<> {
              for (;;) {
                auto bytes = co_await accepted.read(unlimited());
                if (!bytes || bytes->empty()) co_return;
                const iovec piece{const_cast<std::byte*>(bytes->data()), bytes->size()};
                if (!co_await accepted.write(std::span(&piece, 1), unlimited())) co_return;
                ++served;
              }
            },
            std::move(*stream));
      }
      co_await scope.join();
    });
    for (std::size_t i = 0; i < count; ++i) {
      sockaddr_in address{};
      address.sin_family = AF_INET;
      address.sin_port = htons(listener.local().port);
      address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
      clients.push_back(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
      WEIR_CHECK(::connect(clients.back(), reinterpret_cast<sockaddr*>(&address), sizeof address) ==
                 0);
      const int on = 1;
      ::setsockopt(clients.back(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      while (loop.connections() < i + 1) loop.turn(Nanos::max());
    }
    std::array<char, 65536> buffer{};
    for (auto _ : state) {
      for (int client : clients)
        WEIR_CHECK(::send(client, buffer.data(), kMessage, MSG_NOSIGNAL) == kMessage);
      served = 0;
      while (served < count) loop.turn(Nanos::max());
      for (int client : clients)
        WEIR_CHECK(::recv(client, buffer.data(), buffer.size(), 0) == kMessage);
    }
    for (int client : clients) ::close(client);
    while (loop.connections() > 0) loop.turn(Nanos::max());
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(count));
}
BENCHMARK(EchoOnStreams)->ArgName("connections")->Arg(1)->Arg(64)->Arg(1000);

}  // namespace
}  // namespace weir::io
