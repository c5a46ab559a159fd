#include "config/compact_tree.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace weir::config {
namespace {

bool same(const Node& a, const Node& b) {
  if (a.kind != b.kind || a.quoted != b.quoted || a.text != b.text || a.at.file != b.at.file || a.children.size() != b.children.size()) return false;
  for (std::size_t i = 0; i < a.children.size(); ++i) {
    if (!same(a.children[i], b.children[i])) return false;
  }
  return true;
}

struct Kept {
  std::vector<Tree> trees;
  std::shared_ptr<const CompactTree> tree;
};
Kept kept(const std::vector<std::string>& texts) {
  Kept out;
  Diagnostics none;
  std::vector<SourceFile> files;
  for (const std::string& text : texts) {
    out.trees.push_back(parse(static_cast<std::uint16_t>(files.size()), text, {}, none).value());
    files.push_back({.name = "a.yaml", .text = text});
  }
  std::vector<const Node*> documents;
  for (const Tree& tree : out.trees) {
    for (const Node& document : tree.documents) documents.push_back(&document);
  }
  out.tree = keep(files, "/etc/weir", documents);
  return out;
}

TEST(CompactTree, GivesTheNodesBack) {
  // Lengths of one and of two bytes, both kinds of collections, empty ones, nothing, what was quoted, two documents, two files.
  const Kept read = kept({"a: [1, {b: 'two', c: \"\"}, [], {}, ~]\nlong: " + std::string(300, 'x') + "\n--- \nd: |\n  e\n  f\n", "g: ü\n"});
  ASSERT_NE(read.tree, nullptr);
  const Tree again = expand(*read.tree);
  ASSERT_EQ(again.documents.size(), 3u);
  EXPECT_TRUE(same(again.documents[0], read.trees[0].documents[0]));
  EXPECT_TRUE(same(again.documents[1], read.trees[0].documents[1]));
  EXPECT_TRUE(same(again.documents[2], read.trees[1].documents[0]));
  EXPECT_TRUE(again.documents[2].children[0].at.known());
}

TEST(CompactTree, IsTheSameForWhatIsWrittenInAnotherWay) {
  EXPECT_EQ(*kept({"a: {b: [c, d]}   # why\n"}).tree, *kept({"\n\na:\n  b:\n    - c\n    - d\n"}).tree);
  EXPECT_NE(*kept({"a: 1\n"}).tree, *kept({"a: '1'\n"}).tree);
  EXPECT_NE(*kept({"a: [bc]\n"}).tree, *kept({"a: [b, c]\n"}).tree);
  EXPECT_NE(*kept({"a: 1\nb: 2\n"}).tree, *kept({"a: 1\n", "b: 2\n"}).tree);
}

TEST(CompactTree, HoldsAliasesWrittenOut) {
  EXPECT_EQ(*kept({"a: &x [1, 2]\nb: *x\n"}).tree, *kept({"a: [1, 2]\nb: [1, 2]\n"}).tree);
}

// A hundred aliases of 10,000 bytes each say a million.
TEST(CompactTree, IsNotKeptWhereAliasesMakeItMuchMoreThanTheText) {
  std::string text = "a: &x " + std::string(10'000, 'x') + "\nb: [";
  for (int i = 0; i < 100; ++i) text += "*x , ";
  EXPECT_EQ(kept({text + "]\n"}).tree, nullptr);
}

TEST(CompactTree, TakesAboutAsMuchAsItsText) {
  const std::string route = "  - {name: a, match: {hosts: [a.example.com], path: /*}, upstream: app}\n";
  std::string text = "routes:\n";
  for (int i = 0; i < 1000; ++i) text += route;
  const Kept read = kept({text});
  ASSERT_NE(read.tree, nullptr);
  EXPECT_LE(read.tree->nodes.size(), text.size() * 6 / 5);
}

}  // namespace
}  // namespace weir::config
