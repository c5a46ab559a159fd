#include "record/snapshot.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>

namespace weir::record {
namespace {

Snapshot example(std::size_t cells) {
  Snapshot snapshot{.start = {.installation = {77}, .wall = wall_from_nanos(5'000), .stamp = stamp_from_nanos(400), .number = 12},
                    .position = stamp_from_nanos(1'000'000'000), .revision = 3, .hash = "cafe", .table_cells = 1 << 21, .cells = {}};
  for (std::size_t i = 0; i < cells; ++i) {
    snapshot.cells.push_back({.place = i * 3, .value = 1'000'000'000 + i * 7'919 - (i % 2) * 50'000'000, .owner = i * 0x9e3779b97f4a7c15ULL});
  }
  return snapshot;
}

void expect_equal(const Snapshot& a, const Snapshot& b) {
  EXPECT_EQ(a.start.installation.value, b.start.installation.value);
  EXPECT_EQ(a.start.wall, b.start.wall);
  EXPECT_EQ(a.start.stamp, b.start.stamp);
  EXPECT_EQ(a.start.number, b.start.number);
  EXPECT_EQ(a.position, b.position);
  EXPECT_EQ(a.revision, b.revision);
  EXPECT_EQ(a.hash, b.hash);
  EXPECT_EQ(a.table_cells, b.table_cells);
  EXPECT_TRUE(a.cells == b.cells);
}

TEST(Snapshot, ReadsBackWhatWasWritten) {
  for (const std::size_t cells : {0, 1, 1000, 600'000}) {   // the last one takes several blocks
    const Snapshot snapshot = example(cells);
    const std::string file = write_snapshot(snapshot);
    const auto read = read_snapshot(std::as_bytes(std::span(file)));
    ASSERT_TRUE(read) << to_string(read.error());
    expect_equal(*read, snapshot);
  }
}

TEST(Snapshot, AnyDamageAndAnyCutIsFound) {
  const std::string file = write_snapshot(example(200));
  for (std::size_t i = 0; i < file.size(); ++i) {
    std::string damaged = file;
    damaged[i] = static_cast<char>(damaged[i] ^ 0x20);
    EXPECT_FALSE(read_snapshot(std::as_bytes(std::span(damaged)))) << i;
    EXPECT_FALSE(read_snapshot(std::as_bytes(std::span(file).first(i)))) << i;
  }
}

TEST(Snapshot, SaysWhatIsNone) {
  const auto said = [](std::string file) {
    const auto read = read_snapshot(std::as_bytes(std::span(file)));
    return read ? std::string() : to_string(read.error());
  };
  EXPECT_EQ(said("weirseg\x01 and more"), "not a snapshot file");
  EXPECT_EQ(said("weirsnp\x02 and more"), "a snapshot file of another version");
  EXPECT_EQ(said(""), "not a snapshot file");
}

}  // namespace
}  // namespace weir::record
