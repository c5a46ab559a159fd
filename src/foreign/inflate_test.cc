#include "foreign/inflate.h"

#include <gtest/gtest.h>
#include <lzma.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <span>
#include <string>
#include <utility>

namespace weir::foreign {
namespace {

std::string text() {
  std::string result;
  for (int i = 0; i < 5000; ++i) result += "line " + std::to_string(i * 7919 % 5000) + "\n";
  return result;
}

std::string gzip(const std::string& plain) {
  z_stream stream{};
  EXPECT_EQ(deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
  std::string out(compressBound(plain.size()) + 64, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(plain.data()));
  stream.avail_in = static_cast<uInt>(plain.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

std::string xz(const std::string& plain) {
  std::string out(plain.size() + 4096, '\0');
  std::size_t size = 0;
  EXPECT_EQ(lzma_easy_buffer_encode(
                1, LZMA_CHECK_CRC64, nullptr, reinterpret_cast<const std::uint8_t*>(plain.data()),
                plain.size(), reinterpret_cast<std::uint8_t*>(out.data()), &size, out.size()),
            LZMA_OK);
  out.resize(size);
  return out;
}

std::string zstd(const std::string& plain) {
  std::string out(ZSTD_compressBound(plain.size()), '\0');
  out.resize(ZSTD_compress(out.data(), out.size(), plain.data(), plain.size(), 3));
  return out;
}

struct Outcome {
  std::string text;
  std::string wrong;  // empty: sound
};

Outcome unpack(const std::string& packed, std::size_t in_piece, std::size_t out_piece) {
  const auto all = std::as_bytes(std::span(packed));
  Inflate inflate(packing_of(all.first(std::min(all.size(), kPackingHead))));
  Outcome outcome;
  std::string room(out_piece, '\0');
  for (std::size_t at = 0; at < all.size();) {
    const auto in = all.subspan(at, std::min(in_piece, all.size() - at));
    std::size_t used = 0;
    for (;;) {
      const auto step = inflate.step(in.subspan(used), std::as_writable_bytes(std::span(room)));
      used += step.taken;
      outcome.text.append(room, 0, step.given);
      if (step.taken == 0 && step.given == 0) break;
    }
    if (used < in.size()) break;  // damage
    at += used;
  }
  if (const auto end = inflate.finish(); !end) outcome.wrong = to_string(end.error());
  return outcome;
}

struct Kind {
  const char* name;
  Packing packing;
  std::string (*pack)(const std::string&);
};

class Packed : public testing::TestWithParam<Kind> {};

TEST_P(Packed, ComesOutAsItWentInInPiecesOfAnySize) {
  const std::string plain = text(), packed = GetParam().pack(plain);
  EXPECT_EQ(packing_of(std::as_bytes(std::span(packed))), GetParam().packing);
  for (const auto& [in, out] :
       {std::pair<std::size_t, std::size_t>{1 << 20, 1 << 20}, {1, 4096}, {4096, 1}, {13, 17}}) {
    const Outcome outcome = unpack(packed, in, out);
    EXPECT_EQ(outcome.text, plain);
    EXPECT_EQ(outcome.wrong, "");
  }
}

TEST_P(Packed, SeveralInARowAreOne) {
  const Outcome outcome = unpack(GetParam().pack("one\n") + GetParam().pack("two\n"), 5, 100);
  EXPECT_EQ(outcome.text, "one\ntwo\n");
  EXPECT_EQ(outcome.wrong, "");
}

TEST_P(Packed, ATornOneGivesWhatWasBeforeAndSaysSo) {
  const std::string plain = text(), packed = GetParam().pack(plain);
  const Outcome outcome = unpack(packed.substr(0, packed.size() - 12), 1000, 1000);
  EXPECT_NE(outcome.wrong.find("ends in the middle"), std::string::npos) << outcome.wrong;
  EXPECT_TRUE(plain.starts_with(outcome.text));
}

TEST_P(Packed, ADamagedOneSaysSo) {
  const std::string plain = text();
  std::string packed = GetParam().pack(plain);
  for (std::size_t i = packed.size() / 2; i < packed.size() / 2 + 40; ++i)
    packed[i] = static_cast<char>(packed[i] ^ 0x55);
  const Outcome outcome = unpack(packed, 1000, 1000);
  EXPECT_NE(outcome.wrong.find("damaged"), std::string::npos);
}

TEST_P(Packed, AnEmptyOne) { EXPECT_EQ(unpack(GetParam().pack(""), 3, 10).wrong, ""); }

INSTANTIATE_TEST_SUITE_P(All, Packed,
                         testing::Values(Kind{"gzip", Packing::gzip, gzip},
                                         Kind{"xz", Packing::xz, xz},
                                         Kind{"zstd", Packing::zstd, zstd}),
                         [](const auto& kind_info) { return kind_info.param.name; });

TEST(Inflate, PlainIsHandedThrough) {
  EXPECT_EQ(unpack("plain text", 3, 2).text, "plain text");
  EXPECT_EQ(unpack("", 3, 2).wrong, "");
}

TEST(Inflate, ZerosBehindAGzipAreNoDamage) {
  const Outcome outcome = unpack(gzip("one\n") + std::string(512, '\0'), 100, 100);
  EXPECT_EQ(outcome.text, "one\n");
  EXPECT_EQ(outcome.wrong, "");
}

}  // namespace
}  // namespace weir::foreign
