#include "base/hash.h"

#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <string>

namespace weir {
namespace {

// Words and bytes are two spellings of one function: eight bytes little-endian are one word.
TEST(KeyedHash, WordsEqualTheirBytes) {
  const std::array<std::uint64_t, 2> words = {0x0706050403020100ULL, 0x0f0e0d0c0b0a0908ULL};
  std::string bytes(16, '\0');
  std::memcpy(bytes.data(), words.data(), 16);
  const HashKey key{.k0 = 0x0706050403020100ULL, .k1 = 0x0f0e0d0c0b0a0908ULL};
  EXPECT_EQ(keyed_hash(key, bytes), keyed_hash(key, words));
}

TEST(Draw, ChangesWithEveryArgumentAlone) {
  const HashKey seed{1, 2};
  const ExchangeId exchange{WorkerId{0}, 7};
  const std::uint64_t base = draw(seed, exchange, Purpose::balance, 0);
  EXPECT_NE(base, draw(HashKey{1, 3}, exchange, Purpose::balance, 0));
  EXPECT_NE(base, draw(seed, ExchangeId{WorkerId{1}, 7}, Purpose::balance, 0));
  EXPECT_NE(base, draw(seed, ExchangeId{WorkerId{0}, 8}, Purpose::balance, 0));
  EXPECT_NE(base, draw(seed, exchange, Purpose::split, 0));
  EXPECT_NE(base, draw(seed, exchange, Purpose::balance, 1));
  EXPECT_EQ(base, draw(seed, exchange, Purpose::balance, 0));
}

TEST(Scale, CoversExactlyTheBound) {
  EXPECT_EQ(scale(0, 10), 0u);
  EXPECT_EQ(scale(~0ULL, 10), 9u);
  EXPECT_EQ(scale(1ULL << 63, 10), 5u);
}

}  // namespace
}  // namespace weir
