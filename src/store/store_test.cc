// Files and the data folder, against a folder in /tmp.
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/temp_folder_for_tests.h"
#include "store/data_dir.h"
#include "store/files.h"

namespace weir::store {
namespace {

class Store : public testing::Test {
 protected:
  static void count_up(std::span<std::byte> out) {
    for (std::size_t i = 0; i < out.size(); ++i) out[i] = static_cast<std::byte>(i + 1);
  }
  const TempFolder folder_;
  const std::string root_ = folder_.path();
};

TEST_F(Store, MakesItsFolderPrivateAndKeepsItsSecrets) {
  const std::string path = root_ + "/a/b";
  HashKey key;
  std::string token;
  {
    auto dir = DataDir::open(path, count_up);
    ASSERT_TRUE(dir) << dir.error().context;
    key = dir->key();
    token = dir->token();
    EXPECT_EQ(key.k0, 0x0102030405060708u);
    EXPECT_EQ(key.k1, 0x090a0b0c0d0e0f10u);
    struct stat info {};
    ASSERT_EQ(::stat(path.c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 0777, 0700u);
    ASSERT_EQ(::stat((path + "/admin.token").c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 0777, 0600u);
  }
  auto again = DataDir::open(path, [](std::span<std::byte>) { FAIL() << "secrets are made once"; });
  ASSERT_TRUE(again);
  EXPECT_EQ(again->key().k0, key.k0);
  EXPECT_EQ(again->token(), token);
}

TEST_F(Store, RefusesASecondOwner) {
  auto first = DataDir::open(root_ + "/d", count_up);
  ASSERT_TRUE(first);
  auto second = DataDir::open(root_ + "/d", count_up);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().kind, ErrorKind::busy);
}

TEST_F(Store, SaysWhatIsWrongWithADamagedSecret) {
  { ASSERT_TRUE(DataDir::open(root_ + "/d", count_up)); }
  ASSERT_TRUE(write_file(root_ + "/d/installation.key", "short\n", 0600));
  auto dir = DataDir::open(root_ + "/d", count_up);
  ASSERT_FALSE(dir);
  EXPECT_NE(dir.error().context.find("installation.key should hold 32 hex digits"), std::string::npos);
}

TEST_F(Store, ReadsWholeFilesWithinTheirBound) {
  ASSERT_TRUE(write_file(root_ + "/f", std::string(100000, 'x'), 0600));
  EXPECT_EQ(read_file(root_ + "/f", Bytes{100000})->size(), 100000u);
  EXPECT_EQ(read_file(root_ + "/f", Bytes{1000}).error().kind, ErrorKind::too_large);
  EXPECT_EQ(read_file(root_ + "/none", Bytes{1000}).error().kind, ErrorKind::not_found);
  EXPECT_EQ(read_file(root_, Bytes{1000}).error().kind, ErrorKind::invalid);
}

}  // namespace
}  // namespace weir::store
