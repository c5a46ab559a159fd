// Upstreams that close connections at the worst moment, as plays: who may be asked again is, who may not is not.
#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "ledger.h"
#include "message.h"
#include "peer.h"
#include "stage.h"

namespace weir::simulated {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::string_view kEmptyPost = "POST /x HTTP/1.1\r\nHost: a.test\r\nContent-Length: 0\r\n\r\n";
constexpr std::string_view kPost = "POST /x HTTP/1.1\r\nHost: a.test\r\nContent-Length: 4\r\n\r\nbody";

// Answers the first request of each connection, and closes on the second without a byte.
struct ClosesOnReuse {
  int requests = 0;
  io::Task<> serve(Peer& peer) {
    for (int nth = 0; nth < 2; ++nth) {
      if ((co_await Stage::read(peer, Want::request)).state() != State::whole) co_return;
      ++requests;
      if (nth == 1 || !co_await peer.say(kHello, peer.now() + seconds(5))) co_return;
    }
  }
};

// The statuses of `count` requests, one after another on one connection as far as it carries.
std::string ask(Stage& stage, std::string_view request, int count) {
  std::string statuses;
  for (int asked = 0; asked < count;) {
    stage.client([&](Peer& peer) -> io::Task<> {
      while (asked < count && co_await peer.say(request, peer.now() + seconds(5))) {
        MessageReader answer = co_await Stage::read(peer, Want::answer);
        ++asked;
        statuses += answer.state() == State::whole ? std::to_string(answer.message().status()) + " " : "cut ";
        if (answer.state() != State::whole || answer.message().get("connection") == "close") co_return;
        (void)co_await stage.client_loop().sleep_for(milliseconds(10));
      }
    });
    EXPECT_TRUE(stage.run());
  }
  return statuses;
}

std::string times(int count, std::string_view text) {
  std::string all;
  while (count-- > 0) all += text;
  return all;
}

TEST(ClosingUpstreams, ThirtyOfThirtyGetsAreAnsweredThoughEveryReusedConnectionIsClosed) {
  ClosesOnReuse upstream;
  Stage stage;
  stage.upstream([&](Peer& peer, std::size_t) { return upstream.serve(peer); });
  EXPECT_EQ(ask(stage, kGet, 30), times(30, "200 "));
  EXPECT_EQ(upstream.requests, 30 + 29);   // each but the first was asked on a stale connection before
  stage.end();
  EXPECT_TRUE(stage.ledger.findings.empty());
}

TEST(ClosingUpstreams, APostThatMayHaveBeenReadIsNeverSentAgain) {
  for (const std::string_view post : {kEmptyPost, kPost}) {
    ClosesOnReuse upstream;
    Stage stage;
    stage.upstream([&](Peer& peer, std::size_t) { return upstream.serve(peer); });
    EXPECT_EQ(ask(stage, post, 10), times(5, "200 502 "));
    EXPECT_EQ(upstream.requests, 10);
    stage.end();
    EXPECT_TRUE(stage.ledger.findings.empty());
  }
}

TEST(ClosingUpstreams, AConnectionKnownToHaveEndedIsNotUsedAgain) {
  int requests = 0;
  Stage stage;
  stage.upstream([&](Peer& peer, std::size_t) -> io::Task<> {
    if ((co_await Stage::read(peer, Want::request)).state() != State::whole) co_return;
    ++requests;
    (void)co_await peer.say(kHello, peer.now() + seconds(5));
  });
  EXPECT_EQ(ask(stage, kPost, 20), times(20, "200 "));   // the end arrives within the 10 ms between two
  EXPECT_EQ(requests, 20);
  stage.end();
  EXPECT_TRUE(stage.ledger.findings.empty());
}

TEST(ClosingUpstreams, BytesThatNobodyAskedForRetireAnIdleConnection) {
  std::size_t connections = 0;
  Stage stage;
  stage.upstream([&](Peer& peer, std::size_t number) -> io::Task<> {
    connections = number + 1;
    while ((co_await Stage::read(peer, Want::request)).state() == State::whole) {
      (void)co_await peer.say(kHello, peer.now() + seconds(5));
      (void)co_await stage.upstream_loop().sleep_for(milliseconds(2));
      (void)co_await peer.say("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged", peer.now() + seconds(5));
    }
  });
  EXPECT_EQ(ask(stage, kGet, 10), times(10, "200 "));
  EXPECT_EQ(connections, 10u);
  for (const RecordSeen& seen : stage.ledger.records) EXPECT_EQ(seen.record.bytes_out, 5u);   // "hello", never "forged"
  stage.end();
  EXPECT_TRUE(stage.ledger.findings.empty());
}

}  // namespace
}  // namespace weir::simulated
