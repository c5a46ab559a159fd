#include "base/json.h"

#include <emmintrin.h>

#include <bit>
#include <charconv>
#include <cmath>
#include <cstring>

#include "base/check.h"
#include "base/put.h"

namespace weir {
namespace {

constexpr std::string_view kHex = "0123456789abcdef";

// Bytes that may be copied as they are: printable ASCII but quote and backslash.
constexpr std::array<bool, 256> plain_table() {
  std::array<bool, 256> table{};
  for (int c = 0x20; c < 0x7f; ++c) table[static_cast<std::size_t>(c)] = c != '"' && c != '\\';
  return table;
}
constexpr std::array<bool, 256> kPlain = plain_table();

// How many of the next 16 bytes are plain.
unsigned plain_run16(const char* at) {
  const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
  // Signed comparison: bytes from 0x80 are negative, so they fall below 0x20 together with the control bytes.
  const __m128i low = _mm_cmplt_epi8(bytes, _mm_set1_epi8(0x20));
  const __m128i special = _mm_or_si128(
      _mm_cmpeq_epi8(bytes, _mm_set1_epi8(0x7f)),
      _mm_or_si128(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('"')), _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\'))));
  const auto mask = static_cast<unsigned>(_mm_movemask_epi8(_mm_or_si128(low, special)));
  return mask == 0 ? 16 : static_cast<unsigned>(std::countr_zero(mask));
}

template <class Word>
Word word_at(const char* at) {
  Word word;
  std::memcpy(&word, at, sizeof word);
  return word;
}

// Whether all eight bytes are plain: one of the sums carries into a byte's top bit where it is not. (A borrow can only
// make a plain byte above a bad one look bad as well.)
bool plain_word(std::uint64_t word) {
  constexpr std::uint64_t kOnes = 0x0101010101010101ULL, kTops = 0x8080808080808080ULL;
  const auto below = [](std::uint64_t w, std::uint64_t n) { return (w - kOnes * n) & ~w; };
  const auto equals = [&](unsigned char c) { return below(word ^ kOnes * c, 1); };
  return ((word | below(word, 0x20) | equals('"') | equals('\\') | equals(0x7f)) & kTops) == 0;
}

// Copies the last bytes of `text`, fewer than 16 from `at` on, if they are plain, by words that overlap: each other, or
// what stands before `at`, which was copied as it is if it is plain.
bool copy_plain_tail(char* out, std::string_view text, std::size_t at) {
  const std::size_t left = text.size() - at;
  if (text.size() < 8) {
    if (text.size() < 4) return false;
    const auto first = word_at<std::uint32_t>(text.data()), last = word_at<std::uint32_t>(text.data() + text.size() - 4);
    if (at != 0 || !plain_word(std::uint64_t{first} << 32 | last)) return false;
    std::memcpy(out, &first, 4);
    std::memcpy(out + left - 4, &last, 4);
    return true;
  }
  const auto last = word_at<std::uint64_t>(text.data() + text.size() - 8);
  if (!plain_word(last)) return false;
  if (left > 8) {
    const auto first = word_at<std::uint64_t>(text.data() + at);
    if (!plain_word(first)) return false;
    std::memcpy(out, &first, 8);
  }
  std::memcpy(out + left - 8, &last, 8);
  return true;
}

char* put_u00(char* out, unsigned char byte) {
  out = put(out, "\\u00");
  *out++ = kHex[byte >> 4];
  *out++ = kHex[byte & 15];
  return out;
}

char* put_ascii(char* out, unsigned char byte) {
  switch (byte) {
    case '"': return put(out, "\\\"");
    case '\\': return put(out, "\\\\");
    case '\n': return put(out, "\\n");
    case '\r': return put(out, "\\r");
    case '\t': return put(out, "\\t");
    default: return put_u00(out, byte);
  }
}

struct Sequence {
  unsigned length;   // bytes consumed
  bool valid;
};

// The UTF-8 sequence that begins at `at` with a byte >= 0x80 (Unicode 15 table 3-7).
Sequence sequence_at(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(at);
  if (first < 0xc2 || first > 0xf4) return {1, false};
  const unsigned need = first < 0xe0 ? 1 : first < 0xf0 ? 2 : 3;
  unsigned char low = 0x80, high = 0xbf;
  if (first == 0xe0) low = 0xa0;
  if (first == 0xed) high = 0x9f;
  if (first == 0xf0) low = 0x90;
  if (first == 0xf4) high = 0x8f;
  for (unsigned i = 1; i <= need; ++i) {
    if (at + i >= text.size() || byte(at + i) < low || byte(at + i) > high) return {i, false};
    low = 0x80;
    high = 0xbf;
  }
  return {need + 1, true};
}

}  // namespace

char* escape_json(char* out, std::string_view text) {
  std::size_t at = 0;
  while (at < text.size()) {
    while (at + 16 <= text.size()) {
      const unsigned run = plain_run16(text.data() + at);
      std::memcpy(out, text.data() + at, 16);   // room is 6 x what is left, so 16 are there
      at += run;
      out += run;
      if (run < 16) break;
    }
    if (text.size() - at < 16 && copy_plain_tail(out, text, at)) return out + (text.size() - at);
    while (at < text.size() && kPlain[static_cast<unsigned char>(text[at])]) *out++ = text[at++];
    if (at == text.size()) break;
    const auto byte = static_cast<unsigned char>(text[at]);
    if (byte < 0x80) {
      out = put_ascii(out, byte);
      ++at;
      continue;
    }
    const Sequence sequence = sequence_at(text, at);
    if (!sequence.valid) {
      out = put(out, "\\ufffd");
    } else if (byte == 0xc2 && static_cast<unsigned char>(text[at + 1]) < 0xa0) {
      out = put_u00(out, static_cast<unsigned char>(text[at + 1]));   // C1 controls: 0x9b drives terminals
    } else {
      out = put(out, text.substr(at, sequence.length));
    }
    at += sequence.length;
  }
  return out;
}

JsonWriter& JsonWriter::key(std::string_view name) {
  WEIR_CHECK(depth_ > 0 && levels_[depth_ - 1].kind == '{' && !key_given_);
  if (levels_[depth_ - 1].any) out_ += ',';
  levels_[depth_ - 1].any = true;
  string(name);
  out_ += ':';
  key_given_ = true;
  return *this;
}

void JsonWriter::before_value() {
  if (depth_ == 0) return;
  Level& level = levels_[depth_ - 1];
  if (level.kind == '{') {
    WEIR_CHECK(key_given_);
    key_given_ = false;
    return;
  }
  if (level.any) out_ += ',';
  level.any = true;
}

JsonWriter& JsonWriter::begin(char kind) {
  before_value();
  WEIR_CHECK(depth_ < kMaxDepth);
  out_ += kind;
  levels_[depth_++] = Level{.kind = kind, .any = false};
  return *this;
}

JsonWriter& JsonWriter::end(char kind, char close) {
  WEIR_CHECK(depth_ > 0 && levels_[depth_ - 1].kind == kind && !key_given_);
  --depth_;
  out_ += close;
  return *this;
}

JsonWriter& JsonWriter::value(std::string_view text) {
  before_value();
  string(text);
  return *this;
}

JsonWriter& JsonWriter::value(bool yes) {
  before_value();
  out_ += yes ? "true" : "false";
  return *this;
}

JsonWriter& JsonWriter::json(std::string_view text) {
  before_value();
  out_ += text;
  return *this;
}

JsonWriter& JsonWriter::null() {
  before_value();
  out_ += "null";
  return *this;
}

JsonWriter& JsonWriter::value(double number) {
  if (!std::isfinite(number)) return null();
  before_value();
  std::array<char, 32> text;
  const auto end = std::to_chars(text.data(), text.data() + text.size(), number);
  out_.append(text.data(), end.ptr);
  return *this;
}

JsonWriter& JsonWriter::signed_value(std::int64_t number) {
  before_value();
  std::array<char, 24> text;
  out_.append(text.data(), std::to_chars(text.data(), text.data() + text.size(), number).ptr);
  return *this;
}

JsonWriter& JsonWriter::unsigned_value(std::uint64_t number) {
  before_value();
  std::array<char, 24> text;
  out_.append(text.data(), std::to_chars(text.data(), text.data() + text.size(), number).ptr);
  return *this;
}

void JsonWriter::string(std::string_view text) {
  const std::size_t before = out_.size();
  out_.resize(before + kJsonEscapeFactor * text.size() + 2);
  char* end = out_.data() + before;
  *end++ = '"';
  end = escape_json(end, text);
  *end++ = '"';
  out_.resize(static_cast<std::size_t>(end - out_.data()));
}

}  // namespace weir
