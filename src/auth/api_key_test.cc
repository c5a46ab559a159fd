#include "auth/api_key.h"

#include <gtest/gtest.h>

namespace weir::auth {
namespace {

// FIPS 180-2, appendix B.1.
constexpr std::string_view kDigestOfAbc = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

KeyEntry entry(std::string name, std::string_view key, std::optional<WallTime> expires = {}) {
  return {.name = std::move(name), .groups = {"g"}, .digest = digest_text(key), .expires = expires};
}
constexpr WallTime kNow = wall_from_nanos(1'700'000'000'000'000'000);

TEST(ApiKey, DigestsAreSha256InHex) {
  EXPECT_EQ(digest_text("abc"), kDigestOfAbc);
  const auto table = KeyTable::make({{.name = "a", .groups = {}, .digest = std::string(kDigestOfAbc), .expires = {}}});
  ASSERT_TRUE(table);
  EXPECT_EQ(table->check("abc", kNow).result, EvidenceResult::valid);
}

TEST(ApiKey, NamesTheOwnerOfAKnownKeyAndNobodyElse) {
  const auto table = KeyTable::make({entry("acme", "key-1"), entry("acme", "key-2"), entry("other", "key-3")}).value();
  const Evidence evidence = table.check("key-2", kNow);
  EXPECT_EQ(evidence.result, EvidenceResult::valid);
  EXPECT_EQ(evidence.subject, "acme");
  ASSERT_EQ(evidence.groups.size(), 1u);
  EXPECT_EQ(evidence.groups[0], "g");
  for (const char* wrong : {"key-4", "key-", "KEY-1", "key-11"}) {
    EXPECT_EQ(table.check(wrong, kNow).result, EvidenceResult::unknown) << wrong;
    EXPECT_EQ(table.check(wrong, kNow).subject, "");
  }
  EXPECT_EQ(KeyTable().check("key-1", kNow).result, EvidenceResult::unknown);
}

TEST(ApiKey, ExpiresAtItsMoment) {
  const auto table = KeyTable::make({entry("a", "k", kNow)}).value();
  EXPECT_EQ(table.check("k", kNow - Nanos(1)).result, EvidenceResult::valid);
  EXPECT_EQ(table.check("k", kNow).result, EvidenceResult::expired);
}

TEST(ApiKey, RefusesCredentialsThatAreNone) {
  const auto table = KeyTable::make({entry("a", "k")}).value();
  for (const std::string& credential : {std::string(), std::string("a b"), std::string("a\nb"), std::string("\xff"),
                                        std::string(kMaxCredential + 1, 'x')}) {
    EXPECT_EQ(table.check(credential, kNow).result, EvidenceResult::malformed);
  }
}

TEST(ApiKey, RefusesFilesWithBadOrRepeatedDigests) {
  const auto error_of = [](std::string digest) {
    const auto table = KeyTable::make({{.name = "a", .groups = {}, .digest = std::move(digest), .expires = {}}});
    return table ? std::string() : table.error().context;
  };
  EXPECT_NE(error_of("sha256:00"), "");
  EXPECT_NE(error_of("md5:" + std::string(64, '0')), "");
  EXPECT_NE(error_of("sha256:" + std::string(63, '0') + "g"), "");
  EXPECT_EQ(error_of("sha256:" + std::string(64, 'A')), "");
  EXPECT_EQ(KeyTable::make({entry("a", "same"), entry("b", "same")}).error().context,
            "\"a\" and \"b\" have the same key");
}

}  // namespace
}  // namespace weir::auth
