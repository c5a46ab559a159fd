// Finding or counting bytes that end a name, a value or a target, sixteen bytes a step (SSE4.2 is the
// base of every build). In: a range. Out: the place of the first byte outside the class, or `end`.
// No byte outside the range is read: the last step of a range of 16 or more overlaps the one
// before; a shorter range goes byte by byte.
//   token    RFC 9110 5.6.2 tchar
//   value    RFC 9110 5.5: SP, HTAB, VCHAR, obs-text
//   host     letters, digits, hyphen, underscore, dot: the labels of a name (RFC 1123 2.1, and "_");
//            and the same without upper case
//   target   visible ASCII without '#': a superset of RFC 3986's characters that still cannot end a
//            line or a part
#pragma once

#include <emmintrin.h>
#include <tmmintrin.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace weir::http::scan {

constexpr bool is_token_char(unsigned char c) {
  const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  const bool digit = c >= '0' && c <= '9';
  return letter || digit ||
         (c != 0 && std::string_view("!#$%&'*+-.^_`|~").find(static_cast<char>(c)) < 15);
}
constexpr bool is_host_char(unsigned char c) {
  const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  return letter || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
}
constexpr bool is_lower_host_char(unsigned char c) { return is_host_char(c) && !(c >= 'A' && c <= 'Z'); }
constexpr bool is_value_char(unsigned char c) { return (c >= 0x20 && c != 0x7f) || c == '\t'; }
constexpr bool is_target_char(unsigned char c) { return c > 0x20 && c < 0x7f && c != '#'; }

template <bool (*Member)(unsigned char)>
consteval std::array<bool, 256> table_of() {
  std::array<bool, 256> table{};
  for (unsigned c = 0; c < 256; ++c) table[c] = Member(static_cast<unsigned char>(c));
  return table;
}

consteval std::array<std::uint8_t, 16> rows_of(const std::array<bool, 256>& table) {
  std::array<std::uint8_t, 16> rows{};
  for (unsigned c = 0; c < 128; ++c) {
    if (table[c]) rows[c & 15] = static_cast<std::uint8_t>(rows[c & 15] | (1u << (c >> 4)));
  }
  return rows;
}

// Each class: a table for single bytes, and outside(): a mask with a bit for each of 16 bytes not
// in the class.
template <bool (*Member)(unsigned char)>
struct AsciiClass {
  static constexpr auto kTable = table_of<Member>();

  // The low nibble picks a row, the high nibble a bit of it: a byte is a member when its bit is set.
  // High nibbles 8 to 15 have no bit, so bytes from 0x80 fall out.
  static constexpr std::array<std::uint8_t, 16> kRows = rows_of(kTable);
  static constexpr std::array<std::uint8_t, 16> kBits = {1, 2, 4, 8, 16, 32, 64, 128};

  static unsigned outside(__m128i bytes) {
    const __m128i rows = _mm_loadu_si128(reinterpret_cast<const __m128i*>(kRows.data()));
    const __m128i bits = _mm_loadu_si128(reinterpret_cast<const __m128i*>(kBits.data()));
    // A shuffle index with its top bit set yields zero: bytes from 0x80 find no row.
    const __m128i row = _mm_shuffle_epi8(rows, bytes);
    const __m128i high = _mm_and_si128(_mm_srli_epi16(bytes, 4), _mm_set1_epi8(0x0f));
    const __m128i bit = _mm_shuffle_epi8(bits, high);
    return static_cast<unsigned>(
        _mm_movemask_epi8(_mm_cmpeq_epi8(_mm_and_si128(row, bit), _mm_setzero_si128())));
  }
};

using Token = AsciiClass<is_token_char>;
using Host = AsciiClass<is_host_char>;
using LowerHost = AsciiClass<is_lower_host_char>;

struct Value {
  static constexpr auto kTable = table_of<is_value_char>();

  static unsigned outside(__m128i bytes) {
    const __m128i control = _mm_cmpeq_epi8(_mm_min_epu8(bytes, _mm_set1_epi8(0x1f)), bytes);
    const __m128i tab = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\t'));
    const __m128i del = _mm_cmpeq_epi8(bytes, _mm_set1_epi8(0x7f));
    return static_cast<unsigned>(
        _mm_movemask_epi8(_mm_or_si128(_mm_andnot_si128(tab, control), del)));
  }
};

struct Target {
  static constexpr auto kTable = table_of<is_target_char>();

  static unsigned outside(__m128i bytes) {
    // Signed: bytes from 0x80 are below zero.
    const __m128i low = _mm_cmplt_epi8(bytes, _mm_set1_epi8(0x21));
    const __m128i del = _mm_cmpeq_epi8(bytes, _mm_set1_epi8(0x7f));
    const __m128i hash = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('#'));
    return static_cast<unsigned>(_mm_movemask_epi8(_mm_or_si128(_mm_or_si128(low, del), hash)));
  }
};

template <class Class>
inline bool in(char c) {
  return Class::kTable[static_cast<unsigned char>(c)];
}

template <class Class>
inline const char* skip(const char* at, const char* end) {
  const auto load = [](const char* from) {
    return _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
  };
  if (end - at < 16) {
    while (at != end && in<Class>(*at)) ++at;
    return at;
  }
  for (; end - at >= 16; at += 16) {
    if (const unsigned mask = Class::outside(load(at))) return at + std::countr_zero(mask);
  }
  if (at == end) return end;
  const unsigned mask = Class::outside(load(end - 16));
  // Bytes before `at` were found inside already, so the first set bit is at or behind `at`.
  return mask == 0 ? end : end - 16 + std::countr_zero(mask);
}

// How many bytes of `text` are controls: below SP, or DEL.
inline std::size_t count_controls(std::string_view text) {
  const auto controls = [](const char* from) {   // all ones where a byte is one
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
    const __m128i low = _mm_cmpeq_epi8(_mm_min_epu8(bytes, _mm_set1_epi8(0x1f)), bytes);
    return _mm_or_si128(low, _mm_cmpeq_epi8(bytes, _mm_set1_epi8(0x7f)));
  };
  const auto marked = [&](const char* from) { return static_cast<unsigned>(_mm_movemask_epi8(controls(from))); };
  const char* at = text.data();
  const char* const end = at + text.size();
  std::size_t count = 0;
  while (end - at >= 32) {
    // Each lane counts up to what a byte holds, then they are added up.
    const char* const stop = at + std::min<std::ptrdiff_t>((end - at) / 32, 127) * 32;
    __m128i lanes = _mm_setzero_si128();
    for (; at < stop; at += 32) lanes = _mm_sub_epi8(lanes, _mm_add_epi8(controls(at), controls(at + 16)));   // minus minus ones
    const __m128i sums = _mm_sad_epu8(lanes, _mm_setzero_si128());
    count += static_cast<std::size_t>(_mm_cvtsi128_si64(sums) + _mm_extract_epi16(sums, 4));
  }
  if (end - at >= 16) {
    count += static_cast<std::size_t>(std::popcount(marked(at)));
    at += 16;
  }
  if (text.size() >= 16) return count + static_cast<std::size_t>(std::popcount(marked(end - 16) >> (16 - (end - at))));
  for (; at < end; ++at) {
    const auto byte = static_cast<unsigned char>(*at);
    count += byte < 0x20 || byte == 0x7f ? 1 : 0;
  }
  return count;
}

// Whether `byte` comes twice in a row.
inline bool has_pair(std::string_view text, char byte) {
  const __m128i wanted = _mm_set1_epi8(byte);
  unsigned last = 0;   // whether the last byte before was one
  std::size_t i = 0;
  for (; text.size() - i >= 16; i += 16) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(text.data() + i));
    const auto found = static_cast<unsigned>(_mm_movemask_epi8(_mm_cmpeq_epi8(bytes, wanted)));
    if ((found & (found << 1 | last)) != 0) return true;
    last = found >> 15;
  }
  for (; i < text.size(); ++i) {
    const unsigned found = text[i] == byte ? 1 : 0;
    if ((found & last) != 0) return true;
    last = found;
  }
  return false;
}

}  // namespace weir::http::scan
