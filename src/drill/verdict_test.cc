#include "drill/verdict.h"

#include <gtest/gtest.h>

#include <chrono>
#include <string>

#include "config/cases.h"
#include "drill/requests.h"

namespace weir::drill {
namespace {

using namespace std::chrono_literals;

config::Span here() { return {.file = 0, .line = 3, .column = 1, .length = 1}; }

// 1,000 requests a millisecond apart: every tenth is 503 after 50 ms, the others 200 after 5 ms.
Tally thousand() {
  Tally tally;
  for (int i = 0; i < 1000; ++i) {
    const bool bad = i % 10 == 0;
    tally.add({.came = i * 1ms,
               .took = bad ? 50ms : 5ms,
               .traffic = static_cast<std::uint16_t>(i % 2),
               .request = tally.request("a"),
               .outcome = tally.outcome(bad ? "503" : "200"),
               .good = !bad,
               .retry = i % 100 == 0});
  }
  return tally;
}

bool met(const char* key, const char* amount, const Summary& summary) {
  ExpectSpec expect;
  const Given<config::Amount> wanted{*config::read_amount(amount), here()};
  if (std::string(key) == "good")
    expect.good = wanted;
  else if (std::string(key) == "requests")
    expect.requests = wanted;
  else
    expect.outcomes.value.entries.emplace_back(Given<config::Word>{{key}, here()}, wanted);
  const auto judged = judge(expect, summary);
  EXPECT_EQ(judged.size(), 1u);
  return judged[0].met;
}

TEST(Tally, AWindowIsFromUpToButNotTo) {
  const Tally tally = thousand();
  const Summary sum = tally.summary({.from = 100ms, .to = 200ms, .traffic = {}, .request = {}});
  EXPECT_EQ(sum.requests, 100u);
  EXPECT_EQ(sum.good, 90u);
  EXPECT_EQ(sum.retries, 1u);
  EXPECT_EQ(sum.outcomes.at("503"), 10u);
  EXPECT_EQ(tally.summary({.from = 0ms, .to = 1s, .traffic = std::uint16_t{1}, .request = {}})
                .outcomes.count("503"),
            0u);  // they are even
  EXPECT_EQ(tally.summary({.from = 1s, .traffic = {}, .request = {}}).requests, 0u);
}

TEST(Verdict, CountsSharesAndRanges) {
  const Summary sum = thousand().summary({});
  EXPECT_TRUE(met("good", "90%", sum));
  EXPECT_TRUE(met("good", "89.1%", sum));  // within a percentage point
  EXPECT_FALSE(met("good", "88.9%", sum));
  EXPECT_FALSE(met("good", "100%", sum));  // all is meant as it stands
  EXPECT_TRUE(met("good", "90..%", sum));
  EXPECT_FALSE(met("good", "90.1..%", sum));  // so are the ends of ranges
  EXPECT_TRUE(met("503", "100", sum));
  EXPECT_TRUE(met("503", "..10%", sum));
  EXPECT_FALSE(met("503", "0%", sum));
  EXPECT_TRUE(met("reset", "0", sum));
  EXPECT_TRUE(met("requests", "1000", sum));
  EXPECT_FALSE(met("requests", "1001..", sum));
}

TEST(Verdict, TimesAreQuantiles) {
  ExpectSpec expect;
  expect.p50 = {{4ms, 6ms}, here()};
  expect.p99 = {{0ms, 40ms}, here()};
  const auto judged = judge(expect, thousand().summary({}));
  ASSERT_EQ(judged.size(), 2u);
  EXPECT_TRUE(judged[0].met);   // 5 ms
  EXPECT_FALSE(judged[1].met);  // 50 ms
  EXPECT_EQ(judged[1].at.line, 3u);
}

TEST(Verdict, AWindowWithoutRequestsShowsNothing) {
  const Summary none = Tally().summary({});
  EXPECT_FALSE(met("good", "0..100%", none));
  EXPECT_FALSE(met("503", "0", none));
  EXPECT_TRUE(met("requests", "0", none));
}

TEST(Requests, FindTheCauseInARefusal) {
  EXPECT_EQ(cause_in(R"({"type":"urn:weir:cause:limit_rejected","title":"x"})"), "limit_rejected");
  EXPECT_EQ(cause_in(R"({"type":"about:blank"})"), "");
  EXPECT_EQ(cause_in("urn:weir:cause:"), "");
}

}  // namespace
}  // namespace weir::drill
