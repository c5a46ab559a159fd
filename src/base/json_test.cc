#include "base/json.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <limits>
#include <string>

namespace weir {
namespace {

std::string escaped(std::string_view text) {
  std::string room(kJsonEscapeFactor * text.size(), '?');
  room.resize(static_cast<std::size_t>(escape_json(room.data(), text) - room.data()));
  return room;
}

TEST(EscapeJson, LeavesPlainTextAlone) {
  EXPECT_EQ(escaped(""), "");
  EXPECT_EQ(escaped("GET /catalog/items?page=2 HTTP/1.1"), "GET /catalog/items?page=2 HTTP/1.1");
}

// RFC 8259 7: quote, backslash and U+0000 to U+001F must be escaped.
TEST(EscapeJson, EscapesWhatTheRfcDemands) {
  EXPECT_EQ(escaped("a\"b\\c"), "a\\\"b\\\\c");
  EXPECT_EQ(escaped("\n\r\t"), "\\n\\r\\t");
  EXPECT_EQ(escaped(std::string_view("\0\x1f", 2)), "\\u0000\\u001f");
}

TEST(EscapeJson, EscapesControlsThatDriveTerminals) {
  EXPECT_EQ(escaped("\x1b[31m"), "\\u001b[31m");
  EXPECT_EQ(escaped("\x7f"), "\\u007f");
  EXPECT_EQ(escaped("\xc2\x9b"), "\\u009b");   // CSI as UTF-8
  EXPECT_EQ(escaped("\xc2\xa0"), "\xc2\xa0");
}

TEST(EscapeJson, KeepsValidUtf8) {
  const std::string text = "Gr\xc3\xbc\xc3\x9f\x65 \xe2\x82\xac \xf0\x9f\x9a\x80";
  EXPECT_EQ(escaped(text), text);
}

// Unicode 15, 3.9, table 3-8 to 3-11: one replacement for each maximal subpart of an ill-formed sequence.
TEST(EscapeJson, ReplacesEachMaximalIllFormedSubpart) {
  const std::string r = "\\ufffd";
  EXPECT_EQ(escaped("\xc0\xaf\xe0\x80\xbf\xf0\x81\x82\x41"), r + r + r + r + r + r + r + r + "A");   // table 3-8
  EXPECT_EQ(escaped("\xed\xa0\x80\xed\xbf\xbf\xed\xaf\x41"), r + r + r + r + r + r + r + r + "A");   // table 3-9
  EXPECT_EQ(escaped("\xf4\x91\x92\x93\xff\x41\x80\xbf\x42"), r + r + r + r + r + "A" + r + r + "B");  // table 3-10
  EXPECT_EQ(escaped("\xe1\x80\xe2\xf0\x91\x92\xf1\xbf\x41"), r + r + r + r + "A");                   // table 3-11
}

TEST(EscapeJson, FindsSpecialBytesAtEveryPlaceOfAVector) {
  for (std::size_t size = 1; size < 40; ++size) {
    for (std::size_t at = 0; at < size; ++at) {
      std::string text(size, 'x');
      text[at] = '"';
      std::string wanted(size, 'x');
      wanted.replace(at, 1, "\\\"");
      EXPECT_EQ(escaped(text), wanted) << size << " " << at;
    }
  }
}

TEST(EscapeJson, NeedsNoMoreThanSixBytesAByte) {
  const std::string text(100, '\x01');
  EXPECT_EQ(escaped(text).size(), 600u);
}

TEST(JsonWriter, WritesNestedDocuments) {
  std::string out;
  JsonWriter json(out);
  json.begin_object()
      .field("name", "orders")
      .field("ok", true)
      .field("count", std::uint64_t{18446744073709551615u})
      .field("delta", -5)
      .field("share", 0.25)
      .key("list").begin_array().value(1).value("two").null().begin_object().end_object().end_array()
      .key("empty").begin_array().end_array()
      .end_object();
  EXPECT_EQ(out,
            R"({"name":"orders","ok":true,"count":18446744073709551615,"delta":-5,"share":0.25,)"
            R"("list":[1,"two",null,{}],"empty":[]})");
  EXPECT_EQ(json.depth(), 0u);
}

TEST(JsonWriter, WritesNumbersThatJsonCannotHoldAsNull) {
  std::string out;
  JsonWriter json(out);
  json.begin_array().value(std::nan("")).value(std::numeric_limits<double>::infinity()).end_array();
  EXPECT_EQ(out, "[null,null]");
}

TEST(JsonWriter, StopsAProgramThatBreaksTheGrammar) {
  std::string out;
  EXPECT_DEATH({ JsonWriter json(out); json.begin_object().value(1); }, "");
  EXPECT_DEATH({ JsonWriter json(out); json.begin_array().end_object(); }, "");
}

}  // namespace
}  // namespace weir
