// Lower-case hex, most significant digit first: eight digits at a time in one register.
#pragma once

#include <cstdint>
#include <cstring>

namespace weir {

// The eight digits of `value` as they lie in memory (little-endian machines only; x86-64 is one).
constexpr std::uint64_t hex_digits(std::uint32_t value) {
  std::uint64_t x = value;   // its halves, bytes and nibbles change places until each byte holds one nibble
  x = (x >> 16 | x << 32) & 0x0000ffff0000ffffULL;
  x = (x >> 8 | x << 16) & 0x00ff00ff00ff00ffULL;
  x = (x >> 4 | x << 8) & 0x0f0f0f0f0f0f0f0fULL;
  const std::uint64_t letters = (x + 0x0606060606060606ULL) >> 4 & 0x0101010101010101ULL;
  return x + 0x3030303030303030ULL + letters * ('a' - '0' - 10);
}

// Writes 16 digits.
inline void put_hex(char* out, std::uint64_t value) {
  const std::uint64_t high = hex_digits(static_cast<std::uint32_t>(value >> 32));
  const std::uint64_t low = hex_digits(static_cast<std::uint32_t>(value));
  std::memcpy(out, &high, 8);
  std::memcpy(out + 8, &low, 8);
}

}  // namespace weir
