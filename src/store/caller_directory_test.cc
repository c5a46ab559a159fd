// The directory on disk: what is merged is there again, whatever happens to the file.
#include "store/caller_directory.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <thread>

#include "base/temp_folder_for_tests.h"
#include "store/sqlite.h"

namespace weir::store {
namespace {

using namespace std::chrono_literals;
using record::CallerEntry;
using record::CallerKind;
using record::CallerName;

WallTime at(Nanos since) { return WallTime(20'000 * 24h + since); }

CallerEntry entry_of(std::string_view name, std::vector<Nanos> times) {
  CallerEntry entry;
  entry.name = CallerName::of(CallerKind::credential, name);
  for (const Nanos each : times)
    entry.add({.at = at(each), .ending = {.status = 200}, .route = "catalog"}, false);
  return entry;
}

class Directory : public testing::Test {
 protected:
  void TearDown() override { ::chmod(root_.c_str(), 0700); }
  static std::vector<CallerEntry> find(CallerDirectory& directory, std::string_view name) {
    auto found = directory.find(name);
    EXPECT_TRUE(found);
    return found ? *found : std::vector<CallerEntry>();
  }
  const TempFolder folder_;
  const std::string root_ = folder_.path(), path_ = root_ + "/callers.db";
};

TEST_F(Directory, TellsOfThoseWithACredentialAlone) {
  auto directory = CallerDirectory::open(path_, {});
  ASSERT_TRUE(directory);
  CallerEntry client = entry_of("192.0.2.1", {0s, 1s, 2s, 3s});
  client.name = CallerName::of(CallerKind::client, "192.0.2.1");
  ASSERT_TRUE(directory->merge(std::vector{entry_of("few", {0s}), client, entry_of("many", {0s, 1s, 2s})}));
  const auto names = [&](std::size_t most) {
    std::vector<std::string> all;
    EXPECT_TRUE(directory->credentials(most, [&](const CallerEntry& entry) { all.push_back(entry.name.name); }));
    return all;
  };
  EXPECT_EQ(names(10), (std::vector<std::string>{"many", "few"}));
  EXPECT_EQ(names(1), std::vector<std::string>{"many"});
}

// As it stands while another process makes it.
TEST_F(Directory, AnEmptyFileIsNoDirectoryYet) {
  std::ofstream(path_).close();
  const auto directory = CallerDirectory::open(path_, {.mode = CallerDirectory::Mode::read});
  ASSERT_FALSE(directory);
  EXPECT_EQ(directory.error().kind, ErrorKind::not_found);
}

TEST_F(Directory, TellsWhomItKnowsAndWhileItIsYoungWhoIsEstablished) {
  auto directory = CallerDirectory::open(path_, {.key = {.k0 = 5, .k1 = 6}});
  ASSERT_TRUE(directory);
  const auto hash = [](const CallerEntry& entry) { return record::CallerTally::hash_of({.k0 = 5, .k1 = 6}, entry.name); };
  const std::vector first = {entry_of("often", std::vector<Nanos>(20, 1h)), entry_of("rare", {2h})};
  ASSERT_TRUE(directory->merge(first));
  EXPECT_EQ(*directory->known_or_established(10), std::vector{hash(first[0])}) << "one hour old: 20 good requests are enough";
  const std::vector later = {entry_of("rare", {30h}), entry_of("late", {3h, 40h})};
  ASSERT_TRUE(directory->merge(later));
  EXPECT_EQ(*directory->known_or_established(10), (std::vector{hash(later[1]), hash(first[1])})) << "two days of each, the last seen first";
  EXPECT_EQ(*directory->known_or_established(1), std::vector{hash(later[1])});
}

TEST_F(Directory, MergesWhatSeveralHaveSeen) {
  auto one = CallerDirectory::open(path_, {});
  ASSERT_TRUE(one) << to_string(one.error());
  auto two = CallerDirectory::open(path_, {});
  ASSERT_TRUE(two);
  const std::vector first = {entry_of("acme", {0s, 1s}), entry_of("hub", {0s})};
  ASSERT_TRUE(one->merge(first));
  const std::vector second = {entry_of("acme", {30h})};
  ASSERT_TRUE(two->merge(second));
  EXPECT_TRUE(two->known().contains(record::CallerTally::hash_of({}, second[0].name)));

  auto reader = CallerDirectory::open(path_, {.mode = CallerDirectory::Mode::read});
  ASSERT_TRUE(reader) << to_string(reader.error());
  CallerEntry whole = entry_of("acme", {0s, 1s, 30h});
  EXPECT_EQ(find(*reader, "acme"), std::vector{whole});
  const auto totals = reader->totals(at(0s));
  ASSERT_TRUE(totals);
  EXPECT_EQ(totals->callers, 2u);
  EXPECT_EQ(totals->known, 1u);
  EXPECT_EQ(totals->first, at(0s));
  EXPECT_EQ(totals->last, at(30h));
  // What the other process made known is known here with the next merge.
  ASSERT_TRUE(one->merge(std::vector{entry_of("hub", {1s})}));
  EXPECT_TRUE(one->known().contains(record::CallerTally::hash_of({}, second[0].name)));
  struct stat info{};
  ASSERT_EQ(::stat(path_.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
}

TEST_F(Directory, SeveralMayBeginItAtOnce) {
  for (int round = 0; round < 20; ++round) {
    const std::string path = path_ + std::to_string(round);
    std::vector<std::string> errors(3);
    {
      std::vector<std::jthread> threads;
      for (std::size_t i = 0; i < errors.size(); ++i) {
        threads.emplace_back([&, i] {
          auto directory = CallerDirectory::open(path, {});
          if (!directory) {
            errors[i] = to_string(directory.error());
            return;
          }
          const auto merged = directory->merge(std::vector{entry_of("acme", {0s})});
          if (!merged) errors[i] = to_string(merged.error());
        });
      }
    }
    EXPECT_EQ(errors, std::vector<std::string>(3));
    auto directory = CallerDirectory::open(path, {});
    ASSERT_TRUE(directory);
    EXPECT_EQ(find(*directory, "acme").at(0).standing.requests, 3u);
  }
}

TEST_F(Directory, NamesOfAnyBytesAreNames) {
  auto directory = CallerDirectory::open(path_, {});
  ASSERT_TRUE(directory);
  const std::string hostile[] = {"'; DROP TABLE callers; --", std::string("a\0b", 3),
                                 "\x1b[31m\xff", std::string(10'000, '%'), ""};
  std::vector<CallerEntry> entries;
  for (const std::string& name : hostile) entries.push_back(entry_of(name, {0s}));
  ASSERT_TRUE(directory->merge(entries));
  for (std::size_t i = 0; i < entries.size(); ++i)
    EXPECT_EQ(find(*directory, hostile[i]), std::vector{entries[i]});
  EXPECT_EQ(directory->totals({})->callers, 5u);
}

TEST_F(Directory, UnknownCallersGoBeforeKnownOnes) {
  auto directory = CallerDirectory::open(path_, {.most_bytes = 64 * 1024});
  ASSERT_TRUE(directory);
  std::vector<CallerEntry> known;
  for (int i = 0; i < 50; ++i) known.push_back(entry_of("known-" + std::to_string(i), {0s, 30h}));
  ASSERT_TRUE(directory->merge(known));
  for (int batch = 0; batch < 40; ++batch) {
    std::vector<CallerEntry> flood;
    for (int i = 0; i < 100; ++i)
      flood.push_back(entry_of(std::to_string(batch * 100 + i), {40h + batch * 1s}));
    ASSERT_TRUE(directory->merge(flood));
  }
  const auto totals = directory->totals({});
  EXPECT_EQ(totals->known, 50u);
  EXPECT_LT(totals->callers, 700u);  // 64 KiB of more than 100 bytes each
  EXPECT_GT(totals->callers, 100u);
  EXPECT_EQ(find(*directory, "known-7").size(), 1u);
  EXPECT_EQ(find(*directory, "3999").size(), 1u);  // the newest of the unknown are there
  EXPECT_EQ(find(*directory, "0").size(), 0u);

  // Where all that is there is known, newcomers find no room, and those stay.
  auto full = CallerDirectory::open(root_ + "/full.db", {.most_bytes = 4 * 1024});
  ASSERT_TRUE(full);
  ASSERT_TRUE(full->merge(known));
  ASSERT_TRUE(full->merge(std::vector{entry_of("newcomer", {50h})}));
  EXPECT_EQ(find(*full, "newcomer").size(), 0u);
  EXPECT_EQ(full->totals({})->known, 50u);
}

TEST_F(Directory, ADamagedFileIsSetAsideAndKept) {
  {
    auto directory = CallerDirectory::open(path_, {});
    ASSERT_TRUE(directory);
    ASSERT_TRUE(directory->merge(std::vector{entry_of("acme", {0s})}));
  }
  for (const std::string& garbage :
       {std::string(5000, 'x'), std::string("SQLite format 3\0", 16) + std::string(4080, 'y')}) {
    std::ofstream(path_, std::ios::binary | std::ios::trunc) << garbage;
    auto directory = CallerDirectory::open(path_, {});
    ASSERT_TRUE(directory) << to_string(directory.error());
    ASSERT_FALSE(directory->set_aside().empty());
    std::ifstream kept(directory->set_aside(), std::ios::binary);
    EXPECT_EQ(std::string(std::istreambuf_iterator<char>(kept), {}), garbage);
    ASSERT_TRUE(directory->merge(std::vector{entry_of("hub", {0s})}));
    EXPECT_EQ(find(*directory, "hub").size(), 1u);
  }
  EXPECT_TRUE(std::filesystem::exists(path_ + ".damaged-1"));
  EXPECT_TRUE(std::filesystem::exists(path_ + ".damaged-2"));
}

TEST_F(Directory, DamageInTheMiddleIsFoundToo) {
  {
    auto directory = CallerDirectory::open(path_, {});
    ASSERT_TRUE(directory);
    std::vector<CallerEntry> many;
    for (int i = 0; i < 2000; ++i) many.push_back(entry_of(std::to_string(i), {0s}));
    ASSERT_TRUE(directory->merge(many));
  }
  std::fstream file(path_, std::ios::binary | std::ios::in | std::ios::out);
  for (int page = 5; page < 20; ++page) {
    file.seekp(page * 4096);
    file << std::string(2000, '\xaa');
  }
  file.close();
  auto directory = CallerDirectory::open(path_, {});
  ASSERT_TRUE(directory) << to_string(directory.error());
  EXPECT_FALSE(directory->set_aside().empty());
}

// In place, all but the page that says what it is.
void damage(const std::string& path) {
  constexpr std::size_t kPage = 4096;
  const auto size = static_cast<std::size_t>(std::filesystem::file_size(path));
  ASSERT_GT(size, kPage);
  std::fstream file(path, std::ios::binary | std::ios::in | std::ios::out);
  file.seekp(kPage);
  file << std::string(size - kPage, '\xaa');
}

TEST_F(Directory, WhatCannotBeSetAsideIsAnErrorUntilItCan) {
  std::vector<CallerEntry> many;
  for (int i = 0; i < 2000; ++i) many.push_back(entry_of(std::to_string(i), {0s}));
  ASSERT_TRUE(CallerDirectory::open(path_, {})->merge(many));
  auto directory = CallerDirectory::open(path_, {});
  ASSERT_TRUE(directory);
  // Another writes, so that what this one has in memory is read anew.
  ASSERT_TRUE(CallerDirectory::open(path_, {})->merge(std::vector{entry_of("acme", {0s})}));
  damage(path_);
  const auto aside = [&](int number) { return path_ + ".damaged-" + std::to_string(number); };
  for (int number = 1; number <= 99; ++number) std::ofstream(aside(number)).close();

  for (int tries = 0; tries < 2; ++tries) {
    const auto merged = directory->merge(std::vector{entry_of("hub", {0s})});
    ASSERT_FALSE(merged);
    EXPECT_NE(to_string(merged.error()).find("could not be set aside"), std::string::npos)
        << to_string(merged.error());
    EXPECT_FALSE(directory->find("hub"));
    EXPECT_FALSE(directory->totals({}));
    EXPECT_FALSE(directory->known_or_established(10));
    EXPECT_FALSE(directory->logs());
  }
  std::filesystem::remove(aside(7));
  const auto merged = directory->merge(std::vector{entry_of("hub", {0s})});
  ASSERT_TRUE(merged) << to_string(merged.error());
  EXPECT_EQ(directory->set_aside(), aside(7));
  EXPECT_EQ(find(*directory, "hub").size(), 1u);
}

TEST_F(Directory, AnotherVersionIsLeftAlone) {
  {
    auto database = Database::open(path_, Database::Mode::write, 0);
    ASSERT_TRUE(database);
    ASSERT_TRUE(database->run("CREATE TABLE callers(x); PRAGMA user_version = 2"));
  }
  const auto directory = CallerDirectory::open(path_, {});
  ASSERT_FALSE(directory);
  EXPECT_NE(to_string(directory.error()).find("version 2"), std::string::npos);
  EXPECT_FALSE(std::filesystem::exists(path_ + ".damaged-1"));
  const auto reader = CallerDirectory::open(path_, {.mode = CallerDirectory::Mode::read});
  EXPECT_FALSE(reader);
}

TEST_F(Directory, AFullDiskIsAnErrorThatLosesNothing) {
  auto directory = CallerDirectory::open(path_, {});
  ASSERT_TRUE(directory);
  ASSERT_TRUE(directory->merge(std::vector{entry_of("acme", {0s})}));
  std::vector<CallerEntry> many;
  for (int i = 0; i < 3000; ++i) many.push_back(entry_of(std::to_string(i), {0s}));
  // No file of this process may grow: what a full disk is to SQLite.
  struct rlimit before{}, tight{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  tight = before;
  tight.rlim_cur = 64 * 1024;
  const auto old = std::signal(SIGXFSZ, SIG_IGN);
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &tight), 0);
  const auto merged = directory->merge(many);
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  std::signal(SIGXFSZ, old);
  ASSERT_FALSE(merged);
  EXPECT_EQ(directory->totals({})->callers, 1u);  // all or none
  ASSERT_TRUE(directory->merge(many));
  EXPECT_EQ(directory->totals({})->callers, 3001u);
}

TEST_F(Directory, RemembersWhatWasImported) {
  auto directory = CallerDirectory::open(path_, {});
  ASSERT_TRUE(directory);
  auto staged = CallerDirectory::open(":memory:", {});
  ASSERT_TRUE(staged);
  ASSERT_TRUE(staged->merge(std::vector{entry_of("acme", {0s, 5s})}));
  const ImportedLog log{.length = 4096,
                        .digest = 0xfedcba9876543210,
                        .name = "access.log",
                        .until = at(5s),
                        .entries = 2,
                        .lines = 3};
  ASSERT_TRUE(directory->merge(*staged, std::span(&log, 1)));
  ImportedLog more = log;
  more.until = at(9s);
  ASSERT_TRUE(directory->merge(*staged, std::span(&more, 1)));
  const auto logs = directory->logs();
  ASSERT_TRUE(logs);
  ASSERT_EQ(logs->size(), 1u);
  EXPECT_EQ(logs->front().digest, log.digest);
  EXPECT_EQ(logs->front().until, at(9s));
  EXPECT_EQ(logs->front().lines, 3u);
  EXPECT_EQ(find(*directory, "acme").front().standing.requests, 4u);
}

TEST_F(Directory, TakesAFileInWhichNoLinesWereCounted) {
  const ImportedLog log{
      .length = 4096, .digest = 7, .name = "access.log", .until = at(5s), .entries = 2};
  auto staged = CallerDirectory::open(":memory:", {});
  ASSERT_TRUE(staged);
  {
    auto directory = CallerDirectory::open(path_, {});
    ASSERT_TRUE(directory);
    ASSERT_TRUE(directory->merge(*staged, std::span(&log, 1)));
  }
  {
    auto database = Database::open(path_, Database::Mode::write, 1000);
    ASSERT_TRUE(database);
    ASSERT_TRUE(database->run("ALTER TABLE logs DROP COLUMN lines"));
  }
  auto directory = CallerDirectory::open(path_, {});
  ASSERT_TRUE(directory) << to_string(directory.error());
  EXPECT_EQ(directory->set_aside(), "");
  const auto logs = directory->logs();
  ASSERT_TRUE(logs);
  ASSERT_EQ(logs->size(), 1u);
  EXPECT_EQ(logs->front().until, at(5s));
  EXPECT_EQ(logs->front().lines, 0u);
  ImportedLog more = log;
  more.lines = 9;
  ASSERT_TRUE(directory->merge(*staged, std::span(&more, 1)));
  EXPECT_EQ(directory->logs()->front().lines, 9u);
}

TEST_F(Directory, ReadsWhereNobodyMayWrite) {
  {
    auto directory = CallerDirectory::open(path_, {});
    ASSERT_TRUE(directory);
    ASSERT_TRUE(directory->merge(std::vector{entry_of("acme", {0s})}));
  }
  if (::geteuid() == 0) GTEST_SKIP() << "root may write everywhere";
  ::chmod(path_.c_str(), 0400);
  ::chmod(root_.c_str(), 0500);
  auto reader = CallerDirectory::open(path_, {.mode = CallerDirectory::Mode::read});
  ASSERT_TRUE(reader) << to_string(reader.error());
  EXPECT_EQ(find(*reader, "acme").size(), 1u);
  EXPECT_FALSE(CallerDirectory::open(path_, {}));
}

TEST_F(Directory, ThereIsNoneToReadWhereNoneWasWritten) {
  const auto reader = CallerDirectory::open(path_, {.mode = CallerDirectory::Mode::read});
  ASSERT_FALSE(reader);
  EXPECT_EQ(reader.error().kind, ErrorKind::not_found);
}

}  // namespace
}  // namespace weir::store
