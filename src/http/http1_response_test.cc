// ResponseParser: the specification's example and the framing table of RFC 9112 6.3.
#include <gtest/gtest.h>

#include <string>

#include "http/http1.h"

namespace weir::http {
namespace {

class Response : public ::testing::Test {
 protected:
  HeadResult read(std::string text, ResponseParser::Asked asked = {}) {
    text_ = std::move(text);
    ResponseParser parser;
    return parser.parse(text_, {}, asked, head_);
  }
  const ResponseHead& taken(std::string text, ResponseParser::Asked asked = {}) {
    const HeadResult result = read(std::move(text), asked);
    EXPECT_EQ(result.status, ParseStatus::complete) << info(result.violation).name << "\n" << text_;
    return head_;
  }

  std::string text_;
  ResponseHead head_;
};

// RFC 9112 2.1.
TEST_F(Response, TheExampleOfTheSpecification) {
  const ResponseHead& head = taken(
      "HTTP/1.1 200 OK\r\nDate: Mon, 27 Jul 2009 12:28:53 GMT\r\nServer: Apache\r\n"
      "Last-Modified: Wed, 22 Jul 2009 19:15:56 GMT\r\nETag: "
      "\"34aa387-d-1568eb00\"\r\nAccept-Ranges: bytes\r\n"
      "Content-Length: 51\r\nVary: Accept-Encoding\r\nContent-Type: text/plain\r\n\r\n");
  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(head.reason, "OK");
  EXPECT_EQ(head.version, Version::http11);
  EXPECT_EQ(head.fields.size(), 8u);
  EXPECT_EQ(head.fields.find(FieldId::etag)->value, "\"34aa387-d-1568eb00\"");
  EXPECT_EQ(head.framing, (Framing{.kind = Framing::Kind::length, .length = 51}));
  EXPECT_FALSE(head.declared_length);
}

struct FramingCase {
  const char* status;
  const char* field;
  ResponseParser::Asked asked;
  Framing framing;
  std::optional<std::uint64_t> declared;
  bool keep_alive;
};

// RFC 9112 6.3, rule by rule: what was asked and what the status is come before what the fields
// say.
TEST_F(Response, FramingTable) {
  using Kind = Framing::Kind;
  const std::string kLength = "Content-Length: 5\r\n";
  const std::string kZero = "Content-Length: 0\r\n";
  const std::string kChunked = "Transfer-Encoding: chunked\r\n";
  const ResponseParser::Asked kGet{};
  const ResponseParser::Asked kHead{.head = true};
  const FramingCase cases[] = {
      {"200", kLength.c_str(), kGet, {Kind::length, 5}, {}, true},
      {"200", kZero.c_str(), kGet, {Kind::none, 0}, {}, true},
      {"200", kChunked.c_str(), kGet, {Kind::chunked, 0}, {}, true},
      {"200", "", kGet, {Kind::until_close, 0}, {}, false},
      {"404", "", kGet, {Kind::until_close, 0}, {}, false},
      {"200", kLength.c_str(), kHead, {Kind::none, 0}, 5, true},
      {"200", kZero.c_str(), kHead, {Kind::none, 0}, 0, true},
      {"200", kChunked.c_str(), kHead, {Kind::none, 0}, {}, true},
      {"200", "", kHead, {Kind::none, 0}, {}, true},
      {"204", "", kGet, {Kind::none, 0}, {}, true},
      {"204", kLength.c_str(), kGet, {Kind::none, 0}, {}, true},
      {"204", kChunked.c_str(), kGet, {Kind::none, 0}, {}, true},
      {"304", "", kGet, {Kind::none, 0}, {}, true},
      {"304", kLength.c_str(), kGet, {Kind::none, 0}, 5, true},
      {"304", kChunked.c_str(), kGet, {Kind::none, 0}, {}, true},
      {"100", "", kGet, {Kind::none, 0}, {}, true},
      {"103", kLength.c_str(), kGet, {Kind::none, 0}, {}, true},
      {"199", kChunked.c_str(), kHead, {Kind::none, 0}, {}, true},
  };
  for (const FramingCase& c : cases) {
    const ResponseHead& head =
        taken(std::string("HTTP/1.1 ") + c.status + " X\r\n" + c.field + "\r\n", c.asked);
    EXPECT_EQ(head.framing, c.framing) << text_;
    EXPECT_EQ(head.declared_length, c.declared) << text_;
    EXPECT_EQ(head.keep_alive, c.keep_alive) << text_;
  }
}

// RFC 6455 1.2.
TEST_F(Response, OnlyAnAskedUpgradeBecomesATunnel) {
  const std::string switching =
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
      "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
  EXPECT_EQ(taken(switching, {.upgrade = true}).framing.kind, Framing::Kind::tunnel);
  EXPECT_FALSE(head_.keep_alive);
  EXPECT_EQ(read(switching).violation, Violation::unasked_101);
  EXPECT_EQ(read("HTTP/1.1 101 X\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n", {.upgrade = true})
                .violation,
            Violation::unasked_101);
  EXPECT_EQ(read("HTTP/1.1 101 X\r\nUpgrade: websocket\r\n\r\n", {.upgrade = true}).violation,
            Violation::unasked_101);
  EXPECT_EQ(taken("HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n", {.upgrade = true}).framing.kind,
            Framing::Kind::none);
}

TEST_F(Response, PersistenceFollowsVersionAndConnection) {
  EXPECT_FALSE(
      taken("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").keep_alive);
  EXPECT_FALSE(taken("HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n").keep_alive);
  EXPECT_TRUE(
      taken("HTTP/1.0 200 OK\r\nContent-Length: 0\r\nConnection: Keep-Alive\r\n\r\n").keep_alive);
}

TEST_F(Response, AReasonMayBeEmptyOrHoldAnyText) {
  EXPECT_EQ(taken("HTTP/1.1 200 \r\n\r\n").reason, "");
  EXPECT_EQ(taken("HTTP/1.1 404 Nicht da: \xe4\t!\r\n\r\n").reason, "Nicht da: \xe4\t!");
}

TEST_F(Response, FieldsOfRequestsMeanNothingHere) {
  EXPECT_EQ(taken("HTTP/1.1 200 OK\r\nHost: u@h\r\nHost: b\r\nExpect: x\r\nUpgrade: "
                  "h2,h2c\r\nContent-Length: 0\r\n\r\n")
                .fields.size(),
            5u);
}

TEST_F(Response, GarbageIsRefusedAtItsFirstByte) {
  EXPECT_EQ(read("<").violation, Violation::bad_status_line);
  EXPECT_EQ(read("HTTP/1.1 20x").violation, Violation::bad_status_line);
  EXPECT_EQ(read("HTTP/1.1 200").status, ParseStatus::need_more);
  EXPECT_EQ(read("\r\nHTTP/1.1 200 OK\r\n\r\n").violation, Violation::bad_status_line);
  EXPECT_EQ(read("\n").violation, Violation::bare_lf);
}

}  // namespace
}  // namespace weir::http
