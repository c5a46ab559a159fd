#include "load/threshold.h"

#include <gtest/gtest.h>

namespace weir::load {
namespace {

Threshold one(std::string_view text) {
  const auto read = read_thresholds(text);
  EXPECT_TRUE(read) << text;
  return read ? read->front() : Threshold{};
}

TEST(Threshold, reads_figures_comparisons_and_units) {
  const Threshold p99 = one("p99 > 200ms");
  EXPECT_EQ(p99.figure, Threshold::Figure::quantile);
  EXPECT_DOUBLE_EQ(p99.quantile, 0.99);
  EXPECT_DOUBLE_EQ(p99.value, 200e6);
  EXPECT_TRUE(p99.holds(200e6 + 1));
  EXPECT_FALSE(p99.holds(200e6));
  EXPECT_DOUBLE_EQ(one("p99.9<1.5ms").quantile, 0.999);
  EXPECT_DOUBLE_EQ(one("service.p50 >= 250us").value, 250e3);
  EXPECT_TRUE(one("service.p50 >= 250us").of_service);
  EXPECT_TRUE(one("max <= 2s").holds(2e9));
  EXPECT_DOUBLE_EQ(one("errors > 0.1%").value, 0.001);
  EXPECT_DOUBLE_EQ(one("errors > 0").value, 0);
  EXPECT_DOUBLE_EQ(one("rate < 950/s").value, 950);
}

TEST(Threshold, several_are_separated_by_commas) {
  const auto read = read_thresholds("p99 < 100ms, errors < 1%");
  ASSERT_TRUE(read);
  ASSERT_EQ(read->size(), 2u);
  EXPECT_EQ((*read)[1].figure, Threshold::Figure::errors);
}

TEST(Threshold, what_is_none_is_refused_with_an_example) {
  for (const std::string_view text :
       {"", "p99", "p99 > ", "p99 > 200", "p0 > 1ms", "p100 > 1ms", "p > 1ms", "errors > 200%",
        "errors > 5", "rate > 5ms", "service.errors > 0", "latency > 1ms", "p99 > -1ms",
        "p99 > nanms", "p99 > 1ms,", "p99 = 1ms", "p9x > 1ms"}) {
    const auto read = read_thresholds(text);
    ASSERT_FALSE(read) << text;
    EXPECT_NE(read.error().context.find("'p99 > 200ms'"), std::string::npos);
  }
}

TEST(Threshold, looks_at_the_figure_it_names) {
  Outcome outcome;
  outcome.routes.resize(2);
  outcome.sending = std::chrono::seconds(2);
  for (int i = 0; i < 100; ++i) {
    outcome.routes[0].answered(200, std::chrono::milliseconds(10), std::chrono::milliseconds(1), 0);
  }
  for (int i = 0; i < 100; ++i) {
    outcome.routes[1].answered(503, std::chrono::milliseconds(30), std::chrono::milliseconds(3), 0);
  }
  EXPECT_DOUBLE_EQ(found(one("mean > 1s"), outcome), 20e6);
  EXPECT_DOUBLE_EQ(found(one("service.mean > 1s"), outcome), 2e6);
  EXPECT_DOUBLE_EQ(found(one("max > 1s"), outcome), 30e6);
  EXPECT_DOUBLE_EQ(found(one("errors > 0"), outcome), 0.5);
  EXPECT_DOUBLE_EQ(found(one("rate > 0"), outcome), 100);
}

}  // namespace
}  // namespace weir::load
