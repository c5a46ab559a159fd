// What the simulation found, each as a small play of its own, with the seed of weir_sim that showed it first. (The seeds
// meant this as the scenarios were drawn then.)
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "fmt/core.h"
#include "ledger.h"
#include "message.h"
#include "peer.h"
#include "stage.h"

namespace weir::simulated {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::string_view kDirect = "GET /direct HTTP/1.1\r\nHost: a.test\r\n\r\n";

std::string post(std::size_t size, std::string_view more = {}) {
  return fmt::format("POST /x HTTP/1.1\r\nHost: a.test\r\n{}Content-Length: {}\r\n\r\n", more, size);
}
// Reads requests and answers each with hello.
io::Task<> be_kind(Peer& peer) {
  for (;;) {
    MessageReader request = co_await Stage::read(peer, Want::request);
    if (request.state() != State::whole || !co_await peer.say(kHello, later(peer))) co_return;
  }
}

void expect_clean(Stage& stage) {
  stage.end();
  for (const std::string& finding : stage.ledger.findings) ADD_FAILURE() << finding;
}

// Seed 70: the listener's place in the new policy was looked up by its number in the old one, beyond the end.
TEST(Found, ARequestOnAListenerThatAReloadTookAwayIsAnsweredAndIsTheLast) {
  Stage stage(plain_policy("  - {name: inner, address: 10.1.0.1:81}\n"));
  stage.upstream([](Peer& peer, std::size_t) { return be_kind(peer); });
  std::string connection;
  stage.client([&](Peer& peer) -> io::Task<> {
    (void)co_await peer.say(kGet.substr(0, 20), later(peer));
    (void)co_await stage.client_loop().sleep_for(milliseconds(100));
    (void)co_await peer.say(kGet.substr(20), later(peer));
    MessageReader answer = co_await Stage::read(peer, Want::answer);
    EXPECT_EQ(answer.state(), State::whole) << answer.problem();
    connection = answer.message().get("connection");
  }, "10.1.0.1:81");
  stage.wait(milliseconds(50));
  ASSERT_TRUE(stage.gateway.publish(plain_policy()));
  ASSERT_TRUE(stage.run());
  EXPECT_EQ(connection, "close");
  expect_clean(stage);
}

// Seed 1905: "100 Continue" could not be written whole yet when the upstream answered; two writers on one stream ended
// the process.
TEST(Found, AnEarlyAnswerWaitsUntilTheWordToGoOnIsOut) {
  std::size_t size = 0;
  {
    Stage stage;
    stage.client([&](Peer& peer) -> io::Task<> {
      (void)co_await peer.say(kDirect, later(peer));
      (void)co_await peer.fill(later(peer));
      size = peer.in.size();
    });
    ASSERT_TRUE(stage.run());
  }
  io::sim::SimOptions narrow;
  narrow.buffer = 4 * size + 10;   // four answers and a part of "HTTP/1.1 100 Continue"
  Stage stage(plain_policy(), narrow);
  stage.upstream([](Peer& peer, std::size_t) -> io::Task<> {
    (void)co_await peer.fill(later(peer));
    (void)co_await peer.say(kHello, later(peer));
    while (co_await peer.fill(later(peer))) {}
  });
  stage.client([&](Peer& peer) -> io::Task<> {
    std::string all;
    for (int i = 0; i < 4; ++i) all += kDirect;
    all += post(1000, "Expect: 100-continue\r\n");
    (void)co_await peer.say(all, later(peer));
    (void)co_await stage.client_loop().sleep_for(milliseconds(500));
    std::vector<int> seen;
    for (int i = 0; i < 6; ++i) {
      MessageReader answer = co_await Stage::read(peer, Want::answer);
      EXPECT_EQ(answer.state(), State::whole) << answer.problem();
      seen.push_back(answer.message().status());
    }
    EXPECT_EQ(seen, (std::vector<int>{200, 200, 200, 200, 100, 200}));
  });
  ASSERT_TRUE(stage.run());
  expect_clean(stage);
}

// Seed 39: the client was gone before it could be told to go on; the exchange waited for its upstream for ever.
TEST(Found, AClientThatIsGoneBeforeItIsToldToGoOnEndsItsExchange) {
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    Stage stage(plain_policy(), {}, seed);
    stage.upstream([](Peer& peer, std::size_t) -> io::Task<> { while (co_await peer.fill(later(peer))) {} });
    stage.client([&](Peer& peer) -> io::Task<> {
      (void)co_await peer.say(post(1000, "Expect: 100-continue\r\n"), later(peer));
      (void)co_await stage.client_loop().sleep_for(std::chrono::microseconds(500));
      peer.reset();
    });
    ASSERT_TRUE(stage.run());
    stage.wait(seconds(2));
    ASSERT_EQ(stage.ledger.records.size(), 1u);
    EXPECT_EQ(stage.ledger.records[0].record.cause, Cause::client_gone);
    EXPECT_LT(stage.ledger.records[0].record.total_time, seconds(1));
    expect_clean(stage);
  }
}

// Seeds 751 and 1040: an upstream that stopped taking a long request held it for ever; no timeout covered the sending.
TEST(Found, AnUpstreamThatTakesNothingOfARequestIsGivenUp) {
  Stage stage;
  stage.upstream([&](Peer&, std::size_t) -> io::Task<> { (void)co_await stage.upstream_loop().sleep_for(seconds(40)); });
  stage.client([&](Peer& peer) -> io::Task<> {
    const std::string request = post(400'000) + std::string(400'000, 'x');
    (void)co_await peer.say(request, later(peer));
  });
  int status = 0;
  stage.client([&](Peer& peer) -> io::Task<> {
    (void)co_await peer.say(post(100'000) + std::string(100'000, 'x'), later(peer));
    status = (co_await Stage::read(peer, Want::answer)).message().status();
  });
  ASSERT_TRUE(stage.run(seconds(30)));
  EXPECT_EQ(status, 504);
  ASSERT_EQ(stage.ledger.records.size(), 2u);
  for (const RecordSeen& seen : stage.ledger.records) {
    EXPECT_EQ(seen.record.cause, Cause::response_timeout);
    EXPECT_LT(seen.record.total_time, seconds(5));
  }
  expect_clean(stage);
}

// Seed 14: the record of an exchange that went well named the timeout of its first, failed attempt.
TEST(Found, ATimeoutOfAnAttemptThatWasMadeGoodIsNotOnRecord) {
  std::string yaml = plain_policy();
  yaml.replace(yaml.find("[10.2.0.1:9001]"), 15, "[10.2.0.9:1, 10.2.0.1:9001]");
  Stage stage(yaml);
  stage.world.on_connect([](const io::sim::Connecting& connecting, io::sim::Script& script) { script.lose = connecting.to.port == 1; });
  stage.upstream([](Peer& peer, std::size_t) { return be_kind(peer); });
  stage.client([&](Peer& peer) -> io::Task<> {
    for (int i = 0; i < 2; ++i) {
      (void)co_await peer.say(kGet, later(peer));
      EXPECT_EQ((co_await Stage::read(peer, Want::answer)).message().status(), 200);
    }
  });
  ASSERT_TRUE(stage.run());
  std::size_t attempts = 0;
  for (const RecordSeen& seen : stage.ledger.records) {
    attempts += seen.record.attempts;
    EXPECT_EQ(seen.record.timeout_phase, Phase::none);
    EXPECT_EQ(seen.record.timeout_line, 0u);
  }
  EXPECT_EQ(attempts, 3u);
  expect_clean(stage);
}

// Seed 3911: cut() took the stream while an answer was being written; the request pipelined behind it was judged, and
// asked the stream for its peer.
TEST(Found, ARequestPipelinedBehindACutAnswerIsNotJudged) {
  io::sim::SimOptions narrow;
  narrow.buffer = 100;
  Stage stage(plain_policy(), narrow);
  stage.client([&](Peer& peer) -> io::Task<> {
    (void)co_await peer.say(std::string(kDirect) + std::string(kDirect), later(peer));
    (void)co_await stage.client_loop().sleep_for(milliseconds(200));
  });
  stage.wait(milliseconds(100));
  stage.gateway.cut();
  ASSERT_TRUE(stage.run());
  EXPECT_EQ(stage.ledger.records.size(), 1u);
  expect_clean(stage);
}

// RFC 9112 9.6: a client's system may throw away what it has not read when a reset comes. So these clients read late.
io::sim::SimOptions erasing(std::size_t buffer) {
  io::sim::SimOptions options;
  options.reset_erases = 1000;
  options.buffer = buffer;
  return options;
}

// Seed 1087: a drained connection was closed with the next request unread, and the reset of that took the end of the
// answer along. Seed 1784: the same where the answer said that the connection closes.
TEST(Found, DrainingDoesNotTakeTheEndOfAnAnswerAlong) {
  for (const bool before_the_answer : {false, true}) {
    Stage stage(plain_policy(), erasing(4096));
    const std::string body(30'000, 'b');
    stage.upstream([&](Peer& peer, std::size_t) -> io::Task<> {
      (void)co_await peer.fill(later(peer));
      (void)co_await stage.upstream_loop().sleep_for(milliseconds(50));
      const std::string answer = fmt::format("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{}", body.size(), body);
      (void)co_await peer.say(answer, later(peer));
      while (co_await peer.fill(later(peer))) {}
    });
    stage.client([&](Peer& peer) -> io::Task<> {
      (void)co_await peer.say(kGet, later(peer));
      (void)co_await stage.client_loop().sleep_for(milliseconds(200));
      (void)co_await peer.say(kGet, later(peer));   // before it has read the answer
      MessageReader answer(Want::answer);
      do {
        answer.read(peer.in);
        (void)co_await stage.client_loop().sleep_for(milliseconds(20));
      } while (answer.state() != State::whole && co_await peer.fill(later(peer)));
      EXPECT_EQ(answer.state(), State::whole) << answer.message().body.size() << " bytes, " << before_the_answer;
    });
    stage.wait(milliseconds(before_the_answer ? 20 : 150));
    stage.gateway.drain();
    EXPECT_TRUE(stage.run());
  }
}

// Seed 1784: who does not know yet that its connection closes may have sent its next request.
TEST(Found, AnAnswerThatClosesIsNotLostToARequestOnItsWay) {
  Stage stage(plain_policy(), erasing(65536));
  stage.upstream([](Peer& peer, std::size_t) { return be_kind(peer); });
  stage.client([&](Peer& peer) -> io::Task<> {
    (void)co_await peer.say(kGet.substr(0, 10), later(peer));
    (void)co_await stage.client_loop().sleep_for(milliseconds(50));
    (void)co_await peer.say(kGet.substr(10), later(peer));
    (void)co_await stage.client_loop().sleep_for(milliseconds(3));
    (void)co_await peer.say(kGet, later(peer));
    (void)co_await stage.client_loop().sleep_for(milliseconds(100));
    EXPECT_EQ((co_await Stage::read(peer, Want::answer)).state(), State::whole);
  });
  stage.wait(milliseconds(20));
  stage.gateway.drain();
  ASSERT_TRUE(stage.run());
}

// Seed 1453: an answer that broke reset the connection, and whole answers before it were lost on their way.
TEST(Found, AnAnswerThatBreaksDoesNotTakeThoseBeforeItAlong) {
  Stage stage(plain_policy(), erasing(65536));
  stage.upstream([&](Peer& peer, std::size_t) -> io::Task<> {
    (void)co_await peer.fill(later(peer));
    (void)co_await peer.say(kHello.substr(0, kHello.size() - 2), later(peer));
  });
  stage.client([&](Peer& peer) -> io::Task<> {
    (void)co_await peer.say(std::string(kDirect) + std::string(kGet), later(peer));
    (void)co_await stage.client_loop().sleep_for(milliseconds(100));
    MessageReader first = co_await Stage::read(peer, Want::answer);
    EXPECT_EQ(first.state(), State::whole) << first.problem();
    MessageReader second = co_await Stage::read(peer, Want::answer);
    EXPECT_NE(second.state(), State::whole);
    EXPECT_NE(peer.reading(), Peer::Reading::late);
  });
  ASSERT_TRUE(stage.run());
  expect_clean(stage);
}

// Found beside it: a reset is told once. When the writer of the request was told, the reader of the answer saw an end, and
// an answer that ends with its connection counted as whole.
TEST(Found, AnAnswerCutByAResetIsNotWholeBecauseTheWriterWasTold) {
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    Stage stage(plain_policy(), {}, seed);
    stage.upstream([&](Peer& peer, std::size_t) -> io::Task<> {
      (void)co_await peer.fill(later(peer));
      (void)co_await peer.say("HTTP/1.1 200 OK\r\n\r\nonly the beginning", later(peer));
      (void)co_await stage.upstream_loop().sleep_for(milliseconds(20));
      peer.reset();
    });
    stage.client([&](Peer& peer) -> io::Task<> {
      const std::string request = post(400'000) + std::string(400'000, 'x');
      (void)co_await peer.say(request, peer.now() + milliseconds(200));   // more than anybody takes
      MessageReader answer = co_await Stage::read(peer, Want::answer);
      EXPECT_NE(answer.state(), State::whole) << "seed " << seed;
    });
    ASSERT_TRUE(stage.run());
  }
}

// Found beside it: after a failed upload no body of an answer was read on, and what came of it piled up in memory.
TEST(Found, AnAnswerIsPassedOnThoughItsUpstreamTookOnlyAPartOfTheRequest) {
  io::sim::SimOptions narrow;
  narrow.buffer = 4096;
  Stage stage(plain_policy(), narrow);
  const std::string body(6000, 'b');
  stage.upstream([&](Peer& peer, std::size_t) -> io::Task<> {
    (void)co_await peer.fill(later(peer));
    (void)co_await peer.say("HTTP/1.1 413 Content Too Large\r\nContent-Length: 6000\r\n\r\n" + body, later(peer));
    (void)co_await stage.upstream_loop().sleep_for(milliseconds(50));
    peer.reset();   // the request's writer is told; what came of the answer is still there
  });
  stage.client([&](Peer& peer) -> io::Task<> {
    const std::string request = post(400'000) + std::string(400'000, 'x');
    (void)co_await peer.say(request, peer.now() + milliseconds(300));
    MessageReader answer = co_await Stage::read(peer, Want::answer);
    EXPECT_EQ(answer.state(), State::whole) << answer.problem();
    EXPECT_EQ(answer.message().body, body);
  });
  ASSERT_TRUE(stage.run());
  expect_clean(stage);
}

// Seed 80: the answer promised to keep a connection that the rest of a long request body was about to end.
TEST(Found, AnAnswerBeforeTheEndOfALongBodySaysThatTheConnectionCloses) {
  Stage stage;
  stage.client([&](Peer& peer) -> io::Task<> {
    (void)co_await peer.say("POST /direct HTTP/1.1\r\nHost: a.test\r\nContent-Length: 200000\r\n\r\n", later(peer));
    MessageReader answer = co_await Stage::read(peer, Want::answer);
    EXPECT_EQ(answer.message().status(), 200);
    EXPECT_EQ(answer.message().get("connection"), "close");
  });
  ASSERT_TRUE(stage.run());
  expect_clean(stage);
}

}  // namespace
}  // namespace weir::simulated
