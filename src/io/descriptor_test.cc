#include "io/descriptor.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <thread>
#include <utility>
#include <vector>

namespace weir::io {
namespace {

bool is_open(int descriptor) { return ::fcntl(descriptor, F_GETFD) >= 0; }

Descriptor open_null() { return Descriptor(::open("/dev/null", O_RDONLY | O_CLOEXEC)); }

// (device, inode): the same file, whatever its number.
std::pair<dev_t, ino_t> file_of(int descriptor) {
  struct stat about{};
  EXPECT_EQ(::fstat(descriptor, &about), 0);
  return {about.st_dev, about.st_ino};
}

TEST(Descriptor, IsClosedWhenItEndsAndNotBefore) {
  int value = -1;
  {
    Descriptor one = open_null();
    value = one.get();
    ASSERT_GE(value, 0);
    Descriptor other = std::move(one);
    EXPECT_EQ(one.get(), -1);
    EXPECT_TRUE(is_open(value));
    other = Descriptor();
    EXPECT_FALSE(is_open(value));
    other = open_null();
    value = other.release();
  }
  EXPECT_TRUE(is_open(value));
  ::close(value);
}

TEST(OwnDescriptors, AThreadKeepsWhatItNamesAndClosesNothingOfOthers) {
  const Descriptor low = open_null(), kept = open_null(), between = open_null(), high = open_null();
  std::thread([&] {
    ASSERT_TRUE(own_descriptors(std::array{high.get(), kept.get()}));
    EXPECT_FALSE(is_open(low.get()));
    EXPECT_TRUE(is_open(kept.get()));
    EXPECT_FALSE(is_open(between.get()));
    EXPECT_TRUE(is_open(high.get()));
    EXPECT_TRUE(is_open(STDERR_FILENO));
    // What is opened here is here alone, and may have a number that means something else elsewhere.
    const Descriptor own(::open("/dev/zero", O_RDONLY | O_CLOEXEC));
    EXPECT_LE(own.get(), between.get());
  }).join();
  for (const Descriptor* each : {&low, &kept, &between, &high}) EXPECT_TRUE(is_open(each->get()));
}

TEST(OwnDescriptors, NothingKept) {
  const Descriptor one = open_null();
  std::thread([&] {
    ASSERT_TRUE(own_descriptors({}));
    EXPECT_FALSE(is_open(one.get()));
  }).join();
  EXPECT_TRUE(is_open(one.get()));
}

TEST(DescriptorPassage, PassesThemInOrder) {
  DescriptorPassage passage;
  const Descriptor null = open_null(), zero(::open("/dev/zero", O_RDONLY | O_CLOEXEC));
  std::vector<int> passed;   // more than one message takes
  for (int i = 0; i < 300; ++i) passed.push_back(i % 3 == 0 ? zero.get() : null.get());
  passage.pass(passed);
  passage.pass(std::array{zero.get()});
  std::thread([&] {
    ASSERT_TRUE(own_descriptors(std::array{passage.exit()}));
    const std::vector<Descriptor> got = passage.receive(passed.size());
    ASSERT_EQ(got.size(), passed.size());
    for (std::size_t i = 0; i < got.size(); ++i) {
      EXPECT_EQ(file_of(got[i].get()) == file_of(got[0].get()), i % 3 == 0) << i;
      EXPECT_NE(::fcntl(got[i].get(), F_GETFD) & FD_CLOEXEC, 0);
    }
    const std::vector<Descriptor> last = passage.receive(1);
    ASSERT_EQ(last.size(), 1u);
    EXPECT_EQ(file_of(last[0].get()), file_of(got[0].get()));
    EXPECT_TRUE(passage.receive(1).empty());   // there is none
  }).join();
  EXPECT_TRUE(is_open(null.get()) && is_open(zero.get()));
}

TEST(DescriptorPassage, OfMoreThanATableHoldsTheFirstAreTaken) {
  DescriptorPassage passage;
  const Descriptor null = open_null();
  const std::vector<int> passed(40, null.get());
  passage.pass(passed);
  passage.pass(std::array{null.get()});
  std::thread([&] {
    ASSERT_TRUE(own_descriptors(std::array{passage.exit()}));
    rlimit before{};
    ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
    rlimit few = before;
    few.rlim_cur = 20;
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &few), 0);
    std::size_t open = 0;
    for (int i = 0; i < 20; ++i) open += is_open(i) ? 1 : 0;
    std::vector<Descriptor> got = passage.receive(passed.size());
    EXPECT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
    EXPECT_EQ(got.size(), 20 - open);
    EXPECT_EQ(passage.receive(1).size(), 1u);   // what was passed next is not mistaken for the rest
  }).join();
}

}  // namespace
}  // namespace weir::io
