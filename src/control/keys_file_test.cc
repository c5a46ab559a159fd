#include "control/keys_file.h"

#include <gtest/gtest.h>

#include <array>

namespace weir::control {
namespace {

TEST(KeysFile, WhatIsWrittenIsReadBack) {
  const std::vector<auth::KeyEntry> entries = {{.name = "acme \"x\"",
                                                .groups = {"eu", "a\\b"},
                                                .digest = "sha256:" + std::string(64, 'a'),
                                                .expires = *read_time("2027-01-31T00:00:00Z")},
                                               {.name = "bolt",
                                                .groups = {},
                                                .digest = "sha256:" + std::string(64, 'b'),
                                                .expires = std::nullopt}};
  const auto back = read_keys("keys.yaml", write_keys(entries));
  ASSERT_TRUE(back.has_value()) << to_string(back.error());
  ASSERT_EQ(back->size(), 2u);
  EXPECT_EQ((*back)[0].name, "acme \"x\"");
  EXPECT_EQ((*back)[0].groups, entries[0].groups);
  EXPECT_EQ((*back)[0].expires, entries[0].expires);
  EXPECT_EQ((*back)[1].digest, entries[1].digest);
  EXPECT_FALSE((*back)[1].expires.has_value());
  EXPECT_TRUE(read_keys("keys.yaml", write_keys({}))->empty());
}

TEST(KeysFile, ErrorsNameFileAndLine) {
  for (const char* bad : {"- {name: acme}\n", "- {digest: x}\n", "name: acme\n",
                          "- {name: a, digest: b, expire: c}\n",
                          "- {name: a, digest: b, expires: soon}\n", "- [\n"}) {
    const auto entries = read_keys("keys.yaml", bad);
    ASSERT_FALSE(entries.has_value()) << bad;
    EXPECT_TRUE(to_string(entries.error()).starts_with("keys.yaml:")) << to_string(entries.error());
  }
}

TEST(KeysFile, TimesAreThoseOfTheCalendar) {
  // 482196050 s after the epoch is 1985-04-12T23:20:50Z (RFC 3339 5.8).
  EXPECT_EQ(*read_time("1985-04-12T23:20:50Z"), WallTime(std::chrono::seconds(482196050)));
  EXPECT_EQ(write_time(WallTime(std::chrono::seconds(482196050))), "1985-04-12T23:20:50Z");
  for (const char* bad : {"2027-02-30T00:00:00Z", "2027-13-01T00:00:00Z", "2027-01-31",
                          "2027-01-31T00:00:00+01:00", "2027-01-31T24:00:00Z", "today"}) {
    EXPECT_FALSE(read_time(bad).has_value()) << bad;
  }
}

TEST(KeysFile, ANewKeyIsAPrefixAndAllTheRandomBytes) {
  std::array<std::byte, kKeyBytes> random{};
  EXPECT_EQ(key_text(random), "weir_" + std::string(40, '0'));
  random.back() = std::byte{0xAF};
  EXPECT_TRUE(key_text(random).ends_with("00af"));
}

}  // namespace
}  // namespace weir::control
