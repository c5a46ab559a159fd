#include "config/diagnostic.h"

#include <gtest/gtest.h>

namespace weir::config {
namespace {

TEST(Diagnostic, FindsTheNearestWord) {
  const std::vector<std::string_view> keys = {
      "name", "match", "upstream", "timeouts", "limits", "rate_limit_fields", "rewrite"};
  EXPECT_EQ(nearest("upsteam", keys), "upstream");
  EXPECT_EQ(nearest("upstreams", keys), "upstream");
  EXPECT_EQ(nearest("mtach", keys), "match");  // a swap of neighbours counts one
  EXPECT_EQ(nearest("Rate-Limit-Fields", keys), "rate_limit_fields");
  EXPECT_EQ(nearest("nmae", keys), "name");
  EXPECT_EQ(nearest("plugins", keys), "");
  EXPECT_EQ(nearest("x", keys), "");
  EXPECT_EQ(nearest(std::string(1000, 'a'), keys), "");
}

TEST(Diagnostic, PrintableTextObeysNoOne) {
  EXPECT_EQ(printable("a\x1b[31mb"), "a\\x1b[31mb");
  EXPECT_EQ(printable("a\nb\tc"), "a\\nb\\tc");
  EXPECT_EQ(printable("\x7f"), "\\x7f");
  EXPECT_EQ(printable("\xc2\x9b"), "\\u009b");      // CSI as one C1 character
  EXPECT_EQ(printable("\xe2\x80\xae"), "\\u202e");  // right-to-left override
  EXPECT_EQ(printable("\xe2\x81\xa6"), "\\u2066");  // left-to-right isolate
  EXPECT_EQ(printable("größe …"), "größe …");
}

TEST(Diagnostic, QuotesAreCutBetweenCharacters) {
  const std::string text = std::string(59, 'a') + "ä" + std::string(20, 'b');
  EXPECT_EQ(quote(text), "\"" + std::string(59, 'a') + "…\"");
}

TEST(Diagnostic, CountsWhatItDropsBeyondTheBound) {
  Diagnostics diagnostics;
  for (std::uint32_t i = 0; i < 60; ++i)
    diagnostics.add(Rule::bad_value, {.file = 0, .line = 60 - i, .column = 1}, "x", "y");
  diagnostics.sort();
  EXPECT_EQ(diagnostics.list().size(), Diagnostics::kMax);
  EXPECT_EQ(diagnostics.dropped(), 10u);
  EXPECT_EQ(diagnostics.errors(), 60u);
  EXPECT_EQ(diagnostics.list().front().at.line, 11u);
}

}  // namespace
}  // namespace weir::config
