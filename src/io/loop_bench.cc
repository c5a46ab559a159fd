// Spinning before sleeping: what one connection gains in latency and what it costs the loop's
// thread; and what an idle loop costs with it. Counters: server_us is the CPU time of the loop's
// thread per message, idle_percent its share of a core. Meaningful only with a core for each of the
// two threads.
#include <benchmark/benchmark.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <thread>
#include <utility>

#include "base/check.h"
#include "io/epoll_kernel.h"
#include "io/listener.h"
#include "io/loop.h"
#include "io/stream.h"

namespace weir::io {
namespace {

double cpu_seconds(clockid_t clock) {
  timespec at{};
  clock_gettime(clock, &at);
  return static_cast<double>(at.tv_sec) + static_cast<double>(at.tv_nsec) / 1e9;
}

void RoundTrip(benchmark::State& state) {
  std::atomic<int> port{0};
  std::atomic<Loop*> running{nullptr};
  std::jthread server([&] {
    EpollKernel kernel;
    Loop loop(kernel, {.spin = std::chrono::microseconds(state.range(0))});
    Listener listener =
        std::move(Listener::open(loop, SocketAddress::parse("127.0.0.1:0").value()).value());
    port = listener.local().port;
    running = &loop;
    loop.root().spawn([&]() -> Task<> {
      auto stream = co_await listener.accept(kNever);
      while (stream) {
        auto bytes = co_await stream->read(loop.now() + std::chrono::seconds(60));
        if (!bytes || bytes->empty()) break;
        const iovec piece{const_cast<std::byte*>(bytes->data()), bytes->size()};
        if (!co_await stream->write(std::span(&piece, 1), kNever)) break;
      }
    });
    loop.run();
  });
  while (running == nullptr) std::this_thread::yield();
  clockid_t server_clock{};
  WEIR_CHECK(pthread_getcpuclockid(server.native_handle(), &server_clock) == 0);
  const int client = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  WEIR_CHECK(::connect(client, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
  const int on = 1;
  ::setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  std::array<char, 100> message{};
  const double before = cpu_seconds(server_clock);
  for (auto _ : state) {
    WEIR_CHECK(::send(client, message.data(), message.size(), MSG_NOSIGNAL) == 100);
    WEIR_CHECK(::recv(client, message.data(), message.size(), MSG_WAITALL) == 100);
  }
  state.counters["server_us"] =
      1e6 * (cpu_seconds(server_clock) - before) / static_cast<double>(state.iterations());
  ::close(client);
  running.load()->stop();
}
BENCHMARK(RoundTrip)->ArgName("spin_us")->Arg(0)->Arg(50)->UseRealTime();

// One second with nothing but a timer every 10 ms, as a worker's watermark has it.
void IdleSecond(benchmark::State& state) {
  EpollKernel kernel;
  Loop loop(kernel, {.spin = std::chrono::microseconds(state.range(0))});
  loop.root().spawn([&]() -> Task<> {
    while (co_await loop.sleep_for(std::chrono::milliseconds(10))) {
    }
  });
  double used = 0;
  for (auto _ : state) {
    const double before = cpu_seconds(CLOCK_THREAD_CPUTIME_ID);
    const Stamp end = loop.refresh() + std::chrono::seconds(1);
    while (loop.now() < end) loop.turn(Nanos::max());
    used += cpu_seconds(CLOCK_THREAD_CPUTIME_ID) - before;
  }
  state.counters["idle_percent"] = 100 * used / static_cast<double>(state.iterations());
}
BENCHMARK(IdleSecond)->ArgName("spin_us")->Arg(0)->Arg(50)->Iterations(2)->UseRealTime();

}  // namespace
}  // namespace weir::io
