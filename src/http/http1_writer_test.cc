// The writers and strip_hop_by_hop: exact bytes, per status, version and method.
#include <gtest/gtest.h>

#include <string>

#include "http/http1.h"

namespace weir::http {
namespace {

constexpr Framing kNone{};
constexpr Framing kChunked{.kind = Framing::Kind::chunked, .length = 0};
constexpr Framing kFive{.kind = Framing::Kind::length, .length = 5};
constexpr Framing kUntilClose{.kind = Framing::Kind::until_close, .length = 0};

Fields some() {
  Fields fields;
  fields.add("hOst", "a", FieldId::host);
  fields.add("X-Mine", "1", FieldId::other);
  return fields;
}

std::string request(std::string_view method, const Fields& fields, const Framing& framing) {
  std::string out = "before ";
  write_request_head(method, "/p?q", fields, framing, out);
  EXPECT_TRUE(out.starts_with("before "));
  return out.substr(7);
}

std::string response(std::uint16_t status, const Framing& framing,
                     ResponseWriteOptions options = {}) {
  std::string out;
  write_response_head(status, "", Fields(), framing, options, out);
  return out;
}

TEST(Writer, RequestsSayHowTheirBodyIsFramed) {
  const std::string head = " /p?q HTTP/1.1\r\nhOst: a\r\nX-Mine: 1\r\n";
  EXPECT_EQ(request("GET", some(), kNone), "GET" + head + "\r\n");
  EXPECT_EQ(request("POST", some(), kNone),
            "POST" + head + "Content-Length: 0\r\n\r\n");  // RFC 9110 8.6
  EXPECT_EQ(request("GET", some(), kFive), "GET" + head + "Content-Length: 5\r\n\r\n");
  EXPECT_EQ(request("PUT", some(), kChunked), "PUT" + head + "Transfer-Encoding: chunked\r\n\r\n");
}

TEST(Writer, FramingAndConnectionComeFromTheArgumentsAlone) {
  Fields fields;
  fields.add(FieldId::content_length, "7");
  fields.add(FieldId::transfer_encoding, "gzip");
  fields.add(FieldId::connection, "X-Mine");
  fields.add(FieldId::upgrade, "h2c");
  fields.add(FieldId::te, "trailers");
  fields.add(FieldId::trailer, "X");
  fields.add(FieldId::keep_alive, "timeout=5");
  fields.add(FieldId::proxy_connection, "close");
  EXPECT_EQ(request("GET", fields, kNone), "GET /p?q HTTP/1.1\r\n\r\n");
}

TEST(Writer, AControlByteFromInsideCannotEndALine) {  // RFC 9110 5.5
  Fields fields;
  fields.add("X", "a\r\nSet-Cookie: b", FieldId::other);
  fields.add("Y", std::string_view("a\0b\tc", 5), FieldId::other);
  EXPECT_EQ(request("GET", fields, kNone),
            "GET /p?q HTTP/1.1\r\nX: a  Set-Cookie: b\r\nY: a b\tc\r\n\r\n");
}

TEST(Writer, UpgradesAreTheWritersOwnWords) {
  std::string out;
  write_upgrade_request_head("/chat", some(), out);
  EXPECT_EQ(out,
            "GET /chat HTTP/1.1\r\nhOst: a\r\nX-Mine: 1\r\nConnection: upgrade\r\nUpgrade: "
            "websocket\r\n\r\n");
  EXPECT_EQ(
      response(101, {.kind = Framing::Kind::tunnel, .length = 0}),
      "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n");
}

TEST(Writer, ResponsesSayHowTheyEnd) {
  const std::string ok = "HTTP/1.1 200 OK\r\n";
  EXPECT_EQ(response(200, kNone), ok + "Content-Length: 0\r\n\r\n");
  EXPECT_EQ(response(200, kFive), ok + "Content-Length: 5\r\n\r\n");
  EXPECT_EQ(response(200, kChunked), ok + "Transfer-Encoding: chunked\r\n\r\n");
  EXPECT_EQ(response(200, kUntilClose), ok + "Connection: close\r\n\r\n");
  EXPECT_EQ(response(200, kFive, {.keep_alive = false}),
            ok + "Content-Length: 5\r\nConnection: close\r\n\r\n");
}

TEST(Writer, AnHttp10PeerGetsNoChunks) {  // RFC 9112 6.1
  const std::string ok = "HTTP/1.1 200 OK\r\n";
  EXPECT_EQ(response(200, kChunked, {.peer = Version::http10}), ok + "Connection: close\r\n\r\n");
  EXPECT_EQ(response(200, kFive, {.peer = Version::http10}),
            ok + "Content-Length: 5\r\nConnection: keep-alive\r\n\r\n");
  EXPECT_EQ(response(200, kFive, {.peer = Version::http10, .keep_alive = false}),
            ok + "Content-Length: 5\r\nConnection: close\r\n\r\n");
}

TEST(Writer, StatusesWithoutABodyStateALengthOnlyWhereTheyMay) {  // RFC 9110 8.6
  EXPECT_EQ(response(100, kNone), "HTTP/1.1 100 Continue\r\n\r\n");
  EXPECT_EQ(response(103, kFive, {.keep_alive = false}), "HTTP/1.1 103 Early Hints\r\n\r\n");
  EXPECT_EQ(response(204, kFive), "HTTP/1.1 204 No Content\r\n\r\n");
  EXPECT_EQ(response(304, kNone), "HTTP/1.1 304 Not Modified\r\n\r\n");
  EXPECT_EQ(response(304, kFive), "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n");
}

TEST(Writer, AnswersToHeadStateWhatGetWouldGet) {  // RFC 9110 9.3.2
  const ResponseWriteOptions head{.head_request = true};
  const std::string ok = "HTTP/1.1 200 OK\r\n";
  EXPECT_EQ(response(200, kFive, head), ok + "Content-Length: 5\r\n\r\n");
  EXPECT_EQ(response(200, {.kind = Framing::Kind::length, .length = 0}, head),
            ok + "Content-Length: 0\r\n\r\n");
  EXPECT_EQ(response(200, kChunked, head), ok + "Transfer-Encoding: chunked\r\n\r\n");
  EXPECT_EQ(response(200, kNone, head), ok + "\r\n");
  EXPECT_EQ(response(200, kUntilClose, head), ok + "\r\n");
}

TEST(Writer, TheUpstreamsReasonIsKeptAndAnEmptyOneFilled) {
  std::string out;
  write_response_head(404, "Weg", Fields(), kNone, {}, out);
  EXPECT_TRUE(out.starts_with("HTTP/1.1 404 Weg\r\n"));
  EXPECT_TRUE(response(599, kNone).starts_with("HTTP/1.1 599 \r\n"));
}

TEST(Writer, ChunkSizesAreHexadecimal) {
  std::string out;
  write_chunk_start(26, out);
  EXPECT_EQ(out, "1a\r\n");
  out.clear();
  write_chunk_start(~std::uint64_t{0} >> 1, out);
  EXPECT_EQ(out, "7fffffffffffffff\r\n");
}

TEST(HopByHop, WhatOneConnectionWasToldIsNotPassedOn) {  // RFC 9110 7.6.1
  Fields fields;
  fields.add("Connection", "close, X-Nominated , x-other", FieldId::connection);
  fields.add("x-nominated", "1", FieldId::other);
  fields.add("X-Kept", "2", FieldId::other);
  fields.add("X-Other", "3", FieldId::other);
  fields.add("X-OTHER", "4", FieldId::other);
  for (const FieldId id :
       {FieldId::keep_alive, FieldId::proxy_connection, FieldId::te, FieldId::trailer,
        FieldId::transfer_encoding, FieldId::content_length, FieldId::upgrade,
        FieldId::proxy_authenticate, FieldId::proxy_authorization}) {
    fields.add(id, "x");
  }
  fields.add(FieldId::authorization, "kept");
  strip_hop_by_hop(fields);
  ASSERT_EQ(fields.size(), 2u);
  EXPECT_EQ(fields.all()[0].name, "X-Kept");
  EXPECT_EQ(fields.all()[1].id, FieldId::authorization);
}

TEST(HopByHop, WellKnownNamesInDisguiseAreNotPassedOn) {  // RFC 3875 4.1.18
  Fields fields;
  for (const auto name :
       {"X_Forwarded_For", "content_LENGTH", "X-Request_Id", "X_Mine", "my_cookie_"}) {
    fields.add(name, "1", field_id(name));
  }
  strip_hop_by_hop(fields);
  ASSERT_EQ(fields.size(), 2u);
  EXPECT_EQ(fields.all()[0].name, "X_Mine");
  EXPECT_EQ(fields.all()[1].name, "my_cookie_");
}

TEST(HopByHop, SeveralConnectionFieldsNominateTogether) {
  Fields fields;
  fields.add("Connection", "a", FieldId::connection);
  fields.add("Connection", ",b,", FieldId::connection);
  fields.add("A", "1", FieldId::other);
  fields.add("B", "2", FieldId::other);
  strip_hop_by_hop(fields);
  EXPECT_EQ(fields.size(), 0u);
}

}  // namespace
}  // namespace weir::http
