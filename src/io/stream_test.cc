// The same cases on the system's loopback, on a calm simulated network, and on one that splits at
// any byte.
#include "io/stream.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "io/epoll_kernel.h"
#include "io/listener.h"
#include "io/loop.h"
#include "io/sim/world.h"
#include "io/stream_state.h"

namespace weir::io {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

struct OnLinux {
  EpollKernel kernel;
  Loop loop{kernel};
  static constexpr std::int64_t kSlack = 500;  // of milliseconds: the machine may be busy
};
struct OnUnixSockets : OnLinux {
  SocketAddress address =
      SocketAddress::parse("unix:/tmp/weir_stream_test_" + std::to_string(getpid())).value();
  ~OnUnixSockets() { ::unlink(address.unix_path.c_str()); }
};
struct Simulated {
  sim::SimWorld world{7};
  Loop loop{world.kernel("test")};
  static constexpr std::int64_t kSlack = 20;
};
struct Splitting {
  sim::SimWorld world{11, {.split = 900, .short_send = 300, .spurious = 200}};
  Loop loop{world.kernel("test")};
  static constexpr std::int64_t kSlack = 40;
};

template <class World>
class StreamOn : public ::testing::Test {
 public:
  StreamOn() {
    SocketAddress address = SocketAddress::parse("127.0.0.1:0").value();
    if constexpr (requires { world_.address; }) address = world_.address;
    auto listener = Listener::open(loop(), address);
    EXPECT_TRUE(listener) << (listener ? "" : to_string(listener.error()));
    listener_ = std::move(*listener);
  }
  ~StreamOn() override { listener_.close(); }
  Loop& loop() { return world_.loop; }
  Stamp in(Nanos time) { return loop().now() + time; }

  struct Pair {
    Stream client;
    Stream server;
  };
  Task<Pair> pair() {
    auto client = co_await Stream::connect(loop(), listener_.local(), in(seconds(5)));
    EXPECT_TRUE(client) << (client ? "" : to_string(client.error()));
    auto server = co_await listener_.accept(in(seconds(5)));
    EXPECT_TRUE(server) << (server ? "" : to_string(server.error()));
    co_return Pair{.client = std::move(*client), .server = std::move(*server)};
  }

  World world_;
  Listener listener_;
};

using Worlds = ::testing::Types<OnLinux, OnUnixSockets, Simulated, Splitting>;
TYPED_TEST_SUITE(StreamOn, Worlds);

Task<Result<>> say(Stream& to, std::string_view text, Deadline deadline = kNever) {
  const iovec piece{const_cast<char*>(text.data()), text.size()};
  co_return co_await to.write(std::span(&piece, 1), deadline);
}

// Reads until `count` bytes are there or the peer ends.
Task<Result<std::string>> hear(Stream& from, std::size_t count, Deadline deadline = kNever) {
  std::string text;
  while (text.size() < count) {
    auto bytes = co_await from.read(deadline);
    if (!bytes) co_return std::unexpected(bytes.error());
    if (bytes->empty()) break;
    text.append(reinterpret_cast<const char*>(bytes->data()), bytes->size());
  }
  co_return text;
}

std::string pattern(std::size_t size) {
  std::string text(size, '\0');
  for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<char>((i * 2654435761u) >> 13);
  return text;
}

#define ASSERT_CO(condition)    \
  do {                          \
    const bool held(condition); \
    EXPECT_TRUE(held);          \
    if (!held) co_return;       \
  } while (false)

TYPED_TEST(StreamOn, CarriesBytesBothWays) {
  block_on(this->loop(), [&]() -> Task<> {
    auto [client, server] = co_await this->pair();
    ASSERT_CO(co_await say(client, "question"));
    auto question = co_await hear(server, 8);
    ASSERT_CO(question && *question == "question");
    const std::string_view parts[] = {"an", "", "swer"};
    std::vector<iovec> pieces;
    for (auto part : parts) pieces.push_back({const_cast<char*>(part.data()), part.size()});
    auto sent = co_await server.write(pieces, kNever);
    ASSERT_CO(sent);
    auto answer = co_await hear(client, 6);
    ASSERT_CO(answer && *answer == "answer");
    EXPECT_EQ(client.bytes_out(), 8u);
    EXPECT_EQ(client.bytes_in(), 6u);
    EXPECT_EQ(this->loop().connections(), 2u);
  });
  EXPECT_EQ(this->loop().connections(), 0u);
}

TYPED_TEST(StreamOn, CarriesMegabytesInOrderWhileBothSidesTalk) {
  const std::string text = pattern(3'000'000);
  const auto pour = [&](Stream& into) -> Task<> {
    for (std::size_t at = 0; at < text.size(); at += 200'000) {
      auto sent =
          co_await say(into, std::string_view(text).substr(at, 200'000), this->in(seconds(60)));
      EXPECT_TRUE(sent);
      if (!sent) break;
    }
    into.end_sending();
  };
  const auto drink = [&](Stream& from) -> Task<> {
    auto got = co_await hear(from, text.size() + 1, this->in(seconds(60)));
    EXPECT_TRUE(got && *got == text);
  };
  block_on(this->loop(), [&]() -> Task<> {
    auto [client, server] = co_await this->pair();
    Scope scope(this->loop());
    for (Stream* stream : {&client, &server}) {
      scope.spawn(pour, std::ref(*stream));
      scope.spawn(drink, std::ref(*stream));
    }
    co_await scope.join();
  });
}

TYPED_TEST(StreamOn, SaysTheEndAsOftenAsAsked) {
  block_on(this->loop(), [&]() -> Task<> {
    auto [client, server] = co_await this->pair();
    ASSERT_CO(co_await say(client, "x"));
    client.end_sending();
    auto all = co_await hear(server, 100);
    ASSERT_CO(all && *all == "x");
    for (int i = 0; i < 3; ++i) {
      auto end = co_await server.read(kNever);
      ASSERT_CO(end && end->empty());
    }
    EXPECT_TRUE(server.peer_ended());
    ASSERT_CO(co_await say(server, "still here"));  // half-closed: the other direction lives
    auto answer = co_await hear(client, 10);
    ASSERT_CO(answer && *answer == "still here");
  });
}

TYPED_TEST(StreamOn, ADeadlineEndsAReadAndTheStreamLivesOn) {
  block_on(this->loop(), [&]() -> Task<> {
    auto [client, server] = co_await this->pair();
    const Stamp before = this->loop().now();
    auto late = co_await server.read(this->in(milliseconds(20)));
    ASSERT_CO(!late && late.error().kind == ErrorKind::timeout);
    EXPECT_GE(this->loop().now() - before, milliseconds(20));
    EXPECT_LT(this->loop().now() - before, milliseconds(20 + TypeParam::kSlack));
    ASSERT_CO(co_await say(client, "after all"));
    auto text = co_await hear(server, 9, this->in(seconds(10)));
    ASSERT_CO(text && *text == "after all");
  });
}

TYPED_TEST(StreamOn, AnEarlierDeadlineAfterALaterOneStillHolds) {
  block_on(this->loop(), [&]() -> Task<> {
    auto [client, server] = co_await this->pair();
    ASSERT_CO(co_await say(client, "x"));
    auto text = co_await hear(server, 1, this->in(seconds(3600)));
    ASSERT_CO(text);
    auto late = co_await server.read(this->in(milliseconds(10)));
    ASSERT_CO(!late && late.error().kind == ErrorKind::timeout);
    EXPECT_LT(late.error().context.size(), 100u);
    auto later = co_await server.read(this->in(milliseconds(30)));
    ASSERT_CO(!later && later.error().kind == ErrorKind::timeout);
  });
}

TYPED_TEST(StreamOn, AWriteToAPeerThatDoesNotReadEndsAtItsDeadlineAndTearsTheStream) {
  block_on(this->loop(), [&]() -> Task<> {
    auto [client, server] = co_await this->pair();
    const std::string text = pattern(Stream::kWriteMax);
    Result<> sent;
    for (int i = 0; i < 200 && sent; ++i)
      sent = co_await say(client, text, this->in(milliseconds(30)));
    ASSERT_CO(!sent && sent.error().kind == ErrorKind::timeout);
    auto again = co_await say(client, "x", this->in(milliseconds(30)));
    ASSERT_CO(!again && again.error().kind == ErrorKind::reset);
  });
}

TYPED_TEST(StreamOn, APaceEndsAWriteToAPeerThatReadsTooSlowly) {
  block_on(this->loop(), [&]() -> Task<> {
    auto [client, server] = co_await this->pair();
    const std::string text = pattern(Stream::kWriteMax);
    MinRate rate = MinRate::start(this->loop().now(), milliseconds(40), 1'000'000'000);
    Result<> sent;
    const iovec piece{const_cast<char*>(text.data()), text.size()};
    for (int i = 0; i < 200 && sent; ++i)
      sent = co_await client.write(std::span(&piece, 1), kNever, &rate);
    ASSERT_CO(!sent && sent.error().kind == ErrorKind::timeout);
  });
}

TYPED_TEST(StreamOn, RefusesAWriteBeyondItsBound) {
  block_on(this->loop(), [&]() -> Task<> {
    auto [client, server] = co_await this->pair();
    const std::string text(Stream::kWriteMax + 1, 'x');
    auto sent = co_await say(client, text);
    EXPECT_TRUE(!sent && sent.error().kind == ErrorKind::too_large);
    EXPECT_TRUE(co_await say(client, "fine"));
    EXPECT_TRUE(co_await client.write({}, kNever));  // nothing is nothing
  });
}

TYPED_TEST(StreamOn, ClosingEndsBothWaitsOnce) {
  block_on(this->loop(), [&]() -> Task<> {
    auto [client, server] = co_await this->pair();
    int reads = 0, writes = 0;
    Scope scope(this->loop());
    scope.spawn([&]() -> Task<> {
      auto bytes = co_await client.read(kNever);
      ++reads;
      EXPECT_TRUE(!bytes && bytes.error().kind == ErrorKind::closed);
    });
    scope.spawn([&]() -> Task<> {
      const std::string text = pattern(Stream::kWriteMax);
      Result<> sent;
      while (sent) sent = co_await say(client, text);
      ++writes;
      EXPECT_EQ(sent.error().kind, ErrorKind::closed);
    });
    auto slept = co_await this->loop().sleep_for(milliseconds(20));
    EXPECT_TRUE(slept);
    client.close();
    co_await scope.join();
    EXPECT_EQ(reads, 1);
    EXPECT_EQ(writes, 1);
  });
}

TYPED_TEST(StreamOn, WhatIsAskedOfAClosedStreamIsAnsweredWithClosed) {
  block_on(this->loop(), [&]() -> Task<> {
    auto [client, server] = co_await this->pair();
    client.close();
    client.close();
    auto bytes = co_await client.read(kNever);
    EXPECT_TRUE(!bytes && bytes.error().kind == ErrorKind::closed);
    auto sent = co_await say(client, "x");
    EXPECT_TRUE(!sent && sent.error().kind == ErrorKind::closed);
    client.end_sending();
    client.on_readable_while_idle(nullptr, nullptr);
    EXPECT_TRUE(client.peer_ended() && client.failed() && !client.has_unread());
    EXPECT_FALSE(client.local());
    this->listener_.close();
    auto none = co_await this->listener_.accept(kNever);
    EXPECT_TRUE(!none && none.error().kind == ErrorKind::closed);
  });
}

TYPED_TEST(StreamOn, CancellingEndsBothWaitsAndLeavesTheStreamToItsOwner) {
  block_on(this->loop(), [&]() -> Task<> {
    auto [client, server] = co_await this->pair();
    auto [writing, deaf] = co_await this->pair();
    int ended = 0;
    Scope scope(this->loop());
    scope.spawn([&]() -> Task<> {
      auto bytes = co_await client.read(kNever);
      ended += !bytes && bytes.error().kind == ErrorKind::cancelled ? 1 : 0;
      auto sent = co_await say(client, "no more");
      ended += !sent && sent.error().kind == ErrorKind::cancelled ? 1 : 0;
    });
    scope.spawn([&]() -> Task<> {
      const std::string text = pattern(Stream::kWriteMax);
      Result<> sent;
      while (sent) sent = co_await say(writing, text);
      ended += sent.error().kind == ErrorKind::cancelled ? 1 : 0;
    });
    scope.spawn([&]() -> Task<> {
      auto stream = co_await this->listener_.accept(kNever);
      ended += !stream && stream.error().kind == ErrorKind::cancelled ? 1 : 0;
    });
    auto slept = co_await this->loop().sleep_for(milliseconds(20));
    EXPECT_TRUE(slept);
    scope.cancel();
    co_await scope.join();
    EXPECT_EQ(ended, 4);
    EXPECT_TRUE(client.valid());
    client.close();
  });
}

TYPED_TEST(StreamOn, ACancelledScopeCannotConnect) {
  block_on(this->loop(), [&]() -> Task<> {
    Scope scope(this->loop());
    bool ended = false;
    scope.spawn([&]() -> Task<> {
      auto stream = co_await Stream::connect(this->loop(), this->listener_.local(), kNever);
      ended = stream || stream.error().kind ==
                            ErrorKind::cancelled;  // a unix socket connects without waiting
    });
    scope.cancel();
    co_await scope.join();
    EXPECT_TRUE(ended);
  });
}

TYPED_TEST(StreamOn, ConnectingToNobodyIsRefused) {
  SocketAddress nobody = this->listener_.local();
  this->listener_.close();
  const auto stream = block_on(this->loop(), [&]() -> Task<Result<>> {
    auto made = co_await Stream::connect(this->loop(), nobody, this->in(seconds(5)));
    if (!made) co_return std::unexpected(made.error());
    co_return Result<>{};
  });
  ASSERT_FALSE(stream);
  EXPECT_EQ(stream.error().kind, ErrorKind::refused);
  EXPECT_TRUE(stream.error().retryable);
  EXPECT_NE(stream.error().context.find(to_string(nobody)), std::string::npos)
      << stream.error().context;
}

TYPED_TEST(StreamOn, AResetReachesThePeerAsOne) {
  if (std::is_same_v<TypeParam, OnUnixSockets>) GTEST_SKIP() << "unix sockets know no reset";
  block_on(this->loop(), [&]() -> Task<> {
    auto [client, server] = co_await this->pair();
    client.reset();
    auto bytes = co_await server.read(this->in(seconds(5)));
    EXPECT_TRUE(!bytes && bytes.error().kind == ErrorKind::reset);
    EXPECT_TRUE(server.failed());
    auto sent = co_await say(server, "anyone?", this->in(seconds(5)));
    EXPECT_TRUE(!sent && sent.error().kind == ErrorKind::reset);
  });
}

TYPED_TEST(StreamOn, AnnouncesWhatComesWhileIdleOnce) {
  block_on(this->loop(), [&]() -> Task<> {
    auto [client, server] = co_await this->pair();
    int announced = 0;
    const auto count = [](void* context) { ++*static_cast<int*>(context); };
    client.on_readable_while_idle(count, &announced);
    const bool reports_may_be_spurious = std::is_same_v<TypeParam, Splitting>;
    if (!reports_may_be_spurious) EXPECT_FALSE(client.has_unread());
    ASSERT_CO(co_await say(server, "unasked"));
    auto slept = co_await this->loop().sleep_for(milliseconds(20));
    EXPECT_TRUE(slept);
    EXPECT_EQ(announced, 1);
    EXPECT_TRUE(client.has_unread());
    auto text = co_await hear(client, 7);
    ASSERT_CO(text && *text == "unasked");
    if (!reports_may_be_spurious) EXPECT_FALSE(client.has_unread());

    client.on_readable_while_idle(count, &announced);
    client.on_readable_while_idle(nullptr, nullptr);
    server.close();
    slept = co_await this->loop().sleep_for(milliseconds(20));
    EXPECT_EQ(announced, 1);
    EXPECT_TRUE(client.has_unread());
    EXPECT_TRUE(client.peer_ended());
  });
}

TYPED_TEST(StreamOn, AnIdleStreamMayBeClosedByItsAnnouncement) {
  block_on(this->loop(), [&]() -> Task<> {
    auto [client, server] = co_await this->pair();
    client.on_readable_while_idle([](void* stream) { static_cast<Stream*>(stream)->close(); },
                                  &client);
    ASSERT_CO(co_await say(server, "x"));
    auto end = co_await hear(server, 1, this->in(seconds(5)));
    EXPECT_FALSE(client.valid());
    EXPECT_TRUE(!end || end->empty());
  });
}

// `count` servers wait to begin something; their clients have said one byte each, in order, when `then` is heard by one
// that was under way already. `begun(i)` runs in their places.
template <class Test, class Begun, class Then>
Task<> begin_many(Test& test, std::size_t count, Begun begun, Then then) {
  std::vector<typename Test::Pair> pairs;
  for (std::size_t i = 0; i < count; ++i) pairs.push_back(co_await test.pair());
  auto [client, server] = co_await test.pair();
  Scope scope(test.loop());
  scope.spawn([&]() -> Task<> {
    auto heard = co_await server.read(kNever);
    EXPECT_TRUE(heard);
    then(scope, pairs);
  });
  for (std::size_t i = 0; i < count; ++i) {
    scope.spawn([&, i]() -> Task<> { begun(i, co_await pairs[i].server.read_to_begin(test.in(seconds(60)))); });
  }
  auto yielded = co_await test.loop().sleep_for(milliseconds(2));   // all of them wait
  const auto speak = [](Stream& from) -> Task<> { EXPECT_TRUE(co_await say(from, "x")); };   // each for itself: all in one turn
  Scope speaking(test.loop());
  for (auto& each : pairs) speaking.spawn(speak, std::ref(each.client));
  speaking.spawn(speak, std::ref(client));
  co_await speaking.join();
  co_await scope.join();
}

TYPED_TEST(StreamOn, WhatBeginsGoesBehindWhatIsUnderWayAFewATurnAndInOrder) {
  constexpr std::size_t kCount = 2 * Loop::kBeginningsPerTurn + 5;
  std::vector<std::size_t> order;
  std::vector<Stamp> turns;
  block_on(this->loop(), [&]() -> Task<> {
    co_await begin_many(*this, kCount,
      [&](std::size_t i, auto bytes) {
        EXPECT_TRUE(bytes && !bytes->empty());
        order.push_back(i);
        turns.push_back(this->loop().now());
      },
      [](Scope& scope, auto& pairs) {   // who says more while it stands in the queue keeps its place
        const auto more = [](Stream& from) -> Task<> { EXPECT_TRUE(co_await say(from, "y")); };
        if constexpr (std::is_same_v<TypeParam, OnLinux>) scope.spawn(more, std::ref(pairs[Loop::kBeginningsPerTurn + 8].client));
      });
  });
  EXPECT_EQ(order.size(), kCount);
  if constexpr (std::is_same_v<TypeParam, OnLinux>) {   // elsewhere what was said first may come later
    EXPECT_TRUE(std::ranges::is_sorted(order));
    std::map<Stamp, std::size_t> begun;
    for (Stamp turn : turns) EXPECT_LE(++begun[turn], Loop::kBeginningsPerTurn);
  }
}

TYPED_TEST(StreamOn, WhatWaitsForItsTurnToBeginIsCancelledAndClosedLikeAnyWait) {
  constexpr std::size_t kCount = Loop::kBeginningsPerTurn + 2;
  for (const bool close : {false, true}) {
    std::size_t ended = 0, begun = 0;
    block_on(this->loop(), [&]() -> Task<> {
      co_await begin_many(*this, kCount,
        [&](std::size_t, auto bytes) {
          ++(bytes ? begun : ended);
          if (!bytes) EXPECT_EQ(bytes.error().kind, close ? ErrorKind::closed : ErrorKind::cancelled);
        },
        [&](Scope& scope, auto& pairs) {
          if (!close) return scope.cancel();
          for (auto& each : pairs) each.server.close();
        });
    });
    EXPECT_EQ(begun + ended, kCount);
    if constexpr (std::is_same_v<TypeParam, OnLinux>) EXPECT_GE(ended, 2u) << "they came before it and had not begun";
  }
}

// A loop that stood still: what came in the meantime has waited, what comes afterwards has not.
TEST(Stream, KnowsSinceWhenTheBytesOfABeginningWait) {
  EpollKernel kernel;
  Loop loop(kernel);
  auto listener = Listener::open(loop, SocketAddress::parse("127.0.0.1:0").value());
  ASSERT_TRUE(listener);
  block_on(loop, [&]() -> Task<> {
    auto client = co_await Stream::connect(loop, listener->local(), kNever);
    auto server = co_await listener->accept(kNever);
    ASSERT_CO(client && server);
    for (const Nanos still : {milliseconds(100), milliseconds(0)}) {
      Nanos waited{-1};
      Scope scope(loop);
      scope.spawn([&]() -> Task<> {   // a loop that means to wait for ever is never late
        while (waited < Nanos(0)) co_await loop.sleep_for(milliseconds(1));
      });
      scope.spawn([&]() -> Task<> {
        ReadAwaiter read = server->read_to_begin(kNever);
        auto bytes = co_await read;
        EXPECT_TRUE(bytes);
        waited = loop.now() - read.came();
      });
      co_await loop.sleep_for(milliseconds(5));
      ASSERT_CO(co_await say(*client, "x"));
      std::this_thread::sleep_for(still);
      co_await scope.join();
      if (still > Nanos(0)) EXPECT_GE(waited, milliseconds(80)) << "to a tick of at most 10 ms";
      EXPECT_LT(waited, still + milliseconds(500));
    }
  });
}

// Two streams become ready in one turn; whoever is served first closes the other, whose event is
// already fetched.
TYPED_TEST(StreamOn, AnEventFetchedForAClosedStreamTouchesNothing) {
  block_on(this->loop(), [&]() -> Task<> {
    std::vector<std::unique_ptr<Stream>> clients;
    std::vector<Stream> servers;
    for (int i = 0; i < Loop::kImmediate - 1; ++i) {  // so many writes are one turn's
      auto [client, server] = co_await this->pair();
      clients.push_back(std::make_unique<Stream>(std::move(client)));
      servers.push_back(std::move(server));
    }
    int served = 0;
    Scope scope(this->loop());
    for (auto& mine : clients) {
      scope.spawn(
          [&](Stream* stream) -> Task<> {
            auto bytes = co_await stream->read(kNever);
            if (!bytes) co_return;
            ++served;
            for (auto& other : clients) {
              if (other.get() != stream) other.reset();
            }
          },
          mine.get());
    }
    co_await this->loop().yield();
    for (Stream& server : servers) {
      ASSERT_CO(co_await say(server, "x"));
    }
    co_await scope.join();
    EXPECT_EQ(served, 1);
  });
}

TYPED_TEST(StreamOn, AFloodDoesNotStarveTheOthers) {
  block_on(this->loop(), [&]() -> Task<> {
    auto [client, server] = co_await this->pair();
    bool done = false;
    Scope scope(this->loop());
    scope.spawn([&]() -> Task<> {
      const std::string text = pattern(Stream::kWriteMax);
      while (!done) {
        auto sent = co_await say(client, text, this->in(seconds(5)));
        if (!sent) co_return;
      }
      client.end_sending();
    });
    scope.spawn([&]() -> Task<> {
      for (;;) {
        auto bytes = co_await server.read(this->in(seconds(5)));
        if (!bytes || bytes->empty()) co_return;
      }
    });
    auto slept = co_await this->loop().sleep_for(milliseconds(20));
    EXPECT_TRUE(slept);
    done = true;
    co_await scope.join();
  });
}

TYPED_TEST(StreamOn, AcceptsACrowd) {
  constexpr int kCrowd = 200;
  block_on(this->loop(), [&]() -> Task<> {
    int served = 0;
    Scope scope(this->loop());
    for (int i = 0; i < kCrowd; ++i) {
      scope.spawn([&]() -> Task<> {
        auto client =
            co_await Stream::connect(this->loop(), this->listener_.local(), this->in(seconds(20)));
        EXPECT_TRUE(client) << (client ? "" : to_string(client.error()));
        if (!client) co_return;
        auto text = co_await hear(*client, 2, this->in(seconds(20)));
        served += text && *text == "hi" ? 1 : 0;
      });
    }
    for (int i = 0; i < kCrowd; ++i) {
      auto stream = co_await this->listener_.accept(this->in(seconds(20)));
      ASSERT_CO(stream);
      ASSERT_CO(co_await say(*stream, "hi"));
    }
    co_await scope.join();
    EXPECT_EQ(served, kCrowd);
    EXPECT_EQ(this->listener_.accepted(), static_cast<std::uint64_t>(kCrowd));
  });
}

TYPED_TEST(StreamOn, AcceptHasItsDeadlineAndEndsWithItsListener) {
  block_on(this->loop(), [&]() -> Task<> {
    auto late = co_await this->listener_.accept(this->in(milliseconds(10)));
    EXPECT_TRUE(!late && late.error().kind == ErrorKind::timeout);
    Scope scope(this->loop());
    ErrorKind kind = ErrorKind::internal;
    scope.spawn([&]() -> Task<> {
      auto none = co_await this->listener_.accept(kNever);
      if (!none) kind = none.error().kind;
    });
    co_await this->loop().yield();
    co_await this->loop().yield();
    this->listener_.close();
    co_await scope.join();
    EXPECT_EQ(kind, ErrorKind::closed);
  });
}

TYPED_TEST(StreamOn, ConnectionsWaitWhileNobodyAccepts) {
  block_on(this->loop(), [&]() -> Task<> {
    auto client =
        co_await Stream::connect(this->loop(), this->listener_.local(), this->in(seconds(5)));
    ASSERT_CO(client);
    auto slept =
        co_await this->loop().sleep_for(milliseconds(30));  // the listener is paused meanwhile
    EXPECT_TRUE(slept);
    auto server = co_await this->listener_.accept(this->in(seconds(5)));
    ASSERT_CO(server);
    ASSERT_CO(co_await say(*server, "late"));
    auto text = co_await hear(*client, 4, this->in(seconds(5)));
    EXPECT_TRUE(text && *text == "late");
  });
}

TEST(StreamState, FitsTwoCacheLines) { EXPECT_EQ(sizeof(StreamState), 128u); }

}  // namespace
}  // namespace weir::io
