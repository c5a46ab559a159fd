#include "export/rate_window.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <cmath>
#include <vector>

namespace weir::exporting {
namespace {

using namespace std::chrono_literals;

constexpr double kTenMinutes = 600;
Stamp at(double seconds) { return stamp_from_nanos(static_cast<std::int64_t>(seconds * 1e9)); }

// So many requests in each of the seconds [from, to).
void ask(RateWindow& window, std::int64_t from, std::int64_t to, double each) {
  for (std::int64_t second = from; second < to; ++second) {
    window.advance(second);
    window.newest().requests += each;
  }
}

double usual(RateWindow& window, Stamp began, Stamp now) {
  window.advance(RateWindow::second_of(now));
  return window.past() / RateWindow::seconds_past(began, now).value();
}

double rate(RateWindow& window, Stamp began, Stamp now) {
  window.advance(RateWindow::second_of(now));
  return window.now().requests / RateWindow::seconds_now(began, now);
}

TEST(RateWindow, ASteadyRateIsTheUsualOneWheneverItIsAsked) {
  for (const std::int64_t seconds : {6, 7, 60, 599, 5000}) {
    RateWindow window(0);
    ask(window, 0, seconds, 20);
    EXPECT_NEAR(usual(window, at(0), at(static_cast<double>(seconds))), 20, 1e-9) << seconds;
    EXPECT_DOUBLE_EQ(rate(window, at(0), at(static_cast<double>(seconds))), 20) << seconds;
  }
}

TEST(RateWindow, ThereIsNoUsualRateBeforeASecondIsOldEnough) {
  EXPECT_FALSE(RateWindow::seconds_past(at(0), at(5.9)));
  EXPECT_TRUE(RateWindow::seconds_past(at(0), at(6)));
}

TEST(RateWindow, ASurgeIsNotUsualForFiveSecondsAndRaisesTheMeanSlowlyThen) {
  RateWindow window(0);
  ask(window, 0, 60, 20);
  ask(window, 60, 65, 300);
  EXPECT_NEAR(usual(window, at(0), at(65)), 20, 1e-9);
  EXPECT_DOUBLE_EQ(rate(window, at(0), at(65)), 300);
  // A minute of surge after ten quiet ones: with d = e^(-1/600) the weights are the sums of
  // d^0..d^54 and d^55..d^654.
  RateWindow longer(0);
  ask(longer, 0, 600, 20);
  ask(longer, 600, 660, 300);
  double quiet = 0, surge = 0;
  for (int age = 0; age < 655; ++age)
    (age < 55 ? surge : quiet) += std::pow(std::exp(-1 / kTenMinutes), age);
  EXPECT_NEAR(usual(longer, at(0), at(660)), (20 * quiet + 300 * surge) / (quiet + surge), 1e-6);
}

TEST(RateWindow, WhoWasNotThereHasAUsualRateOfLess) {
  RateWindow window(90);  // counting began at 0
  ask(window, 90, 96, 10);
  // One of the 91 seconds that count, the newest of them.
  double weights = 0;
  for (int age = 0; age < 91; ++age) weights += std::pow(std::exp(-1 / kTenMinutes), age);
  EXPECT_NEAR(usual(window, at(0), at(96)), 10 / weights, 1e-9);
}

TEST(RateWindow, OldTimesWeighLess) {
  RateWindow window(0);
  ask(window, 0, 1, 1000);
  window.advance(606);  // the second is 600 older than the newest that counts
  EXPECT_NEAR(window.past(), 1000 / std::exp(1.0), 1e-9);
  RateWindow by_steps(0);
  ask(by_steps, 0, 1, 1000);
  for (std::int64_t second = 1; second <= 606; ++second) by_steps.advance(second);
  EXPECT_NEAR(by_steps.past(), window.past(), 1e-9);
}

TEST(RateWindow, NowIsThreeWholeSecondsAndTheRunningOne) {
  RateWindow window(0);
  ask(window, 0, 10, 100);
  ask(window, 10, 11, 40);
  EXPECT_DOUBLE_EQ(rate(window, at(0), at(10.5)), 340 / 3.5);
  EXPECT_DOUBLE_EQ(rate(window, at(9.5), at(10.5)), 340 / 1.0) << "counting has just begun";
  window.advance(14);
  EXPECT_EQ(window.now().requests, 0);
}

TEST(RateWindow, StampsMayBeNegative) {
  RateWindow window(-20);
  ask(window, -20, -4, 7);
  EXPECT_NEAR(usual(window, at(-20), at(-4)), 7, 1e-9);
  EXPECT_DOUBLE_EQ(rate(window, at(-20), at(-4)), 7);
}

// Against all requests, kept one by one and added up by what the header says.
RC_GTEST_PROP(RateWindow, AgreesWithRequestsThatAreKeptOneByOne, ()) {
  const auto gaps = *rc::gen::container<std::vector<int>>(rc::gen::inRange(0, 12));
  const auto wait = *rc::gen::inRange<std::int64_t>(0, 20);
  const std::int64_t began = *rc::gen::inRange<std::int64_t>(-1000, 1000);
  RateWindow window(began);
  std::vector<std::int64_t> asked;
  std::int64_t second = began;
  for (const int gap : gaps) {
    second += gap;
    ask(window, second, second + 1, 1);
    asked.push_back(second);
  }
  const std::int64_t newest = second + wait;
  window.advance(newest);
  double now = 0, past = 0;
  for (const std::int64_t each : asked) {
    const std::int64_t age = newest - each;
    if (age <= 3) ++now;
    if (age > 5) past += std::exp(-static_cast<double>(age - 6) / kTenMinutes);
  }
  RC_ASSERT(window.now().requests == now);
  RC_ASSERT(std::abs(window.past() - past) < 1e-9 * (1 + past));
}

}  // namespace
}  // namespace weir::exporting
