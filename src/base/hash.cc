#include "base/hash.h"

#include <array>
#include <bit>
#include <cstring>

namespace weir {
namespace {

struct Sip {
  std::uint64_t v0, v1, v2, v3;

  explicit Sip(HashKey key)
      : v0(key.k0 ^ 0x736f6d6570736575ULL),
        v1(key.k1 ^ 0x646f72616e646f6dULL),
        v2(key.k0 ^ 0x6c7967656e657261ULL),
        v3(key.k1 ^ 0x7465646279746573ULL) {}

  void round() {
    v0 += v1; v1 = std::rotl(v1, 13); v1 ^= v0; v0 = std::rotl(v0, 32);
    v2 += v3; v3 = std::rotl(v3, 16); v3 ^= v2;
    v0 += v3; v3 = std::rotl(v3, 21); v3 ^= v0;
    v2 += v1; v1 = std::rotl(v1, 17); v1 ^= v2; v2 = std::rotl(v2, 32);
  }
  void absorb(std::uint64_t word) {
    v3 ^= word;
    round();
    v0 ^= word;
  }
  std::uint64_t finish() {
    v2 ^= 0xff;
    round(); round(); round();
    return v0 ^ v1 ^ v2 ^ v3;
  }
};

}  // namespace

std::uint64_t keyed_hash(HashKey key, std::string_view bytes) {
  Sip sip(key);
  std::size_t at = 0;
  for (; at + 8 <= bytes.size(); at += 8) {
    std::uint64_t word;
    std::memcpy(&word, bytes.data() + at, 8);   // little-endian machines only; x86-64 is
    sip.absorb(word);
  }
  std::uint64_t last = static_cast<std::uint64_t>(bytes.size()) << 56;
  if (at > 0 && at < bytes.size()) {   // the last eight bytes, without those that were absorbed
    std::uint64_t word;
    std::memcpy(&word, bytes.data() + bytes.size() - 8, 8);
    last |= word >> 8 * (8 - (bytes.size() - at));
    at = bytes.size();
  }
  for (unsigned shift = 0; at < bytes.size(); ++at, shift += 8) {
    last |= static_cast<std::uint64_t>(static_cast<unsigned char>(bytes[at])) << shift;
  }
  sip.absorb(last);
  return sip.finish();
}

std::uint64_t keyed_hash(HashKey key, std::span<const std::uint64_t> words) {
  Sip sip(key);
  for (std::uint64_t word : words) sip.absorb(word);
  sip.absorb(static_cast<std::uint64_t>(words.size() * 8) << 56);
  return sip.finish();
}

std::uint64_t draw(HashKey seed, ExchangeId exchange, Purpose purpose, std::uint32_t attempt) {
  const std::array<std::uint64_t, 3> words = {
      exchange.sequence, exchange.worker.value,
      (static_cast<std::uint64_t>(purpose) << 32) | attempt};
  return keyed_hash(seed, words);
}

}  // namespace weir
