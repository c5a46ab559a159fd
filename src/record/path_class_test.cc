#include "record/path_class.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <string>
#include <vector>

namespace weir::record {
namespace {

Policy policy_with(std::vector<std::string> paths) {
  Policy policy;
  for (std::string& path : paths) policy.routes.emplace_back().match.path = std::move(path);
  return policy;
}

std::string general(std::string_view path, const Literals& kept = {}, Paths paths = Paths::classes) {
  std::array<char, kMaxShapePath> out;
  bool generalised = false;
  const std::size_t size = generalise(path, kept, paths, out, generalised);
  return printable_path({out.data(), size});
}

TEST(PathClass, ReplacesWhatVaries) {
  EXPECT_EQ(general("/orders/12345"), "/orders/{n}");
  EXPECT_EQ(general("/orders/12345/items/7"), "/orders/{n}/items/{n}");
  EXPECT_EQ(general("/u/550e8400-e29b-41d4-a716-446655440000/x"), "/u/{uuid}/x");
  EXPECT_EQ(general("/blob/9f86d081884c7d65"), "/blob/{hex}");
  EXPECT_EQ(general("/img/cat-3.png"), "/img/{s}");
  EXPECT_EQ(general("/a/%C3%A9"), "/a/{s}");
}

TEST(PathClass, KeepsWordsVersionsAndStructure) {
  EXPECT_EQ(general("/"), "/");
  EXPECT_EQ(general("*"), "*");
  EXPECT_EQ(general("/catalog/"), "/catalog/");
  EXPECT_EQ(general("/api/v1/order-lines/export.csv"), "/api/v1/order-lines/export.csv");
  EXPECT_EQ(general("/deadbeef"), "/deadbeef");   // no digit: a word
  EXPECT_EQ(general("/v1234"), "/{s}");
}

TEST(PathClass, KeepsEverythingWhereAskedTo) {
  EXPECT_EQ(general("/orders/12345", {}, Paths::full), "/orders/12345");
}

TEST(PathClass, KeepsLiteralsOfRoutes) {
  const Literals kept = Literals::of(policy_with({"/orders/2024", "/static/app-7.js", "/plain"}));
  EXPECT_EQ(kept.segments(), (std::vector<std::string>{"2024", "app-7.js"}));
  EXPECT_EQ(general("/orders/2024", kept), "/orders/2024");
  EXPECT_EQ(general("/orders/2025", kept), "/orders/{n}");
  EXPECT_EQ(general("/static/app-7.js", kept), "/static/app-7.js");
}

TEST(PathClass, CutsWhatIsTooLongOrTooDeep) {
  std::string deep;
  for (int i = 0; i < 70; ++i) deep += "/a";
  std::string wanted;
  for (int i = 0; i < 64; ++i) wanted += "/a";
  EXPECT_EQ(general(deep), wanted + "/{rest}");
  const std::string word(30, 'w');
  std::string long_path;
  for (int i = 0; i < 60; ++i) long_path += "/" + word;
  const std::string cut = general(long_path, {}, Paths::full);
  EXPECT_TRUE(cut.ends_with("/{rest}"));
  EXPECT_EQ(cut.find("{rest}"), 32 * 31 + 1u);   // a 33rd segment would leave no room for "/" and a class byte
}

TEST(PathClass, SaysWhatALiteralCouldHaveBeen) {
  const Literals kept = Literals::of(policy_with({"/orders/2024"}));
  EXPECT_TRUE(could_have_been(SegmentClass::number, "2025", kept));
  EXPECT_FALSE(could_have_been(SegmentClass::number, "2024", kept));    // would have been kept
  EXPECT_FALSE(could_have_been(SegmentClass::number, "export", kept));  // a word is always kept
  EXPECT_FALSE(could_have_been(SegmentClass::text, "2025", kept));
  EXPECT_TRUE(could_have_been(SegmentClass::rest, "anything", kept));
}

// Whatever the path: what was replaced by a class could have been what it was, and nothing else changed.
RC_GTEST_PROP(PathClass, EachReplacedSegmentIsOfItsClass, ()) {
  const auto segment = rc::gen::container<std::string>(rc::gen::elementOf(std::string("ab09f-.%v~E_")));
  const auto segments = *rc::gen::nonEmpty(rc::gen::container<std::vector<std::string>>(segment));
  const auto literals = *rc::gen::container<std::vector<std::string>>(rc::gen::elementOf(segments));
  const Literals kept = Literals::of(literals);
  std::string path;
  for (const std::string& s : segments) path += "/" + s;
  std::array<char, kMaxShapePath> out;
  bool generalised = false;
  std::string_view shape(out.data(), generalise(path, kept, Paths::classes, out, generalised));
  bool any = false;
  for (std::size_t i = 0; i < segments.size(); ++i) {
    RC_ASSERT(shape.starts_with('/'));
    shape.remove_prefix(1);
    const std::string_view got = shape.substr(0, shape.find('/'));
    shape.remove_prefix(got.size());
    if (got.size() == 1 && got[0] > 0 && got[0] <= 5) {
      any = true;
      const auto kind = static_cast<SegmentClass>(got[0]);
      if (kind == SegmentClass::rest) break;
      RC_ASSERT(could_have_been(kind, segments[i], kept));
    } else {
      RC_ASSERT(got == segments[i]);
    }
  }
  RC_ASSERT(generalised == any);
}

}  // namespace
}  // namespace weir::record
