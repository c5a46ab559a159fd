#include "control/text.h"

#include <gtest/gtest.h>

namespace weir::control {
namespace {

TEST(Text, NumbersAreGroupedByThousands) {
  EXPECT_EQ(grouped(0), "0");
  EXPECT_EQ(grouped(999), "999");
  EXPECT_EQ(grouped(1000), "1,000");
  EXPECT_EQ(grouped(25920000), "25,920,000");
}

TEST(Text, RatesAndTimesKeepTwoDigitsThatMatter) {
  EXPECT_EQ(rate_text(0.44), "0.4/s");
  EXPECT_EQ(rate_text(12.4), "12/s");
  EXPECT_EQ(rate_text(12345), "12,345/s");
  EXPECT_EQ(milliseconds_text(0.0005), "0.5 µs");
  EXPECT_EQ(milliseconds_text(0.042), "42 µs");
  EXPECT_EQ(milliseconds_text(0.123), "0.12 ms");
  EXPECT_EQ(milliseconds_text(3.44), "3.4 ms");
  EXPECT_EQ(milliseconds_text(812), "812 ms");
  EXPECT_EQ(milliseconds_text(12000), "12.0 s");
}

TEST(Text, SpansAndSizesUseTheUnitThatFits) {
  EXPECT_EQ(span_text(48), "48 s");
  EXPECT_EQ(span_text(724), "12 m 4 s");
  EXPECT_EQ(span_text(11520), "3 h 12 m");
  EXPECT_EQ(span_text(9 * 86400 + 4 * 3600), "9 d 4 h");
  EXPECT_EQ(bytes_text(812), "812 B");
  EXPECT_EQ(bytes_text(16384), "16.0 KiB");
  EXPECT_EQ(percent_text(0.031), "3.1 %");
  EXPECT_EQ(counted(1, "route"), "1 route");
  EXPECT_EQ(counted(2000, "route"), "2,000 routes");
}

TEST(Text, TimesAreRfc3339WithMilliseconds) {
  // RFC 3339 5.8 gives 1985-04-12T23:20:50.52Z; 482196050 s is that second (date -u -d @482196050).
  EXPECT_EQ(time_text(WallTime(std::chrono::milliseconds(482196050520))),
            "1985-04-12T23:20:50.520Z");
  EXPECT_EQ(time_text(WallTime()), "");
}

TEST(Text, LinesAreCutByCharactersNotBytes) {
  EXPECT_EQ(fitted("über", 6), "über  ");
  EXPECT_EQ(fitted("überlang", 4), "übe…");
  EXPECT_EQ(width("a → b"), 5u);
  const std::string line(120, 'x');
  EXPECT_EQ(width(within_columns(line)), kColumns);
  EXPECT_EQ(within_columns("a\nb\n"), "a\nb\n");
}

TEST(Text, LongTextIsWrappedAtBlanks) {
  using Lines = std::vector<std::string>;
  EXPECT_EQ(wrapped_lines("one two three", 7), (Lines{"one two", "three"}));
  EXPECT_EQ(wrapped_lines("äöü äöü x", 7), (Lines{"äöü äöü", "x"}));  // characters, not bytes
  EXPECT_EQ(wrapped_lines("abcdefgh", 3), (Lines{"abc", "def", "gh"}));
  EXPECT_EQ(wrapped_lines("fits", 4), (Lines{"fits"}));
  EXPECT_EQ(wrapped_lines("", 4), (Lines{}));
}

}  // namespace
}  // namespace weir::control
