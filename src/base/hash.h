// Keyed hashes. keyed_hash is SipHash-1-3 (Aumasson, Bernstein 2012): without the key nobody can choose inputs that
// collide, so tables of callers and limits cannot be flooded. draw() is the house's only source of chance in pure
// rooms: a hash of what the draw is for, never a stream, so one changed decision shifts no other.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "base/ids.h"

namespace weir {

struct HashKey {
  std::uint64_t k0 = 0, k1 = 0;
};

std::uint64_t keyed_hash(HashKey key, std::string_view bytes);
std::uint64_t keyed_hash(HashKey key, std::span<const std::uint64_t> words);

// Bijective 64-bit finaliser (splitmix64); not keyed, for spreading integers only.
constexpr std::uint64_t mix(std::uint64_t x) {
  x += 0x9e3779b97f4a7c15ULL;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
  return x ^ (x >> 31);
}

enum class Purpose : std::uint8_t { balance, split, retry_after, canary, backoff, trace, spare, warmth, late };

// Uniform in [0, 2^64), the same for the same arguments on every machine.
std::uint64_t draw(HashKey seed, ExchangeId exchange, Purpose purpose, std::uint32_t attempt);

// Maps a draw to [0, bound) without modulo bias worth mentioning (< bound / 2^64).
constexpr std::uint64_t scale(std::uint64_t drawn, std::uint64_t bound) {
  return static_cast<std::uint64_t>((static_cast<unsigned __int128>(drawn) * bound) >> 64);
}

}  // namespace weir
