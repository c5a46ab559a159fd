// The history against a folder in /tmp.
#include "store/revisions.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "base/temp_folder_for_tests.h"

namespace weir::store {
namespace {

using State = Revision::State;

WallTime at(std::int64_t second) { return wall_from_nanos(second * 1'000'000'000); }

class History : public testing::Test {
 protected:
  Revisions open(std::size_t most = Revisions::kMost) {
    auto opened = Revisions::open(path_, Revisions::Mode::write, most);
    EXPECT_TRUE(opened) << to_string(opened.error());
    return std::move(*opened);
  }
  // A revision of this text, live at that second.
  std::uint32_t live(Revisions& revisions, const std::string& text, std::int64_t second) {
    const auto number = revisions.go_live({.hash = "hash of " + text, .directory = "/etc", .at = at(second), .author = "a", .reason = "b"},
                                        {{.name = "gateway.yaml", .text = text}});
    EXPECT_TRUE(number);
    return *number;
  }
  State state(Revisions& revisions, std::uint32_t number) { return revisions.find(number).value().value().state; }

  const TempFolder folder_;
  const std::string root_ = folder_.path(), path_ = root_ + "/revisions.db";
};

TEST_F(History, KeepsWhatItIsGivenOverAReopenAndForItsOwnerAlone) {
  {
    Revisions revisions = open();
    EXPECT_EQ(live(revisions, "one", 10), 1u);
    EXPECT_EQ(live(revisions, std::string("two\0with a zero", 15), 20), 2u);
  }
  struct stat info {};
  ASSERT_EQ(::stat(path_.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
  Revisions revisions = open();
  const Revision two = revisions.live().value().value();
  EXPECT_EQ(two.number, 2u);
  EXPECT_EQ(two.directory, "/etc");
  EXPECT_EQ(two.author + two.reason, "ab");
  EXPECT_EQ(two.at, at(20));
  const Revision one = revisions.find(1).value().value();
  EXPECT_EQ(one.state, State::replaced);
  EXPECT_EQ(one.ended_at, at(20));
  EXPECT_EQ(revisions.files(1).value()[0].text, "one");
  EXPECT_EQ(revisions.files(2).value()[0].text, std::string("two\0with a zero", 15));
  EXPECT_FALSE(revisions.find(3).value());
  const auto all = revisions.list(0, 10).value();
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0].number, 2u);
  EXPECT_EQ(revisions.list(2, 10).value().size(), 1u);
}

TEST_F(History, TakesBackInOneStepAndMarksTheTextThatWasLeft) {
  Revisions revisions = open();
  live(revisions, "one", 10);
  live(revisions, "two", 20);
  live(revisions, "three", 30);
  EXPECT_EQ(revisions.before(3).value()->number, 2u);
  ASSERT_TRUE(revisions.take_back(2, at(40), "ops", "it hurts"));
  EXPECT_EQ(revisions.live().value()->number, 2u);
  const Revision three = revisions.of_hash("hash of three").value().value();
  EXPECT_EQ(three.state, State::taken_back);
  EXPECT_EQ(three.ended_by + ": " + three.ended_reason, "ops: it hurts");
  EXPECT_EQ(revisions.before(2).value()->number, 1u);   // never what was taken back
  live(revisions, "three", 50);
  EXPECT_EQ(revisions.of_hash("hash of three").value()->number, 4u);   // the newest tells
  EXPECT_EQ(state(revisions, 4), State::live);
}

TEST_F(History, ReturnsToAnotherTextNotToTheSameOne) {
  Revisions revisions = open();
  live(revisions, "one", 10);
  live(revisions, "two", 20);
  live(revisions, "two", 30);
  EXPECT_EQ(revisions.before(3).value()->number, 1u);
}

TEST_F(History, LetsTheOldestGoButNeverWhatIsLiveOrMarked) {
  Revisions revisions = open(5);
  live(revisions, "one", 1);
  live(revisions, "marked", 2);
  ASSERT_TRUE(revisions.take_back(1, at(3), "", ""));
  for (int number = 3; number <= 7; ++number) live(revisions, "later", number);
  EXPECT_TRUE(revisions.find(3).value());   // the last five are r3 to r7
  EXPECT_FALSE(revisions.find(1).value());
  EXPECT_EQ(live(revisions, "last", 8), 8u);
  EXPECT_FALSE(revisions.find(3).value());
  EXPECT_TRUE(revisions.find(4).value());
  EXPECT_EQ(state(revisions, 2), State::taken_back);
  EXPECT_EQ(state(revisions, 8), State::live);
  EXPECT_TRUE(revisions.files(1).value().empty());
  EXPECT_EQ(revisions.files(2).value()[0].text, "marked");
  EXPECT_EQ(revisions.files(8).value()[0].text, "last");
}

TEST_F(History, SaysThatItsBytesAreNotWhatItWroteAndLeavesThem) {
  std::ofstream(path_) << std::string(8192, 'x');
  const auto damaged = Revisions::open(path_, Revisions::Mode::write);
  ASSERT_FALSE(damaged);
  EXPECT_EQ(damaged.error().kind, ErrorKind::invalid);
  EXPECT_NE(to_string(damaged.error()).find("revisions.db"), std::string::npos);
  EXPECT_EQ(std::filesystem::file_size(path_), 8192u);
}

TEST_F(History, GoesByTheOrderOfWhatWasLiveNotByAClockThatIsSetBack) {
  Revisions revisions = open();
  live(revisions, "one", 5000);
  live(revisions, "two", 9000);
  live(revisions, "three", 100);
  live(revisions, "four", 200);
  EXPECT_EQ(revisions.before(4).value()->number, 3u);
  ASSERT_TRUE(revisions.take_back(3, at(150), "ops", ""));
  EXPECT_EQ(revisions.before(3).value()->number, 2u);
  live(revisions, "five", 50);
  EXPECT_EQ(revisions.before(5).value()->number, 3u);
  EXPECT_EQ(revisions.find(5).value()->at, at(50));   // told as the clock said
}

TEST_F(History, TakesNoNumberThatARunningGatewayHas) {
  Revisions revisions = open();   // the one before it was moved away while r7 ran
  const auto number = revisions.go_live({.hash = "h", .before = 7, .at = at(1)}, {{"f", "text"}});
  EXPECT_EQ(number.value(), 8u);
  EXPECT_EQ(live(revisions, "next", 2), 9u);
}

TEST_F(History, ARowThatNobodyWroteIsDamage) {
  {
    Revisions revisions = open();
    live(revisions, "one", 1);
    live(revisions, "two", 2);
  }
  auto database = Database::open(path_, Database::Mode::write, 0);
  ASSERT_TRUE(database->run("UPDATE revisions SET state = 9 WHERE number = 1; UPDATE revisions SET way = -1 WHERE number = 2"));
  Revisions revisions = open();
  for (const auto& found : {revisions.find(1), revisions.find(2), revisions.live()}) {
    ASSERT_FALSE(found);
    EXPECT_EQ(found.error().kind, ErrorKind::invalid);
    EXPECT_NE(to_string(found.error()).find("is damaged"), std::string::npos);
  }
  EXPECT_FALSE(revisions.list(0, 10));
}

// Torn writes and worse, at 300 places: an error or an answer, never a crash or an endless loop.
TEST_F(History, DamagedAnywhereItAnswersOrFails) {
  {
    Revisions revisions = open();
    for (int number = 1; number <= 6; ++number) live(revisions, std::string(3000 * number, static_cast<char>('a' + number)), number);
    ASSERT_TRUE(revisions.take_back(5, at(7), "ops", "it hurts"));
  }
  std::ifstream file(path_, std::ios::binary);
  const std::string good{std::istreambuf_iterator<char>(file), {}};
  int opened = 0, failed = 0;
  for (std::size_t i = 0; i < 300; ++i) {
    const std::size_t at_byte = i * (good.size() - 1) / 299;
    std::string bytes = good;
    if (i % 3 == 0) bytes.resize(at_byte);
    if (i % 3 == 1) bytes.replace(at_byte, 512, std::min<std::size_t>(512, bytes.size() - at_byte), '\0');
    if (i % 3 == 2) bytes[at_byte] = static_cast<char>(bytes[at_byte] ^ (1 << i % 8));
    std::filesystem::remove(path_ + "-journal");
    std::ofstream(path_, std::ios::binary | std::ios::trunc) << bytes;
    auto revisions = Revisions::open(path_, Revisions::Mode::read);
    if (!revisions) {
      ++failed;
      EXPECT_EQ(revisions.error().origin, Origin::system);
      EXPECT_NE(to_string(revisions.error()).find("revisions.db"), std::string::npos);
      continue;
    }
    ++opened;
    for (std::uint32_t number = 1; number <= 7; ++number) {
      const auto found = revisions->find(number);
      if (found && *found) { EXPECT_EQ((*found)->number, number); }
      (void)revisions->files(number);
      (void)revisions->before(number);
    }
    (void)revisions->live();
    if (const auto all = revisions->list(0, 100)) { EXPECT_LE(all->size(), 100u); }
  }
  EXPECT_GT(opened, 50);
  EXPECT_GT(failed, 50);
}

TEST_F(History, RefusesTextsWithoutMeasure) {
  Revisions revisions = open();
  const auto big = revisions.go_live({.hash = "h", .at = at(1)}, {{"f", std::string(Revisions::kMaxText + 1, ' ')}});
  ASSERT_FALSE(big);
  EXPECT_EQ(big.error().kind, ErrorKind::too_large);
}

}  // namespace
}  // namespace weir::store
