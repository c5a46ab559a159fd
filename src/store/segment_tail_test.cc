#include "store/segment_tail.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <utility>

#include "base/temp_folder_for_tests.h"
#include "fmt/core.h"
#include "record/arrivals.h"
#include "record/segment.h"
#include "record/segments_for_tests.h"

namespace weir::store {
namespace {

namespace fs = std::filesystem;

// A scribe's side: arrivals without facts, a file that grows.
class SegmentTailTest : public testing::Test {
 protected:
  std::string path(std::uint64_t number, std::uint64_t start = 7) const {
    return fmt::format("{}/{:019}-{:06}.weirseg", folder_, start, number);
  }
  std::string segment(std::uint64_t number, std::uint64_t first, std::uint64_t count) {
    std::string out;
    record::SegmentWriter writer({.installation = {1}, .wall = wall_from_nanos(7), .stamp = {}, .number = number}, names_, out);
    for (std::uint64_t i = first; i < first + count; ++i) {
      const Arrival arrival{.stamp = stamp_from_nanos(static_cast<std::int64_t>(i)), .exchange = {.worker = WorkerId{0}, .sequence = i}};
      std::array<std::byte, sizeof(Arrival) + 4> item;
      EXPECT_GT(record::put_item(record::ItemKind::arrival, std::as_bytes(std::span(&arrival, 1)), item), 0u);
      writer.add(item);
      writer.flush();
    }
    return out;
  }
  void append(const std::string& to, std::string_view bytes) { std::ofstream(to, std::ios::binary | std::ios::app) << bytes; }
  // Sequences that have come.
  std::vector<std::uint64_t> read(SegmentTail& tail, std::int64_t at_s = 0) {
    SegmentTail::Arrivals arrivals;
    while (tail.read(1 << 20, stamp_from_nanos(at_s * 1'000'000'000), arrivals)) {}
    std::vector<std::uint64_t> sequences;
    for (; !arrivals.empty(); arrivals.pop()) sequences.push_back(arrivals.front().exchange.sequence);
    return sequences;
  }
  using Sequences = std::vector<std::uint64_t>;

  const TempFolder temp_;
  const std::string folder_ = temp_.path();
  NameTable names_;
};

TEST_F(SegmentTailTest, PassesOverArrivalsAndGoesOnBehindThem) {
  const std::string whole = segment(1, 1, 5), three = segment(1, 1, 3);
  ASSERT_TRUE(whole.starts_with(three));
  SegmentTail tail(folder_, 7);
  append(path(1), three);
  while (tail.pass_over(1 << 20, {})) {}
  EXPECT_EQ(read(tail), Sequences{});
  append(path(1), whole.substr(three.size()));
  EXPECT_EQ(read(tail), (Sequences{4, 5}));
  EXPECT_EQ(tail.errors(), 0u);
}

TEST_F(SegmentTailTest, WhatIsPassedOverLeavesItsShapes) {
  record::Batches batches;
  std::string out;
  record::SegmentWriter writer({.installation = {1}, .wall = wall_from_nanos(7), .stamp = {}, .number = 1}, batches.names, out);
  batches.add(batches.arrival(5, 0, 1), "/a", Address::v4(10, 0, 0, 1));
  writer.add(batches.batch);
  writer.flush();
  append(path(1), out);
  SegmentTail tail(folder_, 7);
  EXPECT_TRUE(tail.recording().shapes.empty());
  while (tail.pass_over(1 << 20, {})) {}
  EXPECT_GE(tail.recording().shapes.size(), 2u);   // of the target and the client
  EXPECT_EQ(read(tail), Sequences{});
}

TEST_F(SegmentTailTest, GivesEachArrivalOnceHoweverTheFileGrows) {
  const std::string whole = segment(1, 1, 5);
  SegmentTail tail(folder_, 7);
  EXPECT_EQ(read(tail), Sequences{});
  Sequences all;
  for (const char c : whole) {   // a byte at a time
    append(path(1), {&c, 1});
    const Sequences fresh = read(tail);
    all.insert(all.end(), fresh.begin(), fresh.end());
  }
  EXPECT_EQ(all, (Sequences{1, 2, 3, 4, 5}));
  EXPECT_EQ(tail.recording().damage.blocks, 0u);
}

TEST_F(SegmentTailTest, ReadsOldAndNewFileSideBySide) {
  const std::string first = segment(1, 1, 4);
  append(path(1), std::string_view(first).substr(0, first.size() / 2));
  SegmentTail tail(folder_, 7);
  const Sequences before = read(tail, 0);
  append(path(2), segment(2, 5, 2));
  append(path(1), std::string_view(first).substr(first.size() / 2));
  Sequences all = read(tail, 1);
  all.insert(all.begin(), before.begin(), before.end());
  std::ranges::sort(all);
  EXPECT_EQ(all, (Sequences{1, 2, 3, 4, 5, 6}));
  EXPECT_EQ(tail.newest(), 2u);
}

TEST_F(SegmentTailTest, OtherRunsAndOtherFilesAreNotItsOwn) {
  append(path(1, 8), segment(1, 100, 2));
  append(folder_ + "/0000000000000000007-000001.weirsnap", "x");
  append(folder_ + "/0000000000000000007-x.weirseg", "x");
  append(path(3), segment(3, 1, 1));   // the first two were removed before anybody looked
  SegmentTail tail(folder_, 7);
  EXPECT_EQ(read(tail), Sequences{1});
  EXPECT_EQ(tail.errors(), 0u);
}

TEST_F(SegmentTailTest, AFileThatWasRemovedWhileOpenIsReadOn) {
  const std::string whole = segment(1, 1, 2);
  {
    std::ofstream writer(path(1), std::ios::binary);
    writer << whole.substr(0, 40) << std::flush;
    SegmentTail tail(folder_, 7);
    EXPECT_EQ(read(tail), Sequences{});
    fs::remove(path(1));
    writer << whole.substr(40) << std::flush;
    EXPECT_EQ(read(tail), (Sequences{1, 2}));
  }
}

TEST_F(SegmentTailTest, DamageIsPassedOverAndWhatIsNoSegmentGivenUp) {
  std::string whole = segment(1, 1, 3);
  const std::size_t second = whole.find("WBLK", whole.find("WBLK", whole.find("WBLK") + 1) + 1);
  whole[second + 26] = static_cast<char>(whole[second + 26] ^ 1);
  append(path(1), whole);
  append(path(2), "weirseg\x02 of another version, and long enough to be one");
  append(path(3), segment(3, 4, 1));
  SegmentTail tail(folder_, 7);
  const Sequences sequences = read(tail);
  EXPECT_EQ(sequences.size(), 3u);
  EXPECT_EQ(tail.recording().damage.blocks, 1u);
  EXPECT_EQ(tail.errors(), 1u);
}

// A torn end becomes damage once the successor is old enough; the file is let go, and its shapes with it.
TEST_F(SegmentTailTest, AFileIsOverSomeTimeAfterItsSuccessorBegan) {
  const std::string first = segment(1, 1, 2);
  append(path(1), std::string_view(first).substr(0, first.size() - 3));
  SegmentTail tail(folder_, 7);
  EXPECT_EQ(read(tail, 0), Sequences{1});
  append(path(2), segment(2, 3, 1));
  EXPECT_EQ(read(tail, 1), Sequences{3});
  EXPECT_EQ(tail.recording().damage.blocks, 0u);
  const std::uint64_t generation = tail.recording().generation;
  EXPECT_EQ(read(tail, 100), Sequences{});
  EXPECT_EQ(tail.recording().damage.blocks, 1u);
  EXPECT_GT(tail.recording().generation, generation);
}

// A segment that nothing came into for long takes what was under way when its successor began.
TEST_F(SegmentTailTest, AQuietFileIsStillReadWhereItsSuccessorBegins) {
  const std::string whole = segment(1, 1, 2), one = segment(1, 1, 1);
  ASSERT_TRUE(whole.starts_with(one));
  append(path(1), one);
  SegmentTail tail(folder_, 7);
  EXPECT_EQ(read(tail, 0), Sequences{1});
  EXPECT_EQ(read(tail, 100), Sequences{});
  append(path(2), segment(2, 3, 1));
  EXPECT_EQ(read(tail, 200), Sequences{3});
  append(path(1), whole.substr(one.size()));
  EXPECT_EQ(read(tail, 201), Sequences{2});
}

// Its last bytes may have come long after the turn began that read them.
TEST_F(SegmentTailTest, AFileIsQuietFromTheFirstLookThatFoundNothing) {
  const std::string four = segment(1, 1, 4), whole = segment(1, 1, 3), two = segment(1, 1, 2), one = segment(1, 1, 1);
  append(path(1), one);
  append(path(2), segment(2, 10, 1));
  SegmentTail tail(folder_, 7);
  EXPECT_EQ(read(tail, 0), (Sequences{1, 10}));
  append(path(1), two.substr(one.size()));
  EXPECT_EQ(read(tail, 15), Sequences{2});
  EXPECT_EQ(read(tail, 40), Sequences{});
  append(path(1), whole.substr(two.size()));
  EXPECT_EQ(read(tail, 59), Sequences{3});
  EXPECT_EQ(read(tail, 60), Sequences{});
  EXPECT_EQ(read(tail, 80), Sequences{});   // over
  append(path(1), four.substr(whole.size()));
  EXPECT_EQ(read(tail, 81), Sequences{});
}

TEST_F(SegmentTailTest, AFileIsReadToItsEndBeforeItsSuccessor) {
  constexpr std::uint64_t kMany = 10'000;
  append(path(1), segment(1, 1, kMany));
  ASSERT_GT(fs::file_size(path(1)), 2u << 17);
  append(path(2), segment(2, kMany + 1, 2));
  SegmentTail tail(folder_, 7);
  SegmentTail::Arrivals arrivals;
  std::uint64_t last = 0;
  for (bool more = true; more;) {
    more = tail.read(1, {}, arrivals);   // the least that it reads at once
    ASSERT_FALSE(arrivals.empty());
    for (; !arrivals.empty(); arrivals.pop()) {
      ASSERT_EQ(arrivals.front().exchange.sequence, ++last);
    }
    ASSERT_EQ(more, last < kMany + 2) << last;
  }
}

TEST_F(SegmentTailTest, ShapesStayAsLongAsArrivalsOfTheirSegmentAreHeld) {
  const auto write = [&](std::uint64_t number, std::uint64_t sequence, std::string_view path_of) {
    record::Batches batches;
    std::string out;
    record::SegmentWriter writer({.installation = {1}, .wall = wall_from_nanos(7), .stamp = {}, .number = number}, batches.names, out);
    batches.add(batches.arrival(5, 0, sequence), path_of, Address::v4(10, 0, 0, 1));
    writer.add(batches.batch);
    writer.flush();
    append(path(number), out);
  };
  SegmentTail tail(folder_, 7);
  SegmentTail::Arrivals held;
  const auto look = [&](std::int64_t at_s) {
    while (tail.read(1 << 20, stamp_from_nanos(at_s * 1'000'000'000), held)) {}
  };
  write(1, 1, "/only-here");
  look(0);
  const std::uint64_t target = held.front().target;
  write(2, 2, "/there");
  look(1);
  look(50);   // the first one is over
  EXPECT_NE(tail.recording().shape<TargetShape>(target), nullptr);
  while (!held.empty()) held.pop();
  write(3, 3, "/there");
  look(51);
  look(100);
  EXPECT_EQ(tail.recording().shape<TargetShape>(target), nullptr);
}

// One segment under a gateway that is changed again and again.
TEST_F(SegmentTailTest, WhatChangesLeaveIsBounded) {
  std::string bytes;
  record::SegmentWriter writer({.installation = {1}, .wall = wall_from_nanos(7), .stamp = {}, .number = 1}, names_, bytes);
  SegmentTail tail(folder_, 7);
  constexpr std::uint32_t kChanges = 3000;
  for (std::uint32_t i = 1; i <= kChanges; ++i) {
    const std::string hash = fmt::format("h{}", i);
    writer.configuration({.hash = hash, .directory = "/", .files = {{.name = "gateway.yaml", .text = std::string(1000, 'x')}}});
    writer.policy({.revision = i, .hash = hash, .literals = {"orders"}});
    writer.conditions({.number = i, .unusable = {i}});
    if (i % 100 != 0) continue;
    append(path(1), std::exchange(bytes, {}));
    read(tail);
    const record::Recording& recording = tail.recording();
    EXPECT_LE(recording.policies.size(), 512u);
    EXPECT_LE(recording.conditions.size(), 512u);
    EXPECT_TRUE(recording.configurations.empty());
    ASSERT_NE(recording.policy(i), nullptr);
    EXPECT_EQ(recording.policy(i)->hash, hash);
    ASSERT_NE(recording.condition(i, 0), nullptr);
  }
  EXPECT_EQ(tail.recording().policy(kChanges - 600), nullptr);
  EXPECT_EQ(tail.recording().damage.blocks, 0u);
}

}  // namespace
}  // namespace weir::store
