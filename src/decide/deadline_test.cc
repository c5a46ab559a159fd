#include "decide/deadline.h"

#include <gtest/gtest.h>

namespace weir::decide {
namespace {

using std::chrono::seconds;

constexpr Stamp kArrived = stamp_from_nanos(1'000'000'000);
ConfiguredTime time_of(int s, std::uint32_t line) { return {.value = seconds(s), .source = {.line = line}}; }
Deadlines all() {
  return {.connect = time_of(2, 11), .response = time_of(5, 12), .idle = time_of(3, 13), .total = time_of(6, 14)};
}

TEST(Deadline, IsTheEarlierOfThePhaseAndTheTotalAndNamesItsLine) {
  const auto response = next_expiry(all(), Phase::response, kArrived, kArrived);
  ASSERT_TRUE(response);
  EXPECT_EQ(response->at, kArrived + seconds(5));
  EXPECT_EQ(response->phase, Phase::response);
  EXPECT_EQ(response->source.line, 12u);
  const auto late = next_expiry(all(), Phase::response, kArrived, kArrived + seconds(2));
  EXPECT_EQ(late->at, kArrived + seconds(6));
  EXPECT_EQ(late->phase, Phase::total);
  EXPECT_EQ(late->source.line, 14u);
  EXPECT_EQ(next_expiry(all(), Phase::connect, kArrived, kArrived + seconds(1))->at, kArrived + seconds(3));
  EXPECT_EQ(next_expiry(all(), Phase::idle, kArrived, kArrived + seconds(1))->source.line, 13u);
}

TEST(Deadline, AbsentMeansNone) {
  Deadlines deadlines = all();
  deadlines.total.reset();
  deadlines.idle.reset();
  EXPECT_FALSE(next_expiry(deadlines, Phase::idle, kArrived, kArrived));
  EXPECT_FALSE(next_expiry(deadlines, Phase::send, kArrived, kArrived));
  EXPECT_EQ(next_expiry(all(), Phase::send, kArrived, kArrived)->phase, Phase::total);
}

TEST(Deadline, TheCauseSaysWhichTimeoutFired) {
  EXPECT_EQ(timeout_cause(Phase::connect), Cause::connect_failed);
  EXPECT_EQ(timeout_cause(Phase::response), Cause::response_timeout);
  EXPECT_EQ(timeout_cause(Phase::total), Cause::deadline_expired);
  EXPECT_EQ(timeout_cause(Phase::body), Cause::request_timeout);
}

}  // namespace
}  // namespace weir::decide
