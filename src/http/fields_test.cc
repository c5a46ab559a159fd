#include "http/fields.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

namespace weir::http {
namespace {

TEST(FieldId, KnowsEveryNameInAnyCase) {
  for (int i = 1; i < static_cast<int>(FieldId::count_); ++i) {
    const auto id = static_cast<FieldId>(i);
    std::string name(field_name(id));
    ASSERT_FALSE(name.empty());
    EXPECT_EQ(field_id(name), id) << name;
    std::transform(name.begin(), name.end(), name.begin(),
                   [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; });
    EXPECT_EQ(field_id(name), id) << name;
  }
  EXPECT_EQ(field_id("Content-Length"), FieldId::content_length);
  EXPECT_EQ(field_id("hOsT"), FieldId::host);
}

TEST(FieldId, NearMissesAreOther) {
  for (int i = 1; i < static_cast<int>(FieldId::count_); ++i) {
    const std::string name(field_name(static_cast<FieldId>(i)));
    EXPECT_EQ(field_id(name + "x"), FieldId::other);
    EXPECT_EQ(field_id(name.substr(1)), FieldId::other);
    for (std::size_t at = 0; at < name.size(); ++at) {
      for (const char c : {'_', 'q', '0', '.'}) {
        std::string near = name;
        if (near[at] == c) continue;
        near[at] = c;
        EXPECT_EQ(field_id(near), FieldId::other) << near;
      }
    }
  }
  EXPECT_EQ(field_id(""), FieldId::other);
  EXPECT_EQ(field_id("x"), FieldId::other);
  EXPECT_EQ(field_id(std::string(1000, 'a')), FieldId::other);
}

TEST(SameName, IgnoresCaseOfLettersOnly) {
  EXPECT_TRUE(same_name("X-Request-ID", "x-request-id"));
  EXPECT_FALSE(same_name("a", "ab"));
  EXPECT_FALSE(
      same_name("@", "`"));  // 0x40 and 0x60 differ by the bit that letters' case differs by
  EXPECT_FALSE(same_name("[", "{"));
}

Fields abcab() {
  Fields fields;
  fields.add("A", "1", FieldId::other);
  fields.add("Host", "h", FieldId::host);
  fields.add("B", "2", FieldId::other);
  fields.add("a", "3", FieldId::other);
  fields.add("HOST", "i", FieldId::host);
  return fields;
}

TEST(Fields, FindsTheFirstByIdOrName) {
  const Fields fields = abcab();
  EXPECT_EQ(fields.find(FieldId::host)->value, "h");
  EXPECT_EQ(fields.find("A")->value, "1");
  EXPECT_EQ(fields.find("b")->value, "2");
  EXPECT_EQ(fields.find(FieldId::cookie), nullptr);
  EXPECT_EQ(fields.find("c"), nullptr);
  EXPECT_EQ(fields.count(FieldId::host), 2u);
  EXPECT_EQ(fields.count(FieldId::cookie), 0u);
}

TEST(Fields, RemovalKeepsTheOrderOfTheRest) {
  Fields fields = abcab();
  EXPECT_EQ(fields.remove("A"), 2u);
  ASSERT_EQ(fields.size(), 3u);
  EXPECT_EQ(fields.all()[0].value, "h");
  EXPECT_EQ(fields.all()[1].value, "2");
  EXPECT_EQ(fields.all()[2].value, "i");
  EXPECT_EQ(fields.remove(FieldId::host), 2u);
  EXPECT_EQ(fields.find(FieldId::host), nullptr);
  EXPECT_EQ(fields.remove(FieldId::host), 0u);
  EXPECT_EQ(fields.size(), 1u);
}

TEST(Fields, RemovingOneOfTwoKeepsTheOtherFindable) {
  Fields fields = abcab();
  fields.remove_if([](const Field& field) { return field.value == "h"; });
  ASSERT_NE(fields.find(FieldId::host), nullptr);
  EXPECT_EQ(fields.find(FieldId::host)->value, "i");
}

TEST(Fields, ACopyIsItsOwnList) {
  Fields fields = abcab();
  Fields copy = fields;
  copy.remove(FieldId::host);
  EXPECT_EQ(fields.count(FieldId::host), 2u);
  fields = copy;
  EXPECT_EQ(fields.size(), 3u);
  EXPECT_EQ(fields.find(FieldId::host), nullptr);
}

TEST(Fields, RefusesMoreThanItsBound) {
  Fields fields;
  for (std::size_t i = 0; i < Fields::kMax; ++i) EXPECT_TRUE(fields.add("A", "1", FieldId::other));
  EXPECT_FALSE(fields.add("A", "1", FieldId::other));
  EXPECT_EQ(fields.size(), Fields::kMax);
  fields.clear();
  EXPECT_TRUE(fields.add(FieldId::via, "1.1 weir"));
  EXPECT_EQ(fields.find("Via")->value, "1.1 weir");
}

}  // namespace
}  // namespace weir::http
