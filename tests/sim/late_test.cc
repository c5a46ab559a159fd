// Late probes (src/proxy/late_probe.h), played out: what is found, what is not asked, and what ends one early.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "decide/late.h"
#include "fmt/core.h"
#include "ledger.h"
#include "message.h"
#include "peer.h"
#include "stage.h"

namespace weir::simulated {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// With `text` in the upstream of the plain policy.
std::string policy_with(std::string_view text) {
  std::string yaml = plain_policy();
  return yaml.replace(yaml.find("endpoints:"), 10, fmt::format("{}, endpoints:", text));
}

struct Play : Stage {
  std::vector<int> statuses;   // that clients saw
  Stamp first = Stamp::max(), last = Stamp::min();   // the upstream's answers

  explicit Play(const std::string& yaml = plain_policy()) : Stage(yaml) {}

  // Each request is answered so much after it came, with these bytes.
  void answers(Nanos after, std::string bytes) {
    upstream([this, after, bytes](Peer& peer, std::size_t) -> io::Task<> {
      for (;;) {
        MessageReader request = co_await read(peer, Want::request);
        if (request.state() != State::whole || !co_await upstream_loop().sleep_for(after)) co_return;
        first = std::min(first, now());
        last = now();
        if (!co_await peer.say(bytes, later(peer))) co_return;
      }
    });
  }
  // No more at once than fit into a listener's queue.
  void ask(int times, std::string request = std::string(kGet)) {
    for (int i = 0; i < times; ++i) {
      if (i % 32 == 31) wait(milliseconds(3));
      client([this, request](Peer& peer) -> io::Task<> {
        (void)co_await peer.say(request, later(peer));
        statuses.push_back((co_await read(peer, Want::answer)).message().status());
      });
    }
  }
  bool drawn(const ExchangeRecord& record) const { return decide::late_drawn(gateway.shared().seed, record.exchange); }
  std::size_t probed() const {
    return static_cast<std::size_t>(std::ranges::count_if(ledger.records, [](const RecordSeen& seen) {
      return seen.record.late.result != LateResult::not_asked;
    }));
  }
  void expect_clean() {
    end();
    for (const std::string& finding : ledger.findings) ADD_FAILURE() << finding;
  }
};

// Timeout 1.5 s, answers after 3 s; the client is told at the timeout, whether its exchange is probed or not.
TEST(LateProbe, TellsOfThoseDrawnWhatWouldHaveCome) {
  Play play;
  play.answers(seconds(3), std::string(kHello));
  play.ask(200);
  ASSERT_TRUE(play.run());
  EXPECT_EQ(std::ranges::count(play.statuses, 504), 200);
  EXPECT_LT(play.ledger.records.size(), 200u);   // some are held back
  play.wait(seconds(3));
  ASSERT_EQ(play.ledger.records.size(), 200u);
  std::size_t drawn = 0;
  for (const RecordSeen& seen : play.ledger.records) {
    const ExchangeRecord& r = seen.record;
    EXPECT_EQ(r.late.result, play.drawn(r) ? LateResult::success : LateResult::not_asked);
    EXPECT_EQ(r.cause, Cause::response_timeout);
    EXPECT_LT(r.total_time, milliseconds(1700));
    if (!play.drawn(r)) continue;
    ++drawn;
    EXPECT_EQ(r.late.status, 200);
    EXPECT_GE(r.arrived + std::chrono::microseconds(r.late.micros + 1), play.first);
    EXPECT_LE(r.arrived + std::chrono::microseconds(r.late.micros), play.last + milliseconds(50));
  }
  EXPECT_GE(play.first - play.ledger.records.front().record.arrived, milliseconds(2900));
  EXPECT_GT(drawn, 0u);
  play.expect_clean();
}

// 1.5 s and 4.5 s more.
TEST(LateProbe, WaitsFourTimesTheTimeoutInAll) {
  Play play;
  play.answers(seconds(30), std::string(kHello));
  play.ask(200);
  ASSERT_TRUE(play.run());
  play.wait(seconds(5));
  for (const RecordSeen& seen : play.ledger.records) {
    if (seen.record.late.result == LateResult::not_asked) continue;
    EXPECT_EQ(seen.record.late.result, LateResult::none);
    EXPECT_EQ(seen.record.late.status, 0);
    EXPECT_NEAR(seen.record.late.micros, 6'000'000, 100'000);
  }
  EXPECT_GT(play.probed(), 0u);
  play.expect_clean();
}

TEST(LateProbe, AnErrorAndAClosedConnectionAreFailures) {
  Play play;
  play.upstream([&](Peer& peer, std::size_t number) -> io::Task<> {
    (void)co_await Stage::read(peer, Want::request);
    (void)co_await play.upstream_loop().sleep_for(seconds(2));
    if (number % 2 == 0) (void)co_await peer.say("HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n", later(peer));
  });
  play.ask(200);
  ASSERT_TRUE(play.run());
  play.wait(seconds(5));
  bool answered = false, closed = false;
  for (const RecordSeen& seen : play.ledger.records) {
    if (seen.record.late.result == LateResult::not_asked) continue;
    EXPECT_EQ(seen.record.late.result, LateResult::failure);
    answered = answered || seen.record.late.status == 500;
    closed = closed || seen.record.late.status == 0;
  }
  EXPECT_TRUE(answered && closed);
  play.expect_clean();
}

TEST(LateProbe, AreThirtyTwoAtMost) {
  Play play;
  play.answers(seconds(3), std::string(kHello));
  play.ask(1500);
  ASSERT_TRUE(play.run());
  EXPECT_EQ(play.ledger.records.size(), 1500u - decide::kMostLate);
  play.wait(seconds(3));
  EXPECT_GT(std::ranges::count_if(play.ledger.records, [&](const RecordSeen& seen) { return play.drawn(seen.record); }), 32);
  EXPECT_EQ(play.probed(), decide::kMostLate);
  play.expect_clean();
}

TEST(LateProbe, APostThatWasSentWholeIsProbedAndOneThatWasNotIsNot) {
  std::string yaml = plain_policy();
  yaml.replace(yaml.find("idle: 1s}"), 9, "idle: 1s, total: 1800ms}");
  for (const bool whole : {true, false}) {
    Play play(yaml);
    play.answers(seconds(3), std::string(kHello));
    play.ask(200, "POST /x HTTP/1.1\r\nHost: a.test\r\nContent-Length: 2000\r\n\r\n" + std::string(whole ? 2000 : 1000, 'x'));
    ASSERT_TRUE(play.run());
    play.wait(seconds(6));
    EXPECT_EQ(std::ranges::count(play.statuses, 504), 200);
    EXPECT_EQ(play.probed() > 0, whole);
    play.expect_clean();
  }
}

TEST(LateProbe, IsOffWhereTheConfigurationSaysSo) {
  Play play(policy_with("late_probe: false"));
  play.answers(seconds(3), std::string(kHello));
  play.ask(200);
  ASSERT_TRUE(play.run());
  EXPECT_EQ(play.ledger.records.size(), 200u);
  EXPECT_EQ(play.probed(), 0u);
  play.expect_clean();
}

// The timeouts themselves open it: what they say of the upstream does not wait for their records.
TEST(LateProbe, IsDroppedWhenTheBreakerOpens) {
  Play play(policy_with("breaker: {failure_ratio: 50%, min_requests: 20}, ejection: false"));
  play.answers(seconds(4), std::string(kHello));
  play.ask(200);
  ASSERT_TRUE(play.run());
  play.wait(milliseconds(300));
  ASSERT_EQ(play.ledger.records.size(), 200u);
  EXPECT_GT(play.probed(), 0u);
  for (const RecordSeen& seen : play.ledger.records) {
    if (seen.record.late.result == LateResult::not_asked) continue;
    EXPECT_EQ(seen.record.late.result, LateResult::dropped);
    EXPECT_LT(seen.record.late.micros, 2'000'000u);
  }
  play.expect_clean();
}

TEST(LateProbe, EndsWithTheGateway) {
  Play play;
  play.answers(seconds(4), std::string(kHello));
  play.ask(200);
  ASSERT_TRUE(play.run());
  const Stamp drained = play.now();
  play.expect_clean();
  EXPECT_LT(play.now() - drained, milliseconds(200));
  ASSERT_EQ(play.ledger.records.size(), 200u);
  EXPECT_GT(play.probed(), 0u);
  for (const RecordSeen& seen : play.ledger.records) EXPECT_TRUE(seen.record.late.result == LateResult::not_asked || seen.record.late.result == LateResult::dropped);
}

// Whole and short: used again, and the next request has its own answer. Long, or cut: never.
TEST(LateProbe, ItsConnectionIsUsedAgainOnlyWhenItsAnswerWasReadToTheEnd) {
  struct Row {
    std::size_t size;
    bool whole, reused;
  };
  for (const Row row : {Row{.size = 5, .whole = true, .reused = true}, {.size = 60'000, .whole = true, .reused = true},
                        {.size = 70'000, .whole = true, .reused = false}, {.size = 5'000, .whole = false, .reused = false}}) {
    Play play;
    bool late = true;
    const std::string kind = fmt::format("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", row.size) + std::string(row.whole ? row.size : row.size / 2, 'z');
    play.upstream([&](Peer& peer, std::size_t) -> io::Task<> {
      for (;;) {
        MessageReader request = co_await Stage::read(peer, Want::request);
        if (request.state() != State::whole) co_return;
        if (late) (void)co_await play.upstream_loop().sleep_for(seconds(3));
        if (!co_await peer.say(late ? std::string_view(kind) : kHello, later(peer))) co_return;
      }
    });
    play.ask(200);
    ASSERT_TRUE(play.run());
    play.wait(seconds(8));
    ASSERT_GT(play.probed(), 0u);
    late = false;
    MessageReader answer(Want::answer);
    play.client([&](Peer& peer) -> io::Task<> {
      (void)co_await peer.say(kGet, later(peer));
      answer = co_await Stage::read(peer, Want::answer);
    });
    ASSERT_TRUE(play.run());
    EXPECT_EQ(answer.message().body, "hello");
    EXPECT_EQ((play.ledger.records.back().record.flags & ExchangeRecord::kReused) != 0, row.reused) << row.size;
    play.expect_clean();
  }
}

}  // namespace
}  // namespace weir::simulated
