#include "base/yaml_quoted.h"

#include <gtest/gtest.h>

namespace weir {
namespace {

// YAML 1.2.2, 5.7: \" \\ \n \t and \xNN of eight bits.
TEST(YamlQuoted, EscapesWhatWouldEndItOrCannotBeSeen) {
  EXPECT_EQ(yaml_quoted(""), R"("")");
  EXPECT_EQ(yaml_quoted("a: b # c"), R"("a: b # c")");
  EXPECT_EQ(yaml_quoted("say \"hi\" \\"), R"("say \"hi\" \\")");
  EXPECT_EQ(yaml_quoted("one\ttwo\n\x1b\x7f"), R"("one\ttwo\n\x1b\x7f")");
  EXPECT_EQ(yaml_quoted("für"), "\"für\"");
}

}  // namespace
}  // namespace weir
