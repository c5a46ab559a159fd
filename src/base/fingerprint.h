// A fast 64-bit hash of a few strings and words, for finding what is in memory (shapes that were worked out, hosts):
// sixteen bytes a multiplication, folding the 128-bit product (the construction of wyhash). Keyed by the installation
// where requests could be made to collide by computing; it is no SipHash, and nothing that is kept is named by it.
#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

#include "base/hash.h"

namespace weir {

class Fingerprint {
 public:
  explicit Fingerprint(HashKey key) : state_(key.k0 ^ 0xa0761d6478bd642fULL), key_(key.k1 ^ 0xe7037ed1a0b428dbULL) {}

  void add(std::uint64_t word) { state_ = fold(state_ ^ word, key_); }
  void add(std::string_view text) {
    const char* at = text.data();
    std::size_t left = text.size();
    for (; left > 16; left -= 16, at += 16) state_ = fold(load(at) ^ state_, load(at + 8) ^ key_);
    std::uint64_t low = 0, high = 0;
    if (left >= 8) {
      low = load(at);
      high = load(at + left - 8);   // overlaps; the size tells strings apart
    } else if (left >= 4) {
      low = load32(at);
      high = load32(at + left - 4);
    } else if (left > 0) {
      low = static_cast<std::uint64_t>(static_cast<unsigned char>(at[0])) << 16 |
            static_cast<std::uint64_t>(static_cast<unsigned char>(at[left / 2])) << 8 |
            static_cast<unsigned char>(at[left - 1]);
    }
    state_ = fold(low ^ state_, high ^ key_ ^ (static_cast<std::uint64_t>(text.size()) << 56 | text.size()));
  }
  // Never zero.
  std::uint64_t value() const { return fold(state_, key_) | 1; }

 private:
  static std::uint64_t fold(std::uint64_t a, std::uint64_t b) {
    const auto product = static_cast<unsigned __int128>(a) * b;
    return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
  }
  static std::uint64_t load(const char* at) {
    std::uint64_t word;
    std::memcpy(&word, at, 8);
    return word;
  }
  static std::uint64_t load32(const char* at) {
    std::uint32_t word;
    std::memcpy(&word, at, 4);
    return word;
  }

  std::uint64_t state_, key_;
};

}  // namespace weir
