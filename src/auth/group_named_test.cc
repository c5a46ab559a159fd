#include "auth/group_named.h"

#include <gtest/gtest.h>

namespace weir::auth {
namespace {

TEST(GroupNamed, IsFoundByItsHashAmongTheFirstOfEveryKey) {
  constexpr HashKey kSeed{.k0 = 1, .k1 = 2};
  KeyTables keys;
  keys.tables = {nullptr, std::make_shared<const KeyTable>(KeyTable::make({{.name = "a", .groups = {}, .digest = digest_text("1"), .expires = {}},
                                                                          {.name = "b", .groups = {"acme", "eu"}, .digest = digest_text("2"), .expires = {}}}).value())};
  EXPECT_EQ(group_named(keys, kSeed, keyed_hash(kSeed, "acme")), "acme");
  EXPECT_EQ(group_named(keys, kSeed, keyed_hash(kSeed, "eu")), "");
  EXPECT_EQ(group_named(keys, HashKey{.k0 = 1, .k1 = 3}, keyed_hash(kSeed, "acme")), "");
}

}  // namespace
}  // namespace weir::auth
