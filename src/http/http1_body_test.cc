// BodyReader: chunks in any pieces, ends, bounds, trailers (RFC 9112 6.3, 7.1).
#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "http/http1.h"

namespace weir::http {
namespace {

struct Whole {
  std::string payload;
  std::size_t consumed = 0;
  bool finished = false;
  Violation violation = Violation::none;
  friend bool operator==(const Whole&, const Whole&) = default;
};

// Feeds `input` in pieces of `size` bytes.
Whole read(Framing framing, std::string_view input, std::size_t size) {
  BodyReader reader(framing);
  Whole whole;
  while (whole.consumed < input.size() && !whole.finished && whole.violation == Violation::none) {
    const BodyReader::Step step = reader.next(input.substr(whole.consumed, size));
    whole.payload += step.payload;
    whole.consumed += step.consumed;
    whole.finished = step.finished;
    whole.violation = step.violation;
  }
  return whole;
}

constexpr Framing kChunked{.kind = Framing::Kind::chunked, .length = 0};

// RFC 9112 7.1: the grammar's parts, once each.
const std::string kMessage =
    "4\r\nWiki\r\n7;x=y;z\r\npedia i\r\n00B\r\nn \r\nchunks.\r\n0\r\nDigest: x\r\nB:\r\n\r\n";

TEST(Body, ChunksAreJoinedWhateverThePieces) {
  const Whole wanted{
      .payload = "Wikipedia in \r\nchunks.", .consumed = kMessage.size(), .finished = true};
  for (std::size_t size = 1; size <= kMessage.size() + 1; ++size)
    EXPECT_EQ(read(kChunked, kMessage + "X", size), wanted) << size;
}

TEST(Body, LengthEndsAtItsLastByte) {
  const Framing framing{.kind = Framing::Kind::length, .length = 5};
  for (std::size_t size = 1; size <= 6; ++size) {
    EXPECT_EQ(read(framing, "helloX", size),
              (Whole{.payload = "hello", .consumed = 5, .finished = true}));
  }
}

TEST(Body, RemainingCountsDown) {
  BodyReader reader({.kind = Framing::Kind::length, .length = 5});
  EXPECT_EQ(reader.remaining(), 5u);
  reader.next("he");
  EXPECT_EQ(reader.remaining(), 3u);
  EXPECT_FALSE(reader.finished());
  reader.next("llo");
  EXPECT_EQ(reader.remaining(), 0u);
  EXPECT_TRUE(reader.finished());
}

TEST(Body, NoneIsFinishedBeforeItBegins) {
  EXPECT_TRUE(BodyReader().finished());
  EXPECT_TRUE(BodyReader(Framing{}).finished());
  BodyReader reader(Framing{});
  EXPECT_EQ(reader.next("abc").consumed, 0u);
}

TEST(Body, OpaqueBytesEndWithTheConnectionOnly) {
  for (const auto kind : {Framing::Kind::until_close, Framing::Kind::tunnel}) {
    BodyReader reader({.kind = kind, .length = 0});
    EXPECT_EQ(reader.next("abc").payload, "abc");
    EXPECT_FALSE(reader.finished());
    EXPECT_EQ(reader.ended(), Violation::none);
  }
}

TEST(Body, EveryPrefixOfChunksIsTruncated) {
  for (std::size_t size = 0; size < kMessage.size(); ++size) {
    BodyReader reader(kChunked);
    std::string_view rest = std::string_view(kMessage).substr(0, size);
    while (!rest.empty()) rest.remove_prefix(reader.next(rest).consumed);
    EXPECT_EQ(reader.ended(), Violation::body_truncated) << size;
  }
}

TEST(Body, TheEndIsSeenWithTheLastPayload) {
  BodyReader reader(kChunked);
  const std::string_view input = "2\r\nab\r\n0\r\n\r\nGET";
  const BodyReader::Step step = reader.next(input);
  EXPECT_EQ(step.payload, "ab");
  EXPECT_TRUE(step.finished);
  EXPECT_EQ(input.substr(step.consumed), "GET");
}

TEST(Body, AFaultStays) {
  BodyReader reader(kChunked);
  const BodyReader::Step step = reader.next("2\r\nabX\r\n");
  EXPECT_EQ(step.payload, "ab");
  EXPECT_EQ(step.violation, Violation::bad_chunk_end);
  EXPECT_EQ(reader.next("0\r\n\r\n").violation, Violation::bad_chunk_end);
  EXPECT_EQ(reader.ended(), Violation::bad_chunk_end);
}

TEST(Body, TheLargestChunkFits63Bits) {
  BodyReader reader(kChunked);
  EXPECT_EQ(reader.next("7fffffffffffffff\r\nx").violation, Violation::none);
  EXPECT_EQ(BodyReader(kChunked).next("8000000000000000\r\n").violation,
            Violation::chunk_size_overflow);
  EXPECT_EQ(BodyReader(kChunked).next("FFFFFFFFFFFFFFFF\r\n").violation,
            Violation::chunk_size_overflow);
}

TEST(Body, EachForbiddenTrailerIsRefusedInAnyCase) {  // RFC 9110 6.5.1
  for (const std::string name : {"Transfer-Encoding",
                                 "Content-Length",
                                 "Host",
                                 "Cache-Control",
                                 "Expect",
                                 "Max-Forwards",
                                 "Pragma",
                                 "Range",
                                 "TE",
                                 "If-Match",
                                 "If-None-Match",
                                 "Authorization",
                                 "Proxy-Authorization",
                                 "WWW-Authenticate",
                                 "Proxy-Authenticate",
                                 "Cookie",
                                 "Set-Cookie",
                                 "Age",
                                 "Expires",
                                 "Date",
                                 "Location",
                                 "Retry-After",
                                 "Vary",
                                 "Warning",
                                 "Content-Encoding",
                                 "Content-Type",
                                 "Content-Range",
                                 "Trailer",
                                 "Connection",
                                 "X-Forwarded-Proto",
                                 "TRACEPARENT"}) {
    EXPECT_EQ(read(kChunked, "0\r\n" + name + ": x\r\n\r\n", 3).violation,
              Violation::forbidden_trailer)
        << name;
    EXPECT_EQ(read(kChunked, "0\r\n" + name + "s: x\r\n\r\n", 3).violation,
              name.starts_with("X-") ? Violation::forbidden_trailer : Violation::none)
        << name;
  }
}

TEST(Body, ManyChunksOfOneByteAreReadToTheEnd) {
  std::string input;
  for (int i = 0; i < 10000; ++i) input += "1\r\nx\r\n";
  input += "0\r\n\r\n";
  EXPECT_EQ(
      read(kChunked, input, 4096),
      (Whole{.payload = std::string(10000, 'x'), .consumed = input.size(), .finished = true}));
}

TEST(Body, ExtensionsAreBoundedInAll) {  // CVE-2023-39326: payload of a byte a chunk behind
                                         // extensions without end
  const std::string chunk = "1;" + std::string(199, 'e') + "\r\nx\r\n";
  std::string input;
  for (int i = 0; i < 81; ++i) input += chunk;  // 200 bytes of extension each: 16,200
  EXPECT_EQ(read(kChunked, input, 4096).violation, Violation::none);
  EXPECT_EQ(read(kChunked, input + chunk, 4096).violation, Violation::bad_chunk_extension);
}

}  // namespace
}  // namespace weir::http
