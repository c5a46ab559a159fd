#include "decide/clients.h"

#include <gtest/gtest.h>

#include <array>
#include <cstring>

#include "decide/identity.h"
#include "decide/policy_for_tests.h"

namespace weir::decide {
namespace {

constexpr HashKey kOther{3, 5};

Address v6(std::uint64_t first, std::uint64_t second) {
  Address address{.family = Address::Family::v6};
  const std::array<std::uint64_t, 2> words = {first, second};
  std::memcpy(address.bytes.data(), words.data(), sizeof words);
  return address;
}

// More of them than are kept, and pairs that lie under one key: none is ever taken for another.
TEST(Clients, EachIsWhatItIsHashedTo) {
  const Policy policy;
  const ClientHasher hash(policy, kOther);
  Clients clients(policy, kOther, 256);
  for (int round = 0; round < 3; ++round) {
    for (std::uint64_t i = 1; i < 3000; ++i) {
      const Address one = i % 2 == 0 ? Address::v4(10, 0, static_cast<std::uint8_t>(i >> 8), static_cast<std::uint8_t>(i)) : v6(i, 7);
      EXPECT_EQ(clients.of(one).caller, address_caller(one, kOther).ref.digest);
      const Address twin = v6(i + 1, 7 ^ mix(i) ^ mix(i + 1));   // of v6(i, 7)
      EXPECT_EQ(clients.of(twin).caller, address_caller(twin, kOther).ref.digest);
      EXPECT_EQ(clients.of(one).caller, hash(one).caller);
    }
  }
}

TEST(Clients, APolicyWithoutSuchLimitsNamesNone) {
  const Policy policy;
  const ClientKeys keys = ClientHasher(policy, kOther)(Address::v4(10, 0, 0, 1));
  EXPECT_FALSE(keys.limit.valid());
  EXPECT_EQ(keys.concurrency, ClientKeys::kNone);
}

}  // namespace
}  // namespace weir::decide
