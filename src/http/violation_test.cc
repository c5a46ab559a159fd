// Every violation the codec can tell, each with an example that breaks one rule and a twin that
// keeps it.
#include "http/violation.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "http/canonical.h"
#include "http/http1_reading_test.h"

namespace weir::http {
namespace {

struct Example {
  Violation violation;
  std::string bad;
  std::string good;
};

const std::string kEnd = "Host: a\r\n\r\n";
const std::string kGet = "GET / HTTP/1.1\r\nHost: a\r\n";
const std::string kPost = "POST / HTTP/1.1\r\nHost: a\r\n";
const std::string kChunked = kPost + "Transfer-Encoding: chunked\r\n\r\n";
const std::string kUpgrade =
    kGet + "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n";
const std::string kKey = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";  // RFC 6455 1.3

std::string repeat(std::string_view text, int times) {
  std::string result;
  for (int i = 0; i < times; ++i) result += text;
  return result;
}

std::vector<Example> request_examples() {
  using enum Violation;
  return {
      {bad_request_line, "GET  / HTTP/1.1\r\n" + kEnd, "GET / HTTP/1.1\r\n" + kEnd},
      {bad_request_line, "GET /\r\n" + kEnd, "GET / HTTP/1.0\r\n" + kEnd},
      {bad_request_line, "GET / HTTP/1.1 \r\n" + kEnd, "GET / HTTP/1.1\r\n" + kEnd},
      {bad_request_line, "\r\n\r\nGET / HTTP/1.1\r\n" + kEnd, "\r\nGET / HTTP/1.1\r\n" + kEnd},
      {bad_method, "G{T / HTTP/1.1\r\n" + kEnd, "G|T / HTTP/1.1\r\n" + kEnd},
      {bad_method, std::string(33, 'M') + " / HTTP/1.1\r\n" + kEnd,
       std::string(32, 'M') + " / HTTP/1.1\r\n" + kEnd},
      {bad_target, "GET /a#b HTTP/1.1\r\n" + kEnd, "GET /a%23b HTTP/1.1\r\n" + kEnd},
      {bad_target, "GET /\xc3\xa9 HTTP/1.1\r\n" + kEnd, "GET /%C3%A9 HTTP/1.1\r\n" + kEnd},
      {bad_target, "GET * HTTP/1.1\r\n" + kEnd, "OPTIONS * HTTP/1.1\r\n" + kEnd},
      {bad_target, "GET https://a/ HTTP/1.1\r\n" + kEnd, "GET http://a/ HTTP/1.1\r\n" + kEnd},
      {bad_version, "GET / HTTP/1.1.\r\n" + kEnd, "GET / HTTP/1.1\r\n" + kEnd},
      {bad_version, "GET / http/1.1\r\n" + kEnd, "GET / HTTP/1.1\r\n" + kEnd},
      {version_not_supported, "GET / HTTP/1.2\r\n" + kEnd, "GET / HTTP/1.1\r\n" + kEnd},
      {version_not_supported, "GET / HTTP/2.0\r\n" + kEnd, "GET / HTTP/1.0\r\n" + kEnd},
      {request_line_too_long, "GET /" + std::string(8192 - 15, 'a') + " HTTP/1.1\r\n" + kEnd,
       "GET /" + std::string(8192 - 16, 'a') + " HTTP/1.1\r\n" + kEnd},
      {line_too_long, kGet + "X: " + std::string(8192 - 4, 'a') + "\r\n\r\n",
       kGet + "X: " + std::string(8192 - 5, 'a') + "\r\n\r\n"},
      {head_too_large, kGet + repeat("X: " + std::string(8000, 'a') + "\r\n", 5) + "\r\n",
       kGet + repeat("X: " + std::string(8000, 'a') + "\r\n", 4) + "\r\n"},
      {too_many_fields, kGet + repeat("X: a\r\n", 100) + "\r\n",
       kGet + repeat("X: a\r\n", 99) + "\r\n"},
      {bare_cr, kGet + "X: a\rb\r\n\r\n", kGet + "X: ab\r\n\r\n"},
      {bare_cr, kGet + "X: a\r\r\n\r\n", kGet + "X: a\r\n\r\n"},
      {bare_lf, kGet + "X: a\n\r\n", kGet + "X: a\r\n\r\n"},
      {bare_lf, kGet + "X: a\n\n\r\n", kGet + "X: a\r\n\r\n"},
      {bad_field_value, kGet + "X: a\x01\n\r\n", kGet + "X: a\r\n\r\n"},
      {bare_lf, "GET / HTTP/1.1\n" + kEnd, "GET / HTTP/1.1\r\n" + kEnd},
      {bare_lf, kGet + "\n", kGet + "\r\n"},
      {obs_fold, kGet + "X: a\r\n b\r\n\r\n", kGet + "X: a\r\nb:\r\n\r\n"},
      {obs_fold, "GET / HTTP/1.1\r\n Host: a\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\n\r\n"},
      {space_before_colon, kGet + "X : a\r\n\r\n", kGet + "X: a\r\n\r\n"},
      {space_before_colon, kGet + "X\t: a\r\n\r\n", kGet + "X:\ta\r\n\r\n"},
      {empty_field_name, kGet + ": a\r\n\r\n", kGet + "X: a\r\n\r\n"},
      {bad_field_name, kGet + "X(: a\r\n\r\n", kGet + "X!: a\r\n\r\n"},
      {space_before_colon, kGet + "X Y: a\r\n\r\n", kGet + "X-Y: a\r\n\r\n"},
      {bad_field_name, kGet + "X\x85: a\r\n\r\n", kGet + "X~: a\r\n\r\n"},
      {bad_field_value, kGet + "X: a" + std::string(1, '\0') + "\r\n\r\n", kGet + "X: a\t\r\n\r\n"},
      {bad_field_value, kGet + "X: \x7f\r\n\r\n", kGet + "X: \x80\r\n\r\n"},
      {missing_colon, kGet + "X\r\n\r\n", kGet + "X:\r\n\r\n"},
      {missing_host, "GET / HTTP/1.1\r\n\r\n", "GET / HTTP/1.0\r\n\r\n"},
      {duplicate_host, kGet + "Host: a\r\n\r\n", kGet + "Hosts: a\r\n\r\n"},
      {bad_host, "GET / HTTP/1.1\r\nHost: u@h\r\n\r\n", "GET / HTTP/1.1\r\nHost: u.h\r\n\r\n"},
      {bad_host, "GET / HTTP/1.1\r\nHost: h/x\r\n\r\n", "GET / HTTP/1.1\r\nHost: h\r\n\r\n"},
      {bad_host, "GET / HTTP/1.1\r\nHost: [::1\r\n\r\n", "GET / HTTP/1.1\r\nHost: [::1]\r\n\r\n"},
      {bad_host, "GET / HTTP/1.1\r\nHost: h:80:90\r\n\r\n", "GET / HTTP/1.1\r\nHost: h:80\r\n\r\n"},
      {bad_host, "GET / HTTP/1.1\r\nHost: h#x\r\n\r\n", "GET / HTTP/1.1\r\nHost: h-x\r\n\r\n"},
      {bad_host, "GET / HTTP/1.1\r\nHost:\r\n\r\n", "GET / HTTP/1.1\r\nHost: h\r\n\r\n"},
      {bad_host, "GET http://u@a/ HTTP/1.1\r\n" + kEnd, "GET http://a/ HTTP/1.1\r\n" + kEnd},
      {host_conflict, "GET http://b/ HTTP/1.1\r\n" + kEnd, "GET http://A:80/ HTTP/1.1\r\n" + kEnd},
      {length_and_transfer_encoding,
       kPost + "Content-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
       kChunked + "0\r\n\r\n"},
      {bad_content_length, kPost + "Content-Length: +3\r\n\r\nabc",
       kPost + "Content-Length: 3\r\n\r\nabc"},
      {bad_content_length, kPost + "Content-Length: 1000000000000000000\r\n\r\n",
       kPost + "Content-Length: 999999999999999999\r\n\r\n"},
      {repeated_content_length, kPost + "Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
       kPost + "Content-Length: 3\r\n\r\nabc"},
      {repeated_content_length, kPost + "Content-Length: 3, 3\r\n\r\nabc",
       kPost + "Content-Length: 3\r\n\r\nabc"},
      {bad_transfer_encoding, kPost + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
       kChunked + "0\r\n\r\n"},
      {bad_transfer_encoding, kPost + "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
       kPost + "Transfer-Encoding: CHUNKED\r\n\r\n0\r\n\r\n"},
      {bad_transfer_encoding,
       kPost + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
       kChunked + "0\r\n\r\n"},
      {transfer_encoding_in_http10,
       "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
       "POST / HTTP/1.0\r\nContent-Length: 1\r\n\r\n0"},
      {bad_chunk_size, kChunked + "0x1\r\nx\r\n0\r\n\r\n", kChunked + "01\r\nx\r\n0\r\n\r\n"},
      {bad_chunk_size, kChunked + "1 \r\nx\r\n0\r\n\r\n", kChunked + "1\r\nx\r\n0\r\n\r\n"},
      {bad_chunk_size, kChunked + "00000000000000001\r\nx\r\n0\r\n\r\n",
       kChunked + "0000000000000001\r\nx\r\n0\r\n\r\n"},
      {chunk_size_overflow, kChunked + "8000000000000000\r\nx", kChunked + "7fffffffffffffff\r\nx"},
      {bad_chunk_extension, kChunked + "1; a\r\nx\r\n0\r\n\r\n",
       kChunked + "1;a\r\nx\r\n0\r\n\r\n"},
      {bad_chunk_extension, kChunked + "1;a=\"\r\n\"\r\nx\r\n0\r\n\r\n",
       kChunked + "1;a=b\r\nx\r\n0\r\n\r\n"},
      {bad_chunk_extension, kChunked + "1;" + std::string(253, 'a') + "\r\nx\r\n0\r\n\r\n",
       kChunked + "1;" + std::string(252, 'a') + "\r\nx\r\n0\r\n\r\n"},
      {bad_chunk_end, kChunked + "1\r\nxx\r\n0\r\n\r\n", kChunked + "2\r\nxx\r\n0\r\n\r\n"},
      {bare_lf, kChunked + "1\nx\r\n0\r\n\r\n", kChunked + "1\r\nx\r\n0\r\n\r\n"},
      {bare_lf, kChunked + "1;a\nx\r\n0\r\n\r\n", kChunked + "1;a\r\nx\r\n0\r\n\r\n"},
      {bare_lf, kChunked + "1\r\nx\n0\r\n\r\n", kChunked + "1\r\nx\r\n0\r\n\r\n"},
      {bare_lf, kChunked + "0\r\n\n", kChunked + "0\r\n\r\n"},
      {forbidden_trailer, kChunked + "0\r\nContent-Length: 1\r\n\r\n",
       kChunked + "0\r\nContent-Digest: 1\r\n\r\n"},
      {forbidden_trailer, kChunked + "0\r\nauthorization: 1\r\n\r\n",
       kChunked + "0\r\nauthor: 1\r\n\r\n"},
      {forbidden_trailer, kChunked + "0\r\nX-FORWARDED-any: 1\r\n\r\n",
       kChunked + "0\r\nX-FORWARDE: 1\r\n\r\n"},
      {trailers_too_large, kChunked + "0\r\nX: " + std::string(8186, 'a') + "\r\n\r\n",
       kChunked + "0\r\nX: " + std::string(8185, 'a') + "\r\n\r\n"},
      {obs_fold, kChunked + "0\r\nX: a\r\n b\r\n\r\n", kChunked + "0\r\nX: a\r\nb:\r\n\r\n"},
      {space_before_colon, kChunked + "0\r\nX : a\r\n\r\n", kChunked + "0\r\nX: a\r\n\r\n"},
      {bad_connection, kGet + "Connection: Host\r\n\r\n", kGet + "Connection: close\r\n\r\n"},
      {bad_connection, kGet + "Connection: x-forwarded-mine\r\n\r\n",
       kGet + "Connection: x-mine\r\n\r\n"},
      {bad_connection, kGet + "Connection: a b\r\n\r\n", kGet + "Connection: a, ,b\r\n\r\n"},
      {bad_connection, kGet + "Connection: " + repeat("x,", 33) + "\r\n\r\n",
       kGet + "Connection: " + repeat("x,", 32) + "\r\n\r\n"},
      {bad_connection, kGet + repeat("Connection: " + repeat("x,", 17) + "\r\n", 2) + "\r\n",
       kGet + repeat("Connection: " + repeat("x,", 16) + "\r\n", 2) + "\r\n"},
      {connect_refused, "CONNECT a:443 HTTP/1.1\r\n" + kEnd, "CONNECTS / HTTP/1.1\r\n" + kEnd},
      {upgrade_refused,
       kGet + "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: "
              "AAMAAABk\r\n\r\n",
       kUpgrade + kKey + "\r\n"},
      {bad_expect, kPost + "Expect: 200-ok\r\nContent-Length: 1\r\n\r\nx",
       kPost + "Expect: 100-continue\r\nContent-Length: 1\r\n\r\nx"},
      {bad_websocket_upgrade, kUpgrade + "\r\n", kUpgrade + kKey + "\r\n"},
      {bad_websocket_upgrade, kUpgrade + "Sec-WebSocket-Key: c2hvcnQ=\r\n\r\n",
       kUpgrade + kKey + "\r\n"},
      {bad_websocket_upgrade, kUpgrade + kKey + "Content-Length: 1\r\n\r\nx",
       kUpgrade + kKey + "Content-Length: 0\r\n\r\n"},
  };
}

std::vector<Example> response_examples() {
  using enum Violation;
  const std::string ok = "HTTP/1.1 200 OK\r\n";
  return {
      {bad_status_line, "HTTP/1.1 200\r\n\r\n", "HTTP/1.1 200 \r\n\r\n"},
      {bad_status_line, "HTTP/1.1 099 OK\r\n\r\n", "HTTP/1.1 100 OK\r\n\r\n"},
      {bad_status_line, "HTTP/1.1 600 OK\r\n\r\n", "HTTP/1.1 599 OK\r\n\r\n"},
      {bad_status_line, "HTTP/1.1 2000 OK\r\n\r\n", "HTTP/1.1 200 0 OK\r\n\r\n"},
      {bad_status_line, "HTTP/1.1 200 a\x01\r\n\r\n", "HTTP/1.1 200 a\t\r\n\r\n"},
      {version_not_supported, "HTTP/2.0 200 OK\r\n\r\n", "HTTP/1.0 200 OK\r\n\r\n"},
      {unasked_101,
       "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n",
       "HTTP/1.1 103 Early Hints\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n"},
      {length_and_transfer_encoding,
       ok + "Content-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
       ok + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
      {repeated_content_length, ok + "Content-Length: 1\r\nContent-Length: 2\r\n\r\nab",
       ok + "Content-Length: 2\r\n\r\nab"},
      {repeated_content_length, "HTTP/1.1 304 Not Modified\r\nContent-Length: 1,1\r\n\r\n",
       "HTTP/1.1 304 Not Modified\r\nContent-Length: 11\r\n\r\n"},
      {bad_transfer_encoding, ok + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
       ok + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
      {bad_connection, ok + "Connection: Content-Length\r\nContent-Length: 0\r\n\r\n",
       ok + "Connection: X-Mine\r\nContent-Length: 0\r\n\r\n"},
      {bare_lf, "HTTP/1.1 200 OK\n\r\n", "HTTP/1.1 200 OK\r\n\r\n"},
      {bare_lf, "HTTP/1.1 200 OK\n\n\r\n", "HTTP/1.1 200 OK\r\n\r\n"},
      {line_too_long, "HTTP/1.1 200 " + std::string(8192 - 14, 'a') + "\r\n\r\n",
       "HTTP/1.1 200 " + std::string(8192 - 15, 'a') + "\r\n\r\n"},
  };
}

std::vector<Example> path_examples() {
  using enum Violation;
  return {
      {bad_path, "/a/../..", "/a/.."}, {bad_path, "/a\\b", "/a/b"},
      {bad_path, "/%zz", "/%7A%7a"},   {encoded_slash, "/a%2Fb", "/a%2Db"},
      {encoded_nul, "/a%00", "/a%0A"},
  };
}

Violation told(const std::string& message, bool request) {
  oracle::Heads heads;
  return oracle::read_with_weir(message, {.request = request, .response = {}}, 0, heads).violation;
}

TEST(Violations, EachRequestExampleFiresAndItsTwinDoesNot) {
  for (const Example& example : request_examples()) {
    EXPECT_EQ(info(told(example.bad, true)).name, info(example.violation).name) << example.bad;
    EXPECT_EQ(info(told(example.good, true)).name, "none") << example.good;
  }
}

TEST(Violations, EachResponseExampleFiresAndItsTwinDoesNot) {
  for (const Example& example : response_examples()) {
    EXPECT_EQ(info(told(example.bad, false)).name, info(example.violation).name) << example.bad;
    EXPECT_EQ(info(told(example.good, false)).name, "none") << example.good;
  }
}

TEST(Violations, EachPathExampleFiresAndItsTwinDoesNot) {
  for (const Example& example : path_examples()) {
    std::string storage;
    EXPECT_EQ(canonical_path(example.bad, EncodedSlash::refuse, storage).violation,
              example.violation)
        << example.bad;
    EXPECT_EQ(canonical_path(example.good, EncodedSlash::refuse, storage).violation,
              Violation::none)
        << example.good;
  }
}

TEST(Violations, ABodyCutShortIsTruncated) {
  oracle::Cutter cutter(0);
  BodyReader body({.kind = Framing::Kind::length, .length = 3});
  EXPECT_EQ(body.next("ab").violation, Violation::none);
  EXPECT_EQ(body.ended(), Violation::body_truncated);
  body.next("c");
  EXPECT_EQ(body.ended(), Violation::none);
}

TEST(Violations, EveryOneHasAnExampleHereOrIsToldByTheConnection) {
  std::set<Violation> shown = {Violation::none, Violation::body_truncated};
  for (const auto& examples : {request_examples(), response_examples(), path_examples()}) {
    for (const Example& example : examples) shown.insert(example.violation);
  }
  // What only who counts messages on a connection can tell.
  shown.insert({Violation::surplus_bytes, Violation::too_many_interim});
  for (int i = 0; i < static_cast<int>(Violation::count_); ++i) {
    EXPECT_TRUE(shown.contains(static_cast<Violation>(i))) << info(static_cast<Violation>(i)).name;
  }
}

TEST(Violations, EveryRowOfTheTableIsFilledAndNamedOnce) {
  std::set<std::string_view> names;
  for (int i = 1; i < static_cast<int>(Violation::count_); ++i) {
    const ViolationInfo& row = info(static_cast<Violation>(i));
    EXPECT_TRUE(names.insert(row.name).second) << row.name;
    EXPECT_TRUE(row.clause.starts_with("RFC ")) << row.name;
    EXPECT_FALSE(row.text.empty()) << row.name;
    EXPECT_GE(row.status, 400) << row.name;
    EXPECT_LE(row.status, 505) << row.name;
  }
}

TEST(Violations, StatusesWithAMeaningOfTheirOwn) {
  EXPECT_EQ(info(Violation::request_line_too_long).status, 414);  // RFC 9110 15.5.15
  EXPECT_EQ(info(Violation::line_too_long).status, 431);          // RFC 6585 5
  EXPECT_EQ(info(Violation::head_too_large).status, 431);
  EXPECT_EQ(info(Violation::too_many_fields).status, 431);
  EXPECT_EQ(info(Violation::bad_expect).status, 417);             // RFC 9110 10.1.1
  EXPECT_EQ(info(Violation::version_not_supported).status, 505);  // RFC 9110 15.6.6
  EXPECT_EQ(info(Violation::bare_lf).name, "bare_lf");
  EXPECT_EQ(info(Violation::trailers_too_large).name, "trailers_too_large");
}

}  // namespace
}  // namespace weir::http
