// RequestParser: the specification's examples, forms of the target, what the fields mean together,
// bounds to the byte.
#include <gtest/gtest.h>

#include <string>

#include "http/http1.h"

namespace weir::http {
namespace {

// Heads are kept by the fixture: their views point into `text_`.
class Request : public ::testing::Test {
 protected:
  HeadResult read(std::string text, const HeadCaps& caps = {}) {
    text_ = std::move(text);
    RequestParser parser;
    return parser.parse(text_, caps, head_);
  }
  const RequestHead& taken(std::string text) {
    const HeadResult result = read(std::move(text));
    EXPECT_EQ(result.status, ParseStatus::complete) << info(result.violation).name << "\n" << text_;
    EXPECT_EQ(result.consumed, text_.find("\r\n\r\n", text_.starts_with("\r\n") ? 2 : 0) + 4);
    return head_;
  }

  std::string text_;
  RequestHead head_;
};

// RFC 9112 2.1.
TEST_F(Request, TheExampleOfTheSpecification) {
  const RequestHead& head = taken(
      "GET /hello.txt HTTP/1.1\r\nUser-Agent: curl/7.64.1\r\nHost: "
      "www.example.com\r\nAccept-Language: en, mi\r\n\r\n");
  EXPECT_EQ(head.method, "GET");
  EXPECT_EQ(head.target, "/hello.txt");
  EXPECT_EQ(head.path, "/hello.txt");
  EXPECT_FALSE(head.has_query);
  EXPECT_EQ(head.authority, "www.example.com");
  EXPECT_EQ(head.version, Version::http11);
  ASSERT_EQ(head.fields.size(), 3u);
  EXPECT_EQ(head.fields.all()[0].name, "User-Agent");
  EXPECT_EQ(head.fields.all()[0].value, "curl/7.64.1");
  EXPECT_EQ(head.fields.find(FieldId::host)->value, "www.example.com");
  EXPECT_EQ(head.framing.kind, Framing::Kind::none);
  EXPECT_TRUE(head.keep_alive);
}

// RFC 9112 3.2.1, 3.2.2, 3.2.4: the examples of the forms.
TEST_F(Request, OriginFormWithQuery) {
  const RequestHead& head = taken("GET /where?q=now HTTP/1.1\r\nHost: www.example.org\r\n\r\n");
  EXPECT_EQ(head.path, "/where");
  EXPECT_TRUE(head.has_query);
  EXPECT_EQ(head.query, "q=now");
}

TEST_F(Request, AnEmptyQueryIsAQuery) {
  const RequestHead& head = taken("GET /where?a?b HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(head.query, "a?b");
  EXPECT_TRUE(taken("GET /where? HTTP/1.1\r\nHost: a\r\n\r\n").has_query);
  EXPECT_FALSE(taken("GET /where HTTP/1.1\r\nHost: a\r\n\r\n").has_query);
}

TEST_F(Request, AbsoluteFormCountsForHostAndPath) {
  const RequestHead& head = taken(
      "GET http://www.example.org/pub/WWW/TheProject.html HTTP/1.1\r\nHost: "
      "www.example.org\r\n\r\n");
  EXPECT_EQ(head.authority, "www.example.org");
  EXPECT_EQ(head.path, "/pub/WWW/TheProject.html");
}

TEST_F(Request, AbsoluteFormWithoutPath) {
  EXPECT_EQ(taken("GET http://a HTTP/1.1\r\nHost: a\r\n\r\n").path, "/");
  EXPECT_EQ(taken("GET HTTP://a?x=y HTTP/1.1\r\nHost: a\r\n\r\n").path, "/");
  EXPECT_EQ(head_.query, "x=y");
  EXPECT_EQ(
      taken("OPTIONS http://www.example.org:8001 HTTP/1.1\r\nHost: www.example.org:8001\r\n\r\n")
          .path,
      "*");
}

TEST_F(Request, AbsoluteFormInHttp10NeedsNoHost) {
  EXPECT_EQ(taken("GET http://a:81/ HTTP/1.0\r\n\r\n").authority, "a:81");
}

TEST_F(Request, AsteriskForm) {
  EXPECT_EQ(taken("OPTIONS * HTTP/1.1\r\nHost: www.example.org:8001\r\n\r\n").path, "*");
}

TEST_F(Request, HostsThatMeanTheSamePlaceDoNotConflict) {
  taken("GET http://EXAMPLE.org:80/ HTTP/1.1\r\nHost: example.org.\r\n\r\n");
  taken("GET http://example.org:/ HTTP/1.1\r\nHost: example.org\r\n\r\n");
  EXPECT_EQ(read("GET http://example.org:8080/ HTTP/1.1\r\nHost: example.org\r\n\r\n").violation,
            Violation::host_conflict);
}

TEST_F(Request, OneEmptyLineBeforeTheRequestIsSkipped) {  // RFC 9112 2.2
  EXPECT_EQ(taken("\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n").method, "GET");
}

TEST_F(Request, ValuesLoseTheWhitespaceAroundThem) {  // RFC 9112 5.1
  const RequestHead& head =
      taken("GET / HTTP/1.1\r\nHost:a\r\nX: \t b \tc\t \r\nY:\r\nZ: \t\r\n\r\n");
  EXPECT_EQ(head.fields.find("X")->value, "b \tc");
  EXPECT_EQ(head.fields.find("Y")->value, "");
  EXPECT_EQ(head.fields.find("Z")->value, "");
  EXPECT_EQ(head.authority, "a");
}

TEST_F(Request, PersistenceFollowsVersionAndConnection) {  // RFC 9112 9.3
  EXPECT_TRUE(taken("GET / HTTP/1.1\r\nHost: a\r\n\r\n").keep_alive);
  EXPECT_FALSE(taken("GET / HTTP/1.1\r\nHost: a\r\nConnection: Close\r\n\r\n").keep_alive);
  EXPECT_FALSE(
      taken("GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive\r\nConnection: x, close\r\n\r\n")
          .keep_alive);
  EXPECT_FALSE(taken("GET / HTTP/1.0\r\n\r\n").keep_alive);
  EXPECT_TRUE(taken("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n").keep_alive);
  EXPECT_FALSE(taken("GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n").keep_alive);
}

TEST_F(Request, FramingFollowsTheFields) {  // RFC 9112 6.3
  EXPECT_EQ(taken("POST / HTTP/1.1\r\nHost: a\r\n\r\n").framing, (Framing{}));
  EXPECT_EQ(taken("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n").framing, (Framing{}));
  EXPECT_EQ(taken("GET / HTTP/1.1\r\nHost: a\r\ncontent-length: 0042\r\n\r\n").framing,
            (Framing{.kind = Framing::Kind::length, .length = 42}));
  EXPECT_EQ(taken("GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n").framing.kind,
            Framing::Kind::chunked);
}

TEST_F(Request, ExpectationsCountOnlyWithABodyAndInHttp11) {  // RFC 9110 10.1.1
  EXPECT_TRUE(
      taken("PUT / HTTP/1.1\r\nHost: a\r\nExpect: 100-Continue\r\nContent-Length: 1\r\n\r\n")
          .expect_continue);
  EXPECT_FALSE(taken("PUT / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n\r\n").expect_continue);
  EXPECT_FALSE(
      taken("PUT / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n").expect_continue);
}

TEST_F(Request, TrailersAreAcceptedWhenSaid) {  // RFC 9110 10.1.4
  EXPECT_TRUE(
      taken("GET / HTTP/1.1\r\nHost: a\r\nTE: deflate;q=0.5, trailers\r\n\r\n").accepts_trailers);
  EXPECT_FALSE(taken("GET / HTTP/1.1\r\nHost: a\r\nTE: trailers;q=0.5\r\n\r\n").accepts_trailers);
}

// RFC 6455 1.2, 1.3: the handshake of the specification.
TEST_F(Request, WebSocketUpgrade) {
  const std::string rest =
      "Host: server.example.com\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nOrigin: http://example.com\r\n"
      "Sec-WebSocket-Protocol: chat, superchat\r\nSec-WebSocket-Version: 13\r\n\r\n";
  EXPECT_TRUE(taken("GET /chat HTTP/1.1\r\n" + rest).websocket);
  EXPECT_EQ(read("POST /chat HTTP/1.1\r\n" + rest).violation, Violation::bad_websocket_upgrade);
  EXPECT_EQ(read("GET /chat HTTP/1.0\r\n" + rest).violation, Violation::bad_websocket_upgrade);
  EXPECT_FALSE(taken("GET /chat HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\n\r\n").websocket);
}

TEST_F(Request, AViolationIsToldAtTheFirstByteThatShowsIt) {
  EXPECT_EQ(read("GET /\x01").violation, Violation::bad_target);
  EXPECT_EQ(read("GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n ").violation, Violation::obs_fold);
  EXPECT_EQ(read("GET / HTTP/2.0\r\n").violation, Violation::version_not_supported);
  EXPECT_EQ(read("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n").violation,
            Violation::bad_content_length);
  EXPECT_EQ(read("\x16\x03\x01").violation, Violation::bad_method);  // TLS to a plain port
  EXPECT_EQ(read(std::string(33, 'A')).violation, Violation::bad_method);
}

TEST_F(Request, UnfinishedHeadsAskForMore) {
  for (const std::string text :
       {"", "G", "GET ", "GET / HTTP/1.", "GET / HTTP/1.1\r", "GET / HTTP/1.1\r\n", "\r", "\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\n\r", "GET / HTTP/1.1\r\nHost", "GET / HTTP/1.1\r\nHo\r"}) {
    EXPECT_EQ(read(text).status, ParseStatus::need_more) << text;
  }
}

TEST_F(Request, BoundsHoldToTheByte) {
  const std::string line = "GET / HTTP/1.1\r\n";  // 16 bytes
  const std::string host = "Host: a\r\n";         // 9 bytes
  EXPECT_EQ(read(line + host + "\r\n", {.head = 27, .line = 16, .fields = 1}).status,
            ParseStatus::complete);
  EXPECT_EQ(read(line + host + "\r\n", {.head = 26, .line = 16, .fields = 1}).violation,
            Violation::head_too_large);
  EXPECT_EQ(read(line + host + "\r\n", {.head = 27, .line = 15, .fields = 1}).violation,
            Violation::request_line_too_long);
  EXPECT_EQ(read(line + host + "\r\n", {.head = 27, .line = 16, .fields = 0}).violation,
            Violation::too_many_fields);
  EXPECT_EQ(read(std::string("GET /aaaaaaaaaaa"), {.head = 27, .line = 16, .fields = 1}).violation,
            Violation::request_line_too_long);
  EXPECT_EQ(read(line, {.head = 15, .line = 16, .fields = 1}).violation, Violation::head_too_large);
}

TEST_F(Request, FieldsAreBoundedWhateverTheCapSays) {
  std::string text = "GET / HTTP/1.1\r\nHost: a\r\n";
  for (std::size_t i = 0; i < Fields::kMaxParsed; ++i) text += "X: a\r\n";
  EXPECT_EQ(read(text + "\r\n", {.head = 1 << 20, .line = 1 << 20, .fields = 1 << 20}).violation,
            Violation::too_many_fields);
}

TEST_F(Request, AParserIsReadyForTheNextHeadWhenOneIsComplete) {
  const std::string first = "GET /1 HTTP/1.1\r\nHost: a\r\n\r\n";
  const std::string both = first + "GET /2 HTTP/1.1\r\nHost: a\r\n\r\n";
  RequestParser parser;
  EXPECT_EQ(parser.parse(both.substr(0, 20), {}, head_).status, ParseStatus::need_more);
  const HeadResult result = parser.parse(both, {}, head_);
  EXPECT_EQ(result.consumed, first.size());
  const std::string_view rest = std::string_view(both).substr(result.consumed);
  EXPECT_EQ(parser.parse(rest, {}, head_).consumed, rest.size());
  EXPECT_EQ(head_.path, "/2");
}

TEST_F(Request, NothingOfTheHeadBeforeIsLeft) {
  taken(
      "GET http://a/?q HTTP/1.1\r\nHost: a\r\nTE: trailers\r\nExpect: "
      "100-continue\r\nContent-Length: 1\r\n\r\n");
  const RequestHead& head = taken("GET / HTTP/1.0\r\n\r\n");
  EXPECT_EQ(head.authority, "");
  EXPECT_EQ(head.query, "");
  EXPECT_FALSE(head.has_query);
  EXPECT_FALSE(head.accepts_trailers);
  EXPECT_FALSE(head.expect_continue);
  EXPECT_EQ(head.framing, Framing{});
  EXPECT_EQ(head.fields.size(), 0u);
}

}  // namespace
}  // namespace weir::http
