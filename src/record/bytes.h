// Bytes of the record formats: little-endian fixed words, LEB128 varints (at most 10 bytes), strings with a varint
// length. The writer never goes beyond its memory and the reader never beyond its bytes; both remember that they would
// have had to (`ok()`), so that callers check once at the end.
#pragma once

#include <emmintrin.h>

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

namespace weir::record {

// Integers of either sign as small unsigned ones: 0, -1, 1, -2, ... -> 0, 1, 2, 3, ...
constexpr std::uint64_t zigzag(std::int64_t n) {
  return (static_cast<std::uint64_t>(n) << 1) ^ static_cast<std::uint64_t>(n >> 63);
}
constexpr std::int64_t unzigzag(std::uint64_t n) {
  return static_cast<std::int64_t>(n >> 1) ^ -static_cast<std::int64_t>(n & 1);
}

class ByteWriter {
 public:
  explicit ByteWriter(std::span<std::byte> room) : begin_(room.data()), at_(begin_), end_(begin_ + room.size()) {}

  void byte(std::uint8_t value) {
    if (!reserve(1)) return;
    *at_++ = std::byte{value};
  }
  void varint(std::uint64_t value) {
    if (!reserve(10)) return;
    while (value >= 0x80) {
      *at_++ = std::byte(value | 0x80);
      value >>= 7;
    }
    *at_++ = std::byte(value);
  }
  // value(item) of each, as a varint.
  template <class Items, class Value>
  void varints(const Items& items, Value value) {
    ByteWriter column = *this;   // in registers: bytes that are written could be anything's
    for (const auto& item : items) column.varint(value(item));
    *this = column;
  }
  void bytes(std::string_view text) {
    if (text.empty() || !reserve(text.size())) return;
    std::memcpy(at_, text.data(), text.size());
    at_ += text.size();
  }
  void string(std::string_view text) {
    varint(text.size());
    bytes(text);
  }
  void word(std::uint64_t value) {
    if (!reserve(8)) return;
    std::memcpy(at_, &value, 8);
    at_ += 8;
  }

  bool ok() const { return ok_; }
  std::size_t size() const { return static_cast<std::size_t>(at_ - begin_); }
  std::size_t room() const { return static_cast<std::size_t>(end_ - at_); }

 private:
  // A varint needs fewer than the 10 bytes asked for; that much slack at the end is given up.
  bool reserve(std::size_t size) {
    if (ok_ && room() >= size) return true;
    ok_ = false;
    return false;
  }

  std::byte* begin_;
  std::byte* at_;
  std::byte* end_;
  bool ok_ = true;
};

class ByteReader {
 public:
  ByteReader() : ByteReader(std::span<const std::byte>()) {}
  explicit ByteReader(std::span<const std::byte> bytes) : at_(bytes.data()), end_(at_ + bytes.size()) {}

  std::uint8_t byte() {
    if (!have(1)) return 0;
    return static_cast<std::uint8_t>(*at_++);
  }
  std::uint64_t varint() {
    // Nearly all are of one to four bytes, how many is seldom foretold: no branch asks for it.
    if (left() >= 4) {
      std::uint32_t word;
      std::memcpy(&word, at_, 4);
      if (const std::uint32_t ends = ~word & 0x80808080u; ends != 0) {
        word &= ends ^ (ends - 1);   // what is behind the first end goes
        at_ += std::countr_zero(ends) / 8 + 1;
        word = (word & 0x007f007fu) | (word & 0x7f007f00u) >> 1;
        return (word & 0x3fffu) | (word & 0x3fff0000u) >> 2;
      }
    }
    return long_varint();
  }
  std::string_view string() { return bytes(varint()); }
  std::string_view bytes(std::uint64_t size) {
    if (!have(size)) return {};
    const std::string_view text(reinterpret_cast<const char*>(at_), static_cast<std::size_t>(size));
    at_ += size;
    return text;
  }
  // The next `count` varints, passed over here.
  ByteReader varints(std::uint64_t count) {
    const std::byte* const begin = at_;
    // A byte below 0x80 ends a varint; sixteen are looked at at once while more than those are wanted.
    for (; left() >= 16 && ok_; at_ += 16) {
      const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at_));
      const auto ends = static_cast<unsigned>(std::popcount(~static_cast<unsigned>(_mm_movemask_epi8(bytes)) & 0xffffu));
      if (ends >= count) break;
      count -= ends;
    }
    for (; count > 0 && have(1); ++at_) count -= static_cast<std::uint8_t>(*at_) < 0x80 ? 1 : 0;
    return ByteReader(std::span(begin, at_));
  }
  std::uint64_t word() {
    if (!have(8)) return 0;
    std::uint64_t value;
    std::memcpy(&value, at_, 8);
    at_ += 8;
    return value;
  }

  // Whether the next `count` varints take a byte each.
  bool are_narrow(std::size_t count) const {
    if (left() < count) return false;
    const std::byte* at = at_;
    for (; count >= 16; count -= 16, at += 16) {
      if (_mm_movemask_epi8(_mm_loadu_si128(reinterpret_cast<const __m128i*>(at))) != 0) return false;
    }
    for (; count > 0; --count, ++at) {
      if (static_cast<std::uint8_t>(*at) >= 0x80) return false;
    }
    return true;
  }
  // Whether what is left is one varint again and again.
  bool repeats() const {
    std::size_t size = 1;
    while (size <= left() && static_cast<std::uint8_t>(at_[size - 1]) >= 0x80) ++size;
    return left() % size == 0 && (left() == 0 || std::memcmp(at_, at_ + size, left() - size) == 0);
  }
  std::uint8_t front() const { return static_cast<std::uint8_t>(*at_); }   // of some that are left

  bool ok() const { return ok_; }
  std::size_t left() const { return static_cast<std::size_t>(end_ - at_); }
  bool finished() const { return ok_ && at_ == end_; }
  // Nothing more is read then.
  void fail() {
    ok_ = false;
    at_ = end_;
  }

 private:
  std::uint64_t long_varint() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      const std::uint8_t next = byte();
      value |= static_cast<std::uint64_t>(next & 0x7f) << shift;
      if ((next & 0x80) == 0) return value;
    }
    fail();
    return 0;
  }
  bool have(std::uint64_t size) {
    if (ok_ && left() >= size) return true;
    fail();
    return false;
  }

  const std::byte* at_;
  const std::byte* end_;
  bool ok_ = true;
};

// `count` varints of a block, which is left behind them: whoever walks several columns side by side has one for each. Most columns
// hold small numbers alone; where each takes one byte none has to be looked at for its end.
class VarintColumn {
 public:
  VarintColumn() = default;
  VarintColumn(ByteReader& in, std::uint64_t count) : rest_(in.varints(count)), narrow_(rest_.left() == count) {}

  std::uint64_t next() { return narrow_ ? rest_.byte() : rest_.varint(); }
  // each(i, value) for the next `count`.
  template <class Each>
  void next(std::size_t count, const Each& each) {
    if (narrow_ || rest_.are_narrow(count)) {
      std::size_t i = 0;
      for (const char byte : rest_.bytes(count)) each(i++, static_cast<std::uint8_t>(byte));
      return;
    }
    ByteReader rest = rest_;   // in registers
    for (std::size_t i = 0; i < count; ++i) {
      std::uint64_t value = 0;
      [[clang::always_inline]] value = rest.varint();
      each(i, value);
    }
    rest_ = rest;
  }
  void pass_over(std::uint64_t count) { rest_.varints(count); }
  // Whether all that are left are the same, or zeros; also where none is.
  bool repeats() const { return rest_.repeats(); }
  bool only_zeros() const { return rest_.left() == 0 || (rest_.front() == 0 && rest_.repeats()); }
  bool ok() const { return rest_.ok(); }
  bool finished() const { return rest_.finished(); }
  void fail() { rest_.fail(); }

 private:
  ByteReader rest_;
  bool narrow_ = false;
};

}  // namespace weir::record
