#include "store/deploys.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>

#include "store/overrides.h"
#include "store/revisions.h"
#include "store/sqlite.h"

namespace weir::store {
namespace {

constexpr WallTime kNoon = wall_from_nanos(1'800'000'000'000'000'000);

DeployRow row(std::uint64_t id, bool under_way = true) {
  return {.id = id,
          .subject = "orders",
          .version = "v42",
          .author = "ci",
          .reason = "CHG-7",
          .watch_s = 3600,
          .at = kNoon,
          .split = "v41 95, v42 5",
          .under_way = under_way,
          .json = "{}",
          .state = under_way ? std::string("s\0s", 3) : "",
          .saved = kNoon};
}

class DeploysTest : public testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/weir-deploys-XXXXXX";
    ASSERT_NE(::mkdtemp(name), nullptr);
    root_ = name;
    path_ = root_ + "/revisions.db";
  }
  void TearDown() override { std::filesystem::remove_all(root_); }
  void with_history() { ASSERT_TRUE(Revisions::open(path_, Revisions::Mode::write).has_value()); }
  std::string root_, path_;
};

TEST_F(DeploysTest, KeepsWhatWasAnnouncedOverAProcess) {
  with_history();
  ASSERT_TRUE(Deploys(path_).put({row(1)}));
  const auto all = Deploys(path_).list(0, 10);
  ASSERT_TRUE(all && all->size() == 1);
  const DeployRow& kept = all->front();
  EXPECT_EQ(kept.id, 1u);
  EXPECT_EQ(kept.subject + kept.version + kept.author + kept.reason, "ordersv42ciCHG-7");
  EXPECT_EQ(kept.watch_s, 3600);
  EXPECT_EQ(kept.at, kNoon);
  EXPECT_EQ(kept.split, "v41 95, v42 5");
  EXPECT_TRUE(kept.under_way);
  EXPECT_EQ(kept.state, std::string("s\0s", 3));
}

TEST_F(DeploysTest, AnAnswerIsTheLastWord) {
  with_history();
  ASSERT_TRUE(Deploys(path_).put({row(1)}));
  DeployRow harmed = row(1, false);
  harmed.json = "harmed";
  ASSERT_TRUE(Deploys(path_).put({harmed}));
  DeployRow late = row(1);   // of a process that had not heard
  late.json = "under way";
  ASSERT_TRUE(Deploys(path_).put({late}));
  const auto kept = Deploys(path_).find(1);
  ASSERT_TRUE(kept && kept->size() == 1);
  EXPECT_FALSE(kept->front().under_way);
  EXPECT_EQ(kept->front().json, "harmed");
}

TEST_F(DeploysTest, ListsTheNewestFirstAndFindsOne) {
  with_history();
  ASSERT_TRUE(Deploys(path_).put({row(1), row(2), row(3)}));
  const auto ids = [](const Result<std::vector<DeployRow>>& rows) {
    std::vector<std::uint64_t> out;
    if (rows) {
      for (const DeployRow& each : *rows) out.push_back(each.id);
    }
    return out;
  };
  using Ids = std::vector<std::uint64_t>;
  EXPECT_EQ(ids(Deploys(path_).list(0, 2)), (Ids{3, 2}));
  EXPECT_EQ(ids(Deploys(path_).list(2, 9)), (Ids{1}));
  EXPECT_EQ(ids(Deploys(path_).find(2)), (Ids{2}));
  EXPECT_EQ(ids(Deploys(path_).find(9)), Ids{});
}

TEST_F(DeploysTest, AllOrNoneAreWritten) {
  with_history();
  DeployRow large = row(2);
  large.json.assign(Deploys::kMaxRow + 1, ' ');
  EXPECT_EQ(Deploys(path_).put({row(1), large}).error().kind, ErrorKind::too_large);
  EXPECT_TRUE(Deploys(path_).list(0, 9)->empty());
}

TEST_F(DeploysTest, TheOldestGoFirst) {
  with_history();
  ASSERT_TRUE(Deploys(path_).put({row(1), row(2)}));
  ASSERT_TRUE(Deploys(path_).put({row(Deploys::kMost + 1)}));
  EXPECT_TRUE(Deploys(path_).find(1)->empty());
  EXPECT_EQ(Deploys(path_).find(2)->size(), 1u);
}

// As weir wrote it before deploys were kept: a history, an override, no such table.
TEST_F(DeploysTest, AStoreWithoutTheTableGetsItAndKeepsWhatItHas) {
  {
    auto revisions = Revisions::open(path_, Revisions::Mode::write);
    ASSERT_TRUE(revisions);
    ASSERT_TRUE(revisions->go_live({.hash = "h", .directory = "/", .at = kNoon, .author = "a", .reason = "b"},
                                   {{.name = "gateway.yaml", .text = "one"}}));
    OverrideRow paused;
    paused.what = "pause route checkout";
    ASSERT_TRUE(Overrides(path_).add(paused));
    auto database = Database::open(path_, Database::Mode::write, 1000).value();
    ASSERT_EQ(database.number("SELECT count(*) FROM sqlite_master WHERE name = 'deploys'").value(), 0);
  }
  ASSERT_TRUE(Deploys(path_).list(0, 9)->empty());
  ASSERT_TRUE(Deploys(path_).put({row(1)}));
  auto revisions = Revisions::open(path_, Revisions::Mode::write);
  ASSERT_TRUE(revisions) << "the history takes the table for none of another program";
  EXPECT_EQ(revisions->live().value()->number, 1u);
  EXPECT_EQ(Overrides(path_).in_force()->size(), 1u);
  EXPECT_EQ(Deploys(path_).list(0, 9)->size(), 1u);
}

TEST_F(DeploysTest, WithoutAHistoryOrWithAnotherProgramsFileNothingIsMade) {
  EXPECT_FALSE(Deploys(path_).put({row(1)}));
  EXPECT_FALSE(std::filesystem::exists(path_));
  ASSERT_TRUE(Database::open(path_, Database::Mode::write, 1000)->run("CREATE TABLE theirs(a)"));
  EXPECT_FALSE(Deploys(path_).put({row(1)}));
}

}  // namespace
}  // namespace weir::store
