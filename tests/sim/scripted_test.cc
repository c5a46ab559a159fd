// exchange() driven by sessions that are no HTTP/1 (scripted.h): the same decisions, transfers, retries and records.
#include "scripted.h"

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "fmt/core.h"
#include "message.h"
#include "peer.h"
#include "stage.h"

namespace weir::simulated {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// A stage whose clients are scripts, and whose upstream says back what it got.
struct Play : Stage {
  std::vector<std::unique_ptr<ScriptedSession>> sessions;
  std::vector<Message> received;   // by the upstream

  explicit Play(const std::string& yaml = plain_policy()) : Stage(yaml) {
    upstream([this](Peer& peer, std::size_t) { return say_back(peer); });
  }

  io::Task<> say_back(Peer& peer) {
    for (;;) {
      MessageReader request = co_await read(peer, MessageReader::Want::request);
      if (request.state() != MessageReader::State::whole) co_return;
      received.push_back(request.message());
      const std::string answer = fmt::format("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nKeep-Alive: 5\r\nX-Own: yes\r\n\r\n{:x}\r\n{}\r\n0\r\n\r\n",
                                             request.message().target().size(), request.message().target());
      if (!co_await peer.say(answer, peer.now() + seconds(9))) co_return;
    }
  }

  ScriptedSession& ask(ScriptedRequest request) {
    proxy::Worker& worker = gateway.worker(0);
    ScriptedSession& session = *sessions.emplace_back(std::make_unique<ScriptedSession>(worker.loop(), std::move(request)));
    worker.loop().post([&worker, &session] {
      worker.scope().spawn([&worker, &session]() -> io::Task<> {
        co_await worker.listeners().front()->handler().handle(session);
        session.done = true;
      });
    });
    return session;
  }

  bool until_done(Nanos at_most = seconds(30)) {
    const Stamp until = now() + at_most;
    while (now() < until) {
      wait(milliseconds(10));
      bool all = true;
      for (const auto& session : sessions) all = all && session->done;
      if (all) return true;
    }
    return false;
  }
  const ExchangeRecord& record() { return ledger.records.back().record; }
  void expect_clean() {
    end();
    for (const std::string& finding : ledger.findings) ADD_FAILURE() << finding;
  }
};

TEST(ScriptedSession, ARequestWithoutABytePassesAndItsAnswerComesAsValues) {
  Play play;
  ScriptedSession& session = play.ask({.path = "/over/there", .query = "a=1", .fields = {{"X-Mine", "1"}, {"Connection", "X-Mine"}}});
  ASSERT_TRUE(play.until_done());
  EXPECT_EQ(session.status, 200);
  EXPECT_EQ(session.body, "/over/there?a=1");
  EXPECT_TRUE(session.ended);
  EXPECT_EQ(session.framing.kind, http::Framing::Kind::chunked);
  EXPECT_EQ(session.field("x-own"), "yes");
  EXPECT_EQ(session.field("keep-alive"), "");
  EXPECT_EQ(session.field("x-request-id").size(), 32u);
  ASSERT_EQ(play.received.size(), 1u);
  EXPECT_TRUE(play.received[0].get("via").starts_with("2 weir (weir-")) << play.received[0].get("via");
  EXPECT_TRUE(play.received[0].get("cdn-loop").starts_with("weir-")) << play.received[0].get("cdn-loop");
  EXPECT_EQ(play.received[0].get("host"), "a.test");
  EXPECT_EQ(play.received[0].get("x-mine"), "");
  EXPECT_EQ(play.received[0].get("x-forwarded-for"), "192.0.2.7");
  EXPECT_EQ(play.record().status, 200);
  EXPECT_EQ(play.record().bytes_out, 15u);
  play.expect_clean();
}

TEST(ScriptedSession, ABodyThatComesInPartsArrivesWholeAtTheUpstream) {
  Play play;
  ScriptedRequest request{.method = "POST"};
  for (int i = 0; i < 20; ++i) request.body.push_back({.after = milliseconds(i % 3 * 20), .bytes = std::string(1000, static_cast<char>('a' + i))});
  ScriptedSession& session = play.ask(request);
  ASSERT_TRUE(play.until_done());
  EXPECT_EQ(session.status, 200);
  std::string sent;
  for (const auto& part : request.body) sent += part.bytes;
  ASSERT_EQ(play.received.size(), 1u);
  EXPECT_EQ(play.received[0].body, sent);
  EXPECT_EQ(play.record().bytes_in, sent.size());
  play.expect_clean();
}

TEST(ScriptedSession, ABodyThatBreaksOffIsARequestTimeoutAndNotWholeAtTheUpstream) {
  Play play;
  ScriptedSession& session = play.ask({.method = "POST", .body = {{.bytes = "first"}}, .breaks = milliseconds(300)});
  ASSERT_TRUE(play.until_done());
  EXPECT_EQ(session.status, 408);
  EXPECT_NE(session.body.find("request_timeout"), std::string::npos);
  EXPECT_TRUE(play.received.empty());
  EXPECT_EQ(play.record().cause, Cause::request_timeout);
  play.expect_clean();
}

TEST(ScriptedSession, RefusalsAndAnswersOfTheGatewayAreValuesToo) {
  std::string yaml = plain_policy();
  yaml += "  - {name: once, match: {path: /once}, upstream: main, limits: [one]}\n";
  yaml.insert(yaml.find("upstreams:"), "limits: [{name: one, key: client_ip, rate: 1/min, burst: 1}]\n");
  Play play(yaml);
  ScriptedSession& first = play.ask({.path = "/once"});
  ScriptedSession& second = play.ask({.path = "/once"});
  ScriptedSession& direct = play.ask({.path = "/direct"});
  ScriptedSession& odd = play.ask({.path = "/a%00b"});
  ASSERT_TRUE(play.until_done());
  EXPECT_EQ(first.status, 200);
  EXPECT_EQ(second.status, 429);
  EXPECT_EQ(second.field("content-type"), "application/problem+json");
  EXPECT_NE(second.field("retry-after"), "");
  EXPECT_EQ(direct.body, "here");
  EXPECT_EQ(odd.status, 400);
  EXPECT_TRUE(odd.closes);
  EXPECT_EQ(play.ledger.records.size(), 4u);
  play.expect_clean();
}

TEST(ScriptedSession, AClientThatLeavesEndsItsUpstreamsWork) {
  Play play;
  ScriptedSession& within = play.ask({.path = "/long/path", .leaves_at = 3});
  ASSERT_TRUE(play.until_done());
  EXPECT_EQ(play.record().cause, Cause::client_gone);
  EXPECT_FALSE(within.ended);

  bool cut = false;
  Play waiting;
  waiting.upstream([&](Peer& peer, std::size_t) -> io::Task<> {
    while (co_await peer.fill(peer.now() + seconds(20))) {}
    cut = peer.reading() == Peer::Reading::failed;
  });
  ScriptedSession& gone = waiting.ask({});
  waiting.wait(milliseconds(200));
  gone.leave();
  ASSERT_TRUE(waiting.until_done(seconds(1)));
  waiting.wait(milliseconds(50));
  EXPECT_TRUE(cut);
  EXPECT_EQ(gone.status, 0);
  EXPECT_EQ(waiting.record().cause, Cause::client_gone);
  waiting.expect_clean();
}

TEST(ScriptedSession, ATunnelCarriesBothWays) {
  Play play;
  std::string heard;
  play.upstream([&](Peer& peer, std::size_t) -> io::Task<> {
    while (peer.in.find("\r\n\r\n") == std::string::npos && co_await peer.fill(peer.now() + seconds(5))) {}
    peer.in.clear();
    (void)co_await peer.say("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\nwelcome", peer.now() + seconds(5));
    while (co_await peer.fill(peer.now() + seconds(5))) {}
    heard = peer.in;
    (void)co_await peer.say(" and goodbye", peer.now() + seconds(5));
  });
  ScriptedRequest request{.body = {{.after = milliseconds(50), .bytes = "one"}, {.after = milliseconds(50), .bytes = "two"}}, .websocket = true};
  ScriptedSession& session = play.ask(request);
  session.head().framing = {};   // the parts are the tunnel's, not a body's
  ASSERT_TRUE(play.until_done());
  EXPECT_EQ(session.status, 101);
  EXPECT_EQ(session.framing.kind, http::Framing::Kind::tunnel);
  EXPECT_EQ(session.body, "welcome and goodbye");
  EXPECT_EQ(heard, "onetwo");
  EXPECT_TRUE(session.ended);
  play.expect_clean();
}

TEST(ScriptedSession, AHundredAtOnceDoNotMixWithEachOther) {
  Play play;
  for (int i = 0; i < 100; ++i) {
    ScriptedRequest request{.method = i % 3 == 0 ? "POST" : "GET", .path = fmt::format("/number/{}", i), .pace = milliseconds(i % 5)};
    if (i % 3 == 0) request.body = {{.after = milliseconds(i % 7), .bytes = "a"}, {.after = milliseconds(i % 4), .bytes = "b"}};
    play.ask(std::move(request));
  }
  ASSERT_TRUE(play.until_done());
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(play.sessions[static_cast<std::size_t>(i)]->body, fmt::format("/number/{}", i));
  }
  EXPECT_EQ(play.ledger.records.size(), 100u);
  play.expect_clean();
}

}  // namespace
}  // namespace weir::simulated
