#include "model/outcomes.h"

#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <string_view>

namespace weir {
namespace {

using namespace std::chrono_literals;

// "+" a good answer, "-" a failure, in order.
Outcomes counted(std::string_view order) {
  Outcomes outcomes;
  for (const char one : order) {
    if (one == '+') outcomes.add_ok(1ms);
    else outcomes.add_failed();
  }
  return outcomes;
}

void expect_same(const Outcomes& a, const Outcomes& b, std::string_view of) {
  EXPECT_EQ(a.ok, b.ok) << of;
  EXPECT_EQ(a.failed, b.failed) << of;
  EXPECT_EQ(a.leading, b.leading) << of;
  EXPECT_EQ(a.trailing, b.trailing) << of;
  EXPECT_EQ(a.longest, b.longest) << of;
  EXPECT_EQ(a.latency.total(), b.latency.total()) << of;
}

TEST(Outcomes, RunsAreCounted) {
  const Outcomes outcomes = counted("--+---+-");
  EXPECT_EQ(outcomes.ok, 2u);
  EXPECT_EQ(outcomes.failed, 6u);
  EXPECT_EQ(outcomes.leading, 2u);
  EXPECT_EQ(outcomes.longest, 3u);
  EXPECT_EQ(outcomes.trailing, 1u);
}

// However a sequence is cut in two, the parts add up to what the whole counts: all sequences of up to eight.
TEST(Outcomes, PartsAddUpToTheWhole) {
  for (unsigned size = 0; size <= 8; ++size) {
    for (unsigned bits = 0; bits < 1u << size; ++bits) {
      std::string order;
      for (unsigned i = 0; i < size; ++i) order += (bits >> i & 1) != 0 ? '+' : '-';
      for (unsigned cut = 0; cut <= size; ++cut) {
        Outcomes merged = counted(order.substr(0, cut));
        merged.merge(counted(order.substr(cut)));
        expect_same(merged, counted(order), order);
      }
    }
  }
}

TEST(LatencyCounts, TheMedianIsWithinAnEighth) {
  for (const Nanos took : {100us, 777us, 1000us, 20'000us, 80'000us, 1'999'000us}) {
    LatencyCounts counts;
    counts.add(1us);
    counts.add(took);
    counts.add(4s);
    const double ratio = static_cast<double>(counts.median().count()) / static_cast<double>(took.count());
    EXPECT_GE(ratio, 0.875) << took.count();
    EXPECT_LE(ratio, 1.125) << took.count();
  }
  EXPECT_EQ(LatencyCounts().median(), 0ns);
}

TEST(AttemptResult, SaysWhatTheEndpointCannotHelp) {
  ExchangeRecord record;
  record.attempts = 2;
  record.tries[0] = {.cause = Cause::connect_failed};
  record.tries[1] = {.status = 200};
  EXPECT_EQ(result_of(record, 0), AttemptResult::failed);
  EXPECT_EQ(result_of(record, 1), AttemptResult::good);
  record.cause = Cause::body_truncated;
  EXPECT_EQ(result_of(record, 1), AttemptResult::failed);
  record.cause = Cause::client_gone;   // within the answer: it was well until then
  EXPECT_EQ(result_of(record, 1), AttemptResult::good);
  record.tries[1] = {.status = 0, .cause = Cause::client_gone};
  EXPECT_EQ(result_of(record, 1), AttemptResult::silent);
  record.tries[1] = {.status = 503};
  record.cause = Cause::upstream_error;
  EXPECT_EQ(result_of(record, 1), AttemptResult::failed);
  record.tries[1] = {.status = 404};
  record.cause = Cause::none;
  EXPECT_EQ(result_of(record, 1), AttemptResult::good);
}

}  // namespace
}  // namespace weir
