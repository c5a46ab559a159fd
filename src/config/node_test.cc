#include "config/node.h"

#include <gtest/gtest.h>

#include <string>

namespace weir::config {
namespace {

struct Parsed {
  Diagnostics diagnostics;
  std::optional<Tree> tree;
  explicit Parsed(std::string_view text, ParseBounds bounds = {})
      : tree(parse(0, text, bounds, diagnostics)) {}
  const Node& root() const { return tree->documents.at(0); }
  std::string first_rule() const {
    return diagnostics.list().empty() ? "" : std::string(info(diagnostics.list()[0].rule).id);
  }
};

TEST(Node, RemembersPlacesInCharactersAndLines) {
  const Parsed parsed("version: 1\r\nname: \"ä\"\r\nlist: [ö, 'two words']\r\n");
  const Node& list = *parsed.root().find("list");
  EXPECT_EQ(list.at.line, 3u);
  EXPECT_EQ(list.at.column, 7u);
  EXPECT_EQ(list.children[1].at.column, 11u);  // with its quotes, behind a letter of two bytes
  EXPECT_EQ(list.children[1].at.length, 11u);
  EXPECT_EQ(list.children[1].text, "two words");
  EXPECT_EQ(parsed.root().find("name")->at.column, 7u);
}

TEST(Node, DecidesNoTypes) {
  const Parsed parsed("[no, 1.10, 0x1F, 2001-01-01, 'no', ~, null, '']");
  const auto items = parsed.root().children;
  EXPECT_EQ(items[0].text, "no");
  EXPECT_EQ(items[1].text, "1.10");
  EXPECT_EQ(items[2].text, "0x1F");
  EXPECT_FALSE(items[0].quoted);
  EXPECT_TRUE(items[4].quoted);
  EXPECT_TRUE(items[5].is_null());
  EXPECT_TRUE(items[6].is_null());
  EXPECT_FALSE(items[7].is_null());
}

// YAML 1.2.2, examples 7.7 and 7.9, and shapes around them.
TEST(Node, ReadsSingleQuotedTexts) {
  const auto text = [](std::string_view yaml) { return std::string(Parsed(yaml).root().text); };
  EXPECT_EQ(text(" 'here''s to \"quotes\"'"), "here's to \"quotes\"");
  EXPECT_EQ(text("' 1st non-empty\n\n 2nd non-empty \n\t3rd non-empty '"),
            " 1st non-empty\n2nd non-empty 3rd non-empty ");
  EXPECT_EQ(text("'a\r\n\r\n\r\nb'"), "a\n\nb");
  EXPECT_EQ(text("''"), "");
  EXPECT_EQ(text("'\n\na'"), "\na");
  EXPECT_EQ(text("' \n '"), " ");
  EXPECT_EQ(text("'" + std::string(60, '\'') + "'"), std::string(30, '\''));
  EXPECT_EQ(text("'ü ''ü'''"), "ü 'ü'");
}

TEST(Node, ReadsJson) {
  const Parsed parsed(R"({"a": [1, true, null, "\u00e9\n"], "b": {}})");
  ASSERT_TRUE(parsed.tree);
  EXPECT_EQ(parsed.root().find("a")->children[3].text, "é\n");
  EXPECT_TRUE(parsed.root().find("b")->is_mapping());
}

TEST(Node, ReadsSeveralDocuments) {
  const Parsed parsed("a: 1\n...\n# comment\n%YAML 1.2\n---\nb: 2\n---\n---\nc: 3\n");
  ASSERT_TRUE(parsed.tree);
  EXPECT_EQ(parsed.tree->documents.size(), 3u);  // the empty one is left out
}

TEST(Node, SharesWhatAliasesName) {
  const Parsed parsed("a: &x {k: v}\nb: *x\n");
  ASSERT_TRUE(parsed.tree);
  EXPECT_EQ(parsed.root().find("a")->children.data(), parsed.root().find("b")->children.data());
}

// 30 levels of ten aliases are 10^30 values; the bound stops at the alias that passes it.
TEST(Node, AnAliasBombIsAnErrorAtTheAlias) {
  std::string bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i <= 30; ++i) {
    bomb += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [";
    for (int j = 0; j < 10; ++j) bomb += (j == 0 ? "*a" : ", *a") + std::to_string(i - 1);
    bomb += "]\n";
  }
  const Parsed parsed(bomb);
  EXPECT_FALSE(parsed.tree);
  EXPECT_EQ(parsed.first_rule(), "alias");
  EXPECT_EQ(parsed.diagnostics.list()[0].at.line,
            6u);  // a5: ten times 11,111 x 10 passes a million
}

TEST(Node, StaysWithinItsBounds) {
  const auto rule = [](std::string_view text, ParseBounds bounds) {
    return Parsed(text, bounds).first_rule();
  };
  EXPECT_EQ(rule("[[[1]]]", {.depth = 2}), "too-large");
  EXPECT_EQ(rule("[[1]]", {.depth = 2}), "");
  EXPECT_EQ(rule("[1, 2, 3]", {.nodes = 3}), "too-large");
  EXPECT_EQ(rule("[1, 2]", {.nodes = 3}), "");
  EXPECT_EQ(rule("abcd", {.bytes = 3}), "too-large");
  EXPECT_EQ(rule(std::string(200'000, '['), {}), "too-large");
  EXPECT_EQ(rule(std::string(200'000, '{'), {}), "too-large");
  std::string blocks;
  for (int i = 0; i < 3000; ++i) blocks += std::string(static_cast<std::size_t>(i), ' ') + "a:\n";
  EXPECT_EQ(rule(blocks, {}), "too-large");
}

TEST(Node, NamesWhatIsNoYaml) {
  EXPECT_EQ(Parsed("a: [1").first_rule(), "yaml-syntax");
  EXPECT_EQ(Parsed("a: \"1").first_rule(), "yaml-syntax");
  EXPECT_EQ(Parsed("a: 1\n  b: 2\n c: 3").first_rule(), "yaml-syntax");
  EXPECT_EQ(Parsed("? [a]\n: b").first_rule(), "yaml-syntax");
  EXPECT_EQ(Parsed("a: !!str b").first_rule(), "tag");
  EXPECT_EQ(Parsed("a: 1\na: 2").first_rule(), "duplicate-key");
  EXPECT_EQ(Parsed("\"a\": 1\na: 2").first_rule(), "duplicate-key");
  EXPECT_EQ(Parsed("a: *b").first_rule(), "alias");
  EXPECT_EQ(Parsed(std::string_view("a: \0b", 5)).first_rule(), "encoding");
  EXPECT_EQ(Parsed("a: \xff").first_rule(), "encoding");
  EXPECT_EQ(Parsed("a: \xed\xa0\x80").first_rule(), "encoding");  // half of a surrogate pair
}

TEST(Node, FindsDuplicatesInLargeMappingsToo) {
  std::string text;
  for (int i = 0; i < 100; ++i) text += "k" + std::to_string(i) + ": 1\n";
  EXPECT_EQ(Parsed(text).first_rule(), "");
  EXPECT_EQ(Parsed(text + "k50: 2\n").first_rule(), "duplicate-key");
}

TEST(Node, AByteOrderMarkIsNotText) {
  const Parsed parsed(
      "\xEF\xBB\xBF"
      "a: 1");
  ASSERT_TRUE(parsed.tree);
  EXPECT_NE(parsed.root().find("a"), nullptr);
  EXPECT_EQ(parsed.root().children[0].at.column, 1u);
}

}  // namespace
}  // namespace weir::config
