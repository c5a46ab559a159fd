// The runner on a simulated network, in virtual time, against figures worked out on paper.
#include "load/runner.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "io/listener.h"
#include "io/sim/world.h"
#include "load/mix.h"

namespace weir::load {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

const SocketAddress kServer = SocketAddress::parse("10.0.0.1:80").value();
constexpr std::string_view kAnswer = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

double ms(Nanos time) { return static_cast<double>(time.count()) / 1e6; }

// A server that answers at once, but for what is asked of it. Lives on the runner's own loop.
struct Server {
  io::Loop& loop;
  std::string answer{kAnswer};
  std::optional<std::pair<Nanos, Nanos>> stall;  // from, for how long; since `began`
  Nanos one_at_a_time{0};                        // each answer takes so long, one after the other
  int ends_before = 0;  // the n-th request of a connection is not answered: it ends
  Stamp began, busy_until;
  std::vector<Stamp> heads;
  io::Listener listener;

  explicit Server(io::Loop& on) : loop(on), began(on.now()), busy_until(on.now()) {
    listener = std::move(io::Listener::open(loop, kServer).value());
    loop.root().spawn([this]() -> io::Task<> {
      for (;;) {
        auto stream = co_await listener.accept(io::kNever);
        if (!stream) co_return;
        loop.root().spawn([this](io::Stream stream) { return serve(std::move(stream)); },
                          std::move(*stream));
      }
    });
  }

  io::Task<> serve(io::Stream stream) {
    std::string input;
    for (int number = 1;; ++number) {
      while (!input.ends_with("\r\n\r\n")) {
        auto bytes = co_await stream.read(io::kNever);
        if (!bytes || bytes->empty()) co_return;
        input.append(reinterpret_cast<const char*>(bytes->data()), bytes->size());
      }
      input.clear();
      heads.push_back(loop.now());
      if (number == ends_before) co_return;
      if (answer.empty()) {
        static_cast<void>(co_await loop.sleep_for(std::chrono::hours(1)));
        co_return;
      }
      if (stall && loop.now() >= began + stall->first &&
          loop.now() < began + stall->first + stall->second) {
        if (!co_await loop.sleep_until(began + stall->first + stall->second)) co_return;
      }
      if (one_at_a_time > Nanos(0)) {
        busy_until = std::max(busy_until, loop.now()) + one_at_a_time;
        if (!co_await loop.sleep_until(busy_until)) co_return;
      }
      const iovec piece{answer.data(), answer.size()};
      if (!co_await stream.write(std::span(&piece, 1), io::kNever)) co_return;
    }
  }
};

struct Stage {
  io::sim::SimWorld world{1};
  io::Loop loop{world.kernel("both")};

  Outcome run(double rate, Nanos length, RunnerOptions options = {},
              Arrivals arrivals = Arrivals::constant) {
    Mix mix(*Profile::constant(rate, length),
            {.requests = {{.name = "/", .head = head_of({.host = "a.test"})}},
             .schedule = {.arrivals = arrivals}});
    options.address = kServer;
    options.planned = length;
    Runner runner(loop, mix, options);
    return runner.run();
  }
};

std::uint64_t of(const Outcome& outcome, Ending ending) { return outcome.routes[0].of(ending); }

TEST(Runner, a_second_of_silence_at_1000_a_second_is_seen_as_the_arithmetic_says) {
  // 10,000 calls; the 1,000 due within the stall wait for its end, one 1 ms less than the one
  // before: 1,000, 999, … 1 ms. p99 is the 9,900th of all, so the 900th of them: 900 ms. p95: 500
  // ms. Their mean is 500.5 ms, a tenth of which is the mean of all. To each come two deliveries of
  // the simulated network (at most 0.8 ms) and those of the calls before that had to share 256
  // connections (four rounds).
  Stage stage;
  Server server(stage.loop);
  server.stall = {seconds(5), seconds(1)};
  const Outcome outcome = stage.run(1000, seconds(10));
  const Times& latency = outcome.routes[0].latency;
  EXPECT_EQ(outcome.routes[0].calls, 10'000u);
  EXPECT_EQ(of(outcome, Ending::answered), 10'000u);
  EXPECT_NEAR(ms(latency.quantile(0.99)), 900, 10);
  EXPECT_NEAR(ms(latency.quantile(0.95)), 500, 10);
  EXPECT_NEAR(ms(latency.longest), 1000, 5);
  EXPECT_NEAR(ms(latency.mean()), 50.05, 1);
  EXPECT_LT(ms(latency.quantile(0.89)), 1.5);
  // From when they were sent it is 256 calls, the first 256 ms of the stall: the server's own view
  // hides the rest.
  EXPECT_LT(ms(outcome.routes[0].service.quantile(0.95)), 1.5);
  // 744, and the few due while the rounds after the stall are under way.
  EXPECT_NEAR(static_cast<double>(outcome.generator.held), 744, 4);
  EXPECT_FALSE(outcome.generator.fell_behind());
  EXPECT_EQ(outcome.most_open - 256u, 256u);  // both ends are on this loop
}

TEST(Runner, a_closed_loop_hides_the_same_second) {
  Stage stage;
  Server server(stage.loop);
  server.stall = {seconds(5), seconds(1)};
  const Outcome outcome =
      stage.run(kMostRate, seconds(10), {.connections = 10, .closed_loop = true});
  EXPECT_GT(outcome.routes[0].calls, 50'000u);
  EXPECT_LT(ms(outcome.routes[0].latency.quantile(0.99)), 2);  // ten calls of them all were stalled
  EXPECT_NEAR(ms(outcome.routes[0].latency.longest), 1000, 5);
}

TEST(Runner, calls_go_out_when_they_are_due) {
  Stage stage;
  Server server(stage.loop);
  const Stamp began = stage.loop.now();
  const Outcome outcome = stage.run(1000, seconds(3));
  ASSERT_EQ(server.heads.size(), 3000u);
  // Call k is due at k ms; the first ones on their connections come after a handshake, all after a
  // delivery of at most 0.4 ms.
  for (std::size_t k = 100; k < 3000; ++k)
    ASSERT_NEAR(ms(server.heads[k] - began), static_cast<double>(k), 0.7) << k;
  EXPECT_DOUBLE_EQ(outcome.per_second(outcome.routes[0].sent()), 1000);
  EXPECT_EQ(outcome.seconds.size(), 3u);
}

TEST(Runner, a_queue_is_as_long_as_pollaczek_and_khinchine_say) {
  // Poisson calls at 25/s, 20 ms each, one at a time: half of the time busy, so a call waits
  // 0.5·20/(2·(1 − 0.5)) = 10 ms on average, and is there for 30 ms. The network adds 0.4 ms, the
  // timers of the server half a tick.
  Stage stage;
  Server server(stage.loop);
  server.one_at_a_time = milliseconds(20);
  const Outcome outcome = stage.run(25, seconds(2000), {}, Arrivals::poisson);
  EXPECT_NEAR(static_cast<double>(outcome.routes[0].calls), 50'000, 4 * 224);
  EXPECT_NEAR(ms(outcome.routes[0].latency.mean()), 30.8, 1.2);
}

TEST(Runner, who_never_answers_is_counted_to_the_last_call) {
  // 100/s for 2 s over 50 connections, 1 s each. The first 50 calls take them all until each times
  // out 1 s later, then the next 50 take them, and so on until 3 s: 50 + 50 timed out, the third 50
  // run until just then or are given up, and the last 50 never get one.
  Stage stage;
  Server server(stage.loop);
  server.answer.clear();
  const Outcome outcome = stage.run(100, seconds(2), {.connections = 50, .timeout = seconds(1)});
  EXPECT_EQ(outcome.routes[0].calls, 200u);
  EXPECT_EQ(outcome.routes[0].errors, 200u);
  EXPECT_EQ(
      of(outcome, Ending::timeout) + of(outcome, Ending::unfinished) + of(outcome, Ending::unsent),
      200u);
  EXPECT_GE(of(outcome, Ending::timeout), 100u);
  EXPECT_GE(of(outcome, Ending::unsent), 45u);
  EXPECT_EQ(outcome.routes[0].latency.histogram.count(), 200u)
      << "none may be left out of the quantiles";
  EXPECT_GE(ms(outcome.routes[0].latency.quantile(0.5)), 990);
  EXPECT_NEAR(ms(outcome.took), 3000, 5);
}

TEST(Runner, connections_that_end_after_each_answer_are_opened_anew) {
  Stage stage;
  Server server(stage.loop);
  server.answer = "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
  const Outcome outcome = stage.run(100, seconds(1));
  EXPECT_EQ(of(outcome, Ending::answered), 100u);
  EXPECT_EQ(outcome.opened, 100u);
}

TEST(Runner, a_kept_connection_that_ends_without_an_answer_is_no_error) {
  // RFC 9112 9.3.1: a request on a kept connection may meet its end, and is sent again.
  Stage stage;
  Server server(stage.loop);
  server.ends_before = 3;
  const Outcome outcome = stage.run(100, seconds(1));
  EXPECT_EQ(of(outcome, Ending::answered), 100u);
  EXPECT_NEAR(static_cast<double>(outcome.reopened), 49,
              2);  // two are answered on each but the last
}

TEST(Runner, a_new_connection_that_ends_without_an_answer_is_one) {
  Stage stage;
  Server server(stage.loop);
  server.ends_before = 1;
  const Outcome outcome = stage.run(100, seconds(1));
  EXPECT_EQ(of(outcome, Ending::closed), 100u);
}

TEST(Runner, nobody_listening_is_said) {
  Stage stage;
  const Outcome open = stage.run(100, seconds(1));
  EXPECT_EQ(of(open, Ending::connect), 100u);
  const Outcome closed = stage.run(kMostRate, seconds(1), {.connections = 2, .closed_loop = true});
  EXPECT_GT(of(closed, Ending::connect), 0u);
  EXPECT_LE(of(closed, Ending::connect), 2u * 100) << "10 ms between two tries";
}

TEST(Runner, bytes_that_are_no_http_are_errors) {
  for (const std::string_view garbage :
       {"hello\r\n\r\n", "HTTP/1.1 999999 X\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n"}) {
    Stage stage;
    Server server(stage.loop);
    server.answer = garbage;
    const Outcome outcome = stage.run(10, seconds(1));
    EXPECT_EQ(of(outcome, Ending::protocol), 10u) << garbage;
  }
}

TEST(Runner, answers_of_any_status_and_framing_are_read_whole) {
  Stage stage;
  Server server(stage.loop);
  server.answer =
      "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 503 Busy\r\ntransfer-encoding: "
      "chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
  const Outcome outcome = stage.run(10, seconds(1));
  EXPECT_EQ(outcome.routes[0].statuses[503], 10u);
  EXPECT_EQ(outcome.routes[0].errors, 10u);
  EXPECT_EQ(outcome.routes[0].bytes, 30u);
  EXPECT_EQ(outcome.opened, 1u);
}

TEST(Runner, an_interrupted_run_reports_what_there_is) {
  Stage stage;
  Server server(stage.loop);
  const Stamp began = stage.loop.now();
  const Outcome outcome = stage.run(
      1000, seconds(10), {.interrupted = [&] { return stage.loop.now() - began >= seconds(1); }});
  EXPECT_TRUE(outcome.interrupted);
  EXPECT_NEAR(static_cast<double>(outcome.routes[0].calls), 1000, 110);  // it is asked every 100 ms
  EXPECT_NEAR(outcome.per_second(outcome.routes[0].sent()), 1000, 5);
}

TEST(Runner, an_interrupted_closed_loop_ends_too) {
  Stage stage;
  Server server(stage.loop);
  const Stamp began = stage.loop.now();
  const Outcome outcome =
      stage.run(kMostRate, seconds(10), {.connections = 4, .closed_loop = true, .interrupted = [&] {
                                           return stage.loop.now() - began >= seconds(1);
                                         }});
  EXPECT_TRUE(outcome.interrupted);
  EXPECT_LT(ms(outcome.took), 1200);
}

}  // namespace
}  // namespace weir::load
