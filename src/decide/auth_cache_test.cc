#include "decide/auth_cache.h"

#include <gtest/gtest.h>

#include <string>

namespace weir::decide {
namespace {

constexpr Stamp at_s(std::int64_t s) { return stamp_from_nanos(s * 1'000'000'000); }
KeptAnswer allowed(std::string fields = {}) {
  return {.answer = {.result = AuthResult::allowed, .status = 0}, .fields = std::move(fields), .challenge = {}};
}

TEST(AuthCache, HoldsAnAnswerUntilItsTime) {
  AuthCache cache;
  cache.keep(1, allowed("x-user: 7\r\n"), at_s(10), 4);
  ASSERT_NE(cache.find(1, at_s(9)), nullptr);
  EXPECT_EQ(cache.find(1, at_s(9))->fields, "x-user: 7\r\n");
  EXPECT_EQ(cache.find(1, at_s(10)), nullptr);
  EXPECT_EQ(cache.find(2, at_s(9)), nullptr);
}

TEST(AuthCache, ANewAnswerTakesThePlaceOfTheOldOne) {
  AuthCache cache;
  cache.keep(1, allowed(), at_s(10), 4);
  cache.keep(1, {.answer = {.result = AuthResult::denied, .status = 403}, .fields = {}, .challenge = "Bearer"}, at_s(20), 4);
  ASSERT_NE(cache.find(1, at_s(15)), nullptr);
  EXPECT_EQ(cache.find(1, at_s(15))->answer.status, 403);
  EXPECT_EQ(cache.size(), 1u);
}

TEST(AuthCache, NeverHoldsAFailureNorALargeAnswer) {
  AuthCache cache;
  cache.keep(1, {}, at_s(10), 4);
  cache.keep(2, allowed(std::string(AuthCache::kMostText + 1, 'x')), at_s(10), 4);
  EXPECT_EQ(cache.size(), 0u);
}

TEST(AuthCache, IsBoundedAndTheOldestGoes) {
  AuthCache cache;
  for (std::uint64_t key = 0; key < 1000; ++key) {
    cache.keep(key, allowed(), at_s(10), 3);
    EXPECT_LE(cache.size(), 3u);
  }
  EXPECT_EQ(cache.find(996, at_s(1)), nullptr);
  for (const std::uint64_t key : {997u, 998u, 999u}) EXPECT_NE(cache.find(key, at_s(1)), nullptr);
}

}  // namespace
}  // namespace weir::decide
