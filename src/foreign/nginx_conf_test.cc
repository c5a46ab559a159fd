#include "foreign/nginx_conf.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace weir::foreign {
namespace {

using Words = std::vector<std::string>;

NginxConf parsed(std::string text) {
  auto conf = NginxConf::read({.name = "nginx.conf", .text = std::move(text)});
  EXPECT_TRUE(conf.has_value()) << to_string(conf.error());
  return std::move(*conf);
}

std::string complaint(std::string text) {
  const auto conf = NginxConf::read({.name = "nginx.conf", .text = std::move(text)});
  return conf ? "" : to_string(conf.error());
}

Words words(std::string text) { return parsed(std::move(text)).directives().at(0).words; }

TEST(NginxConf, WordsAreSeparatedByBlanksAndEndedBySemicolons) {
  EXPECT_EQ(words("listen\t80\r\n default_server;"), (Words{"listen", "80", "default_server"}));
  const NginxConf conf = parsed("a 1;b 2;\n\nc 3;");
  ASSERT_EQ(conf.directives().size(), 3u);
  EXPECT_EQ(conf.directives()[2].line, 3u);
}

// ngx_conf_read_token: the escapes that nginx resolves, in quotes and out of them.
TEST(NginxConf, EscapesAreThoseOfNginx) {
  EXPECT_EQ(words(R"(a "x\"y" 'it\'s' "b\\c" t\tn\n;)"),
            (Words{"a", "x\"y", "it's", "b\\c", "t\tn\n"}));
  EXPECT_EQ(words(R"(location ~ \.php$ {})"), (Words{"location", "~", "\\.php$"}));
  EXPECT_EQ(words(R"(a "one; two { # three }";)"), (Words{"a", "one; two { # three }"}));
  EXPECT_EQ(words(R"(a "";)"), (Words{"a", ""}));
  EXPECT_EQ(words("a 'two\nlines';"), (Words{"a", "two\nlines"}));
}

TEST(NginxConf, BracesOfVariablesOpenNoBlock) {
  EXPECT_EQ(words("set $a ${host}-x;"), (Words{"set", "$a", "${host}-x"}));
  EXPECT_EQ(words("a b};"), (Words{"a", "b}"}));
}

TEST(NginxConf, CommentsBeginWhereAWordCould) {
  EXPECT_EQ(words("# first\na b#c; # d;\n"), (Words{"a", "b#c"}));
}

TEST(NginxConf, ConditionsKeepTheirBrackets) {
  EXPECT_EQ(words(R"(if ($a = "b") {})"), (Words{"if", "($a", "=", "b", ")"}));
}

TEST(NginxConf, BlocksNestAndKnowTheirLines) {
  const NginxConf conf = parsed("http {\n  server {\n    listen 80;\n  }\n}\n");
  const NginxDirective& http = conf.directives().at(0);
  EXPECT_TRUE(http.is_block);
  EXPECT_EQ(http.end_line, 5u);
  EXPECT_EQ(http.inside.at(0).inside.at(0).words, (Words{"listen", "80"}));
  EXPECT_EQ(http.inside.at(0).end_line, 4u);
}

TEST(NginxConf, LuaIsSkippedAsAWhole) {
  const NginxConf conf = parsed(
      "location / {\n content_by_lua_block {\n if x then y = { 1 } end ' \n }\n root /x;\n}\n");
  const auto& inside = conf.directives().at(0).inside;
  ASSERT_EQ(inside.size(), 2u);
  EXPECT_EQ(inside[0].end_line, 4u);
  EXPECT_EQ(inside[1].words, (Words{"root", "/x"}));
}

TEST(NginxConf, ErrorsNameFileAndLine) {
  EXPECT_EQ(complaint("a b\n"), "nginx.conf:1: \"a\" is not ended by ; or a block");
  EXPECT_EQ(complaint("a {\n b c;\n"), "nginx.conf:1: this block is never closed: a } is missing");
  EXPECT_EQ(complaint("a;\n}\n"), "nginx.conf:2: unexpected }");
  EXPECT_EQ(complaint("a {\n b }\n"), "nginx.conf:2: unexpected }: \"b\" wants a ; first");
  EXPECT_EQ(complaint(";"), "nginx.conf:1: unexpected ;");
  EXPECT_EQ(complaint("\n{"), "nginx.conf:2: unexpected {");
  EXPECT_EQ(complaint("a \"b\"c;"), "nginx.conf:1: unexpected \"c\" right behind a quoted word");
  EXPECT_EQ(complaint("a\n 'b;"), "nginx.conf:2: a quote is opened here and never closed");
}

TEST(NginxConf, NestingIsBounded) {
  std::string deep;
  for (std::size_t i = 0; i < NginxConf::kMaxDepth + 1; ++i) deep += "a {";
  EXPECT_NE(complaint(deep).find("too deeply"), std::string::npos);
}

TEST(NginxConf, IncludesAreAskedForInOrderAndStandBehindTheirDirective) {
  NginxConf conf = parsed("a;\ninclude one.conf;\nb { include two/*; }\n");
  const auto first = conf.need();
  ASSERT_TRUE(first);
  EXPECT_EQ(first->pattern, "one.conf");
  EXPECT_EQ(first->line, 2u);
  ASSERT_TRUE(conf.supply({{.name = "one.conf", .text = "x;\ninclude three;"}}));
  EXPECT_EQ(conf.need()->pattern, "three");  // of one.conf, which comes first
  EXPECT_EQ(conf.need()->file, "one.conf");
  ASSERT_TRUE(conf.supply({{.name = "three", .text = "y;"}}));
  EXPECT_EQ(conf.need()->pattern, "two/*");
  ASSERT_TRUE(conf.supply({}));  // a glob that fits nothing
  EXPECT_FALSE(conf.need());
  std::string order;
  for (const NginxDirective& each : conf.directives()) order += each.name() + " ";
  EXPECT_EQ(order, "a include x include y b ");
  EXPECT_EQ(conf.files(), (Words{"nginx.conf", "one.conf", "three"}));
}

TEST(NginxConf, AFileThatIncludesItselfEndsInAnError) {
  NginxConf conf = parsed("include again;");
  Result<void> supplied;
  for (std::size_t i = 0; i <= NginxConf::kMaxFiles && supplied; ++i)
    supplied = conf.supply({{.name = "again", .text = "include again;"}});
  ASSERT_FALSE(supplied);
  EXPECT_EQ(supplied.error().kind, ErrorKind::too_large);
}

}  // namespace
}  // namespace weir::foreign
