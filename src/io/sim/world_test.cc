#include "io/sim/world.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "io/listener.h"
#include "io/loop.h"
#include "io/mailbox.h"
#include "io/stream.h"

namespace weir::io::sim {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

const SocketAddress kServer = SocketAddress::parse("10.0.0.1:80").value();

Task<Result<>> say(Stream& to, std::string_view text, Deadline deadline) {
  const iovec piece{const_cast<char*>(text.data()), text.size()};
  co_return co_await to.write(std::span(&piece, 1), deadline);
}

Task<> echo(Stream stream) {
  for (;;) {
    auto bytes = co_await stream.read(stream.loop().now() + seconds(5));
    if (!bytes || bytes->empty()) co_return;
    const std::string copy(reinterpret_cast<const char*>(bytes->data()), bytes->size());
    auto sent = co_await say(stream, copy, stream.loop().now() + seconds(5));
    if (!sent) co_return;
  }
}

// An echo server on a process of its own.
struct Server {
  Loop loop;
  Listener listener;
  explicit Server(SimKernel& kernel) : loop(kernel) {
    listener = std::move(Listener::open(loop, kServer).value());
    loop.root().spawn([this]() -> Task<> {
      for (;;) {
        auto stream = co_await listener.accept(kNever);
        if (!stream) co_return;
        loop.root().spawn(echo, std::move(*stream));
      }
    });
  }
};

struct Outcome {
  int right = 0, failed = 0, wrong = 0;
};

// One client that sends `text` and must get exactly it back, or an error; never anything else.
Task<> one_client(Loop& loop, const std::string& text, Outcome& outcome) {
  const Deadline deadline = loop.now() + seconds(20);
  auto stream = co_await Stream::connect(loop, kServer, deadline);
  std::string got;
  bool failed = !stream;
  if (!failed) failed = !co_await say(*stream, text, deadline);
  while (!failed && got.size() < text.size()) {
    auto bytes = co_await stream->read(deadline);
    failed = !bytes || bytes->empty();
    if (!failed) got.append(reinterpret_cast<const char*>(bytes->data()), bytes->size());
  }
  const bool prefix = std::string_view(text).starts_with(got);
  ++(!prefix ? outcome.wrong : failed ? outcome.failed : outcome.right);
}

struct Storm {
  Outcome outcome;
  std::uint64_t trace;
  std::size_t open;
  Stamp ended;
};

Storm run_storm(std::uint64_t seed, SimOptions options, int clients) {
  SimWorld world(seed, options);
  Storm run{};
  {
    Server server(world.kernel("server"));
    Loop loop(world.kernel("clients"));
    std::vector<std::string> texts;
    for (int i = 0; i < clients; ++i)
      texts.push_back(std::string(static_cast<std::size_t>(1 + i * 997 % 30000),
                                  static_cast<char>('a' + i % 26)));
    for (const std::string& text : texts)
      loop.root().spawn(one_client, std::ref(loop), std::ref(text), std::ref(run.outcome));
    world.run({&server.loop, &loop}, world.now() + seconds(60),
              [&] { return loop.root().running() == 0; });
    EXPECT_EQ(loop.root().running(), 0u) << "seed " << seed;
    server.listener.close();
  }
  run.trace = world.trace_hash();
  run.ended = world.now();
  run.open = world.kernel("server").open_handles() + world.kernel("clients").open_handles();
  return run;
}

TEST(SimWorld, TheSameSeedIsTheSameRun) {
  const Storm first = run_storm(42, SimOptions::stormy(), 50);
  const Storm again = run_storm(42, SimOptions::stormy(), 50);
  const Storm other = run_storm(43, SimOptions::stormy(), 50);
  EXPECT_EQ(first.trace, again.trace);
  EXPECT_EQ(first.ended, again.ended);
  EXPECT_NE(first.trace, other.trace);
}

TEST(SimWorld, InAStormAnswersAreRightOrErrorsAndNothingLeaks) {
  Outcome sum;
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    const Storm run = run_storm(seed, SimOptions::stormy(), 20);
    EXPECT_EQ(run.outcome.wrong, 0) << "seed " << seed;
    EXPECT_EQ(run.outcome.right + run.outcome.failed, 20) << "seed " << seed;
    EXPECT_EQ(run.open, 0u) << "seed " << seed;
    sum.right += run.outcome.right;
    sum.failed += run.outcome.failed;
  }
  EXPECT_GT(sum.right, 60 * 20 / 2);
  EXPECT_GT(sum.failed, 60 * 20 / 100);
}

TEST(SimWorld, SplitsAndShortSendsAloneLoseNothing) {
  const SimOptions options{.delay_most = milliseconds(3),
                           .split = 900,
                           .short_send = 400,
                           .exhaust = 300,
                           .spurious = 300};
  for (std::uint64_t seed = 1; seed <= 20; ++seed)
    EXPECT_EQ(run_storm(seed, options, 20).outcome.right, 20) << "seed " << seed;
}

// A client that reads until something ends it, and what that was.
struct Heard {
  std::string text;
  std::string end;
};
Heard hear_scripted(const Script& script, std::string_view send) {
  SimWorld world(5);
  world.on_connect([&](const Connecting&, Script& of) { of = script; });
  Server server(world.kernel("server"));
  Loop loop(world.kernel("client"));
  Heard heard;
  loop.root().spawn([&]() -> Task<> {
    auto stream = co_await Stream::connect(loop, kServer, loop.now() + seconds(3));
    if (!stream) {
      heard.end = to_string(stream.error().kind);
      co_return;
    }
    (void)co_await say(*stream, send, loop.now() + seconds(3));
    for (;;) {
      auto bytes = co_await stream->read(loop.now() + seconds(3));
      if (!bytes || bytes->empty()) {
        heard.end = bytes ? "end" : to_string(bytes.error().kind);
        co_return;
      }
      heard.text.append(reinterpret_cast<const char*>(bytes->data()), bytes->size());
    }
  });
  world.run({&server.loop, &loop}, world.now() + seconds(30),
            [&] { return loop.root().running() == 0; });
  server.listener.close();
  return heard;
}

TEST(SimWorld, AScriptCutsAtItsByte) {
  for (std::uint64_t at : {0u, 1u, 5u, 10u}) {
    Script script;
    script.to_client.reset_after = at;
    Heard heard = hear_scripted(script, "0123456789");
    EXPECT_EQ(heard.text, std::string("0123456789").substr(0, at));
    EXPECT_EQ(heard.end, "reset");

    script = {};
    script.to_client.end_after = at;
    heard = hear_scripted(script, "0123456789");
    EXPECT_EQ(heard.text, std::string("0123456789").substr(0, at));
    EXPECT_EQ(heard.end, "end");

    script = {};
    script.to_client.stall_after = at;
    heard = hear_scripted(script, "0123456789");
    EXPECT_EQ(heard.text, std::string("0123456789").substr(0, at));
    EXPECT_EQ(heard.end, "timeout");
  }
}

TEST(SimWorld, AScriptRefusesAndLosesConnects) {
  Script script;
  script.refuse = true;
  EXPECT_EQ(hear_scripted(script, "x").end, "refused");
  script = {};
  script.lose = true;
  EXPECT_EQ(hear_scripted(script, "x").end, "timeout");
}

TEST(SimWorld, AKilledProcessResetsItsPeers) {
  SimWorld world(5);
  auto server = std::make_unique<Server>(world.kernel("server"));
  Loop loop(world.kernel("client"));
  std::string end;
  loop.root().spawn([&]() -> Task<> {
    auto stream = co_await Stream::connect(loop, kServer, loop.now() + seconds(3));
    if (!stream) co_return;
    auto bytes = co_await stream->read(loop.now() + seconds(30));
    end = bytes ? "bytes" : to_string(bytes.error().kind);
  });
  world.run({&server->loop, &loop}, world.now() + seconds(1));
  world.kill(world.kernel("server"));
  world.run({&server->loop, &loop}, world.now() + seconds(1));
  EXPECT_EQ(end, "reset");
  EXPECT_EQ(block_on(loop,
                     [&]() -> Task<ErrorKind> {
                       auto stream =
                           co_await Stream::connect(loop, kServer, loop.now() + seconds(3));
                       co_return stream ? ErrorKind::internal : stream.error().kind;
                     }),
            ErrorKind::refused);
  server->listener.close();
}

TEST(SimWorld, AListenerHandedOverLosesNoConnection) {
  SimWorld world(5);
  auto old_server = std::make_unique<Server>(world.kernel("old"));
  Loop new_loop(world.kernel("new"));
  Loop client(world.kernel("client"));
  int answered = 0;
  client.root().spawn([&]() -> Task<> {
    for (int i = 0; i < 100; ++i) {
      auto stream = co_await Stream::connect(client, kServer, client.now() + seconds(3));
      EXPECT_TRUE(stream) << i;
      if (!stream) co_return;
      const bool sent = (co_await say(*stream, "x", client.now() + seconds(3))).has_value();
      auto bytes = co_await stream->read(client.now() + seconds(3));
      answered += sent && bytes && bytes->size() == 1 ? 1 : 0;
    }
  });
  world.run({&old_server->loop, &client}, world.now() + milliseconds(20));
  Listener taken = std::move(Listener::adopt(new_loop, old_server->listener.descriptor()).value());
  old_server->listener.close();
  new_loop.root().spawn([&]() -> Task<> {
    for (;;) {
      auto stream = co_await taken.accept(kNever);
      if (!stream) co_return;
      new_loop.root().spawn(echo, std::move(*stream));
    }
  });
  world.run({&old_server->loop, &new_loop, &client}, world.now() + seconds(60),
            [&] { return client.root().running() == 0; });
  EXPECT_EQ(answered, 100);
  EXPECT_GT(taken.accepted(), 0u);
  taken.close();
}

TEST(SimWorld, LateWakesKeepTheOrderOfAMailbox) {
  SimWorld world(9, {.late_wake = 1000});
  Loop sender(world.kernel("sender"));
  Loop receiver(world.kernel("receiver"));
  Mailbox<int> box(receiver, 1000);
  std::vector<int> got;
  Stamp first_at{};
  const Stamp start = world.now();
  receiver.root().spawn([&]() -> Task<> {
    for (int i = 0; i < 100; ++i) {
      auto value = co_await box.receive(receiver.now() + seconds(5));
      EXPECT_TRUE(value);
      if (!value) co_return;
      if (got.empty()) first_at = receiver.now();
      got.push_back(*value);
    }
  });
  sender.root().spawn([&]() -> Task<> {
    for (int i = 0; i < 100; ++i) {
      EXPECT_TRUE(box.post(i));
      if (!co_await sender.sleep_for(milliseconds(i % 3))) co_return;
    }
  });
  world.run({&sender, &receiver}, world.now() + seconds(60),
            [&] { return receiver.root().running() == 0; });
  ASSERT_EQ(got.size(), 100u);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(got[static_cast<std::size_t>(i)], i);
  EXPECT_GT(first_at, start);
}

TEST(SimWorld, WallTimeMayStepWhileStampsGoOn) {
  SimWorld world(1);
  SimKernel& kernel = world.kernel("a");
  const WallTime before = kernel.wall();
  const Stamp stamp = kernel.now();
  world.step_wall(-std::chrono::hours(1));
  EXPECT_EQ(kernel.wall(), before - std::chrono::hours(1));
  EXPECT_EQ(kernel.now(), stamp);
}

// A loop that has nothing to do but a timer every 10 ms looks at the kernel a handful of times per
// timer, also with spinning allowed: credit is used up and never earned back.
TEST(Loop, AnIdleLoopHardlySpins) {
  SimWorld world(1);
  Loop loop(world.kernel("idle"), {.spin = kSpinMax});
  const Stamp start = world.now();
  int turns = 0;
  loop.root().spawn([&]() -> Task<> {
    while (co_await loop.sleep_for(milliseconds(10))) {
    }
  });
  while (world.now() < start + seconds(1)) {
    loop.turn(Nanos::max());
    ++turns;
  }
  EXPECT_LE(turns, 350);
}

}  // namespace
}  // namespace weir::io::sim
