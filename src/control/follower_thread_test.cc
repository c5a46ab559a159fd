#include "control/follower_thread.h"

#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "base/temp_folder_for_tests.h"
#include "fmt/core.h"
#include "record/arrivals.h"
#include "record/segment.h"

namespace weir::control {
namespace {

using std::chrono::seconds;

Stamp at(double of_a_second) { return stamp_from_nanos(static_cast<std::int64_t>(of_a_second * 1e9)); }

// Segments of one worker that a scribe would write, of arrivals without facts.
class FollowerThreadTest : public testing::Test {
 protected:
  FollowerThreadTest() { begin_segment(); }

  void begin_segment() {
    writer_.emplace(record::SegmentStart{.installation = {1}, .wall = wall_from_nanos(0), .stamp = {}, .number = ++number_}, names_, segment_);
    append();
  }
  std::string file(std::string_view ending) const { return fmt::format("{}/{:019}-{:06}.{}", folder_.path(), 0, number_, ending); }
  void append() {
    std::ofstream(file("weirseg"), std::ios::binary | std::ios::app) << segment_;
    segment_.clear();
  }
  void write(std::size_t count, Stamp when) {
    for (std::size_t i = 0; i < count; ++i) {
      const Arrival arrival{.stamp = when, .exchange = {.worker = WorkerId{0}, .sequence = next_++}};
      std::array<std::byte, sizeof(Arrival) + 4> item;
      ASSERT_GT(record::put_item(record::ItemKind::arrival, std::as_bytes(std::span(&arrival, 1)), item), 0u);
      writer_->add(item);
    }
    writer_->flush();
    append();
  }
  // Told of a time until what is wanted has come of it.
  bool becomes(FollowerThread& follower, Stamp now, const std::function<bool(const FollowerStatus&)>& wanted) {
    for (int i = 0; i < 3000; ++i) {
      follower.turn(now);
      if (wanted(follower.status())) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return false;
  }
  static std::uint64_t count(const FollowerStatus& status, replay::Unfollowed why) { return status.counts.unjudged[static_cast<std::size_t>(why)]; }

  TempFolder folder_;
  NameTable names_;
  std::string segment_;
  std::optional<record::SegmentWriter> writer_;
  std::uint64_t number_ = 0;
  std::uint64_t next_ = 1;
};

TEST_F(FollowerThreadTest, RestsWhereItHoldsTooManyAndGoesOnWithWhatIsNewThen) {
  std::mutex mutex;
  std::vector<std::string> said;
  FollowerThread follower(names_, {.folder = folder_.path(),
                                   .seed = {},
                                   .start_id = 0,
                                   .start_wall = {},
                                   .start_stamp = {},
                                   .limit_cells = 1 << 10,
                                   .first_sequences = {1},
                                   .say = [&](std::string_view text) {
                                     const std::scoped_lock lock(mutex);
                                     said.emplace_back(text);
                                   }});
  constexpr std::size_t kMany = FollowerThread::kMostHeld + 1;
  write(kMany, at(10));   // due at 13 s
  ASSERT_TRUE(becomes(follower, at(11), [](const FollowerStatus& status) { return status.resting; }));
  EXPECT_EQ(follower.status().skips, 1u);
  EXPECT_EQ(follower.status().behind, Nanos(0));
  {
    const std::scoped_lock lock(mutex);
    ASSERT_EQ(said.size(), 1u);
    EXPECT_NE(said[0].find("rests for 5 s"), std::string::npos) << said[0];
  }
  write(10, at(12));   // due at 15 s, and the rest lasts until 16 s
  for (int i = 0; i < 20; ++i) {
    follower.turn(at(15.9));
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  EXPECT_TRUE(follower.status().resting);
  // What stands in the file when the rest is over is passed over.
  ASSERT_TRUE(becomes(follower, at(16), [](const FollowerStatus& status) { return !status.resting; }));
  write(5, at(17));
  ASSERT_TRUE(becomes(follower, at(21), [&](const FollowerStatus& status) { return count(status, replay::Unfollowed::policy) == 5; }));
  EXPECT_EQ(count(follower.status(), replay::Unfollowed::missing), kMany + 10);
  EXPECT_EQ(follower.status().skips, 1u);
}

TEST_F(FollowerThreadTest, LeavesASnapshotOfWhatItHasDecidedAndNoneWhereItRested) {
  FollowerThread follower(names_, {.folder = folder_.path(),
                                   .seed = {},
                                   .start_id = 0,
                                   .start_wall = {},
                                   .start_stamp = {},
                                   .limit_cells = 1 << 10,
                                   .first_sequences = {1},
                                   .say = [](std::string_view) {}});
  follower.policy(0, std::make_shared<const Policy>());   // of which the arrivals are
  const auto decided = [&](std::uint64_t wanted) {
    return [=](const FollowerStatus& status) { return count(status, replay::Unfollowed::not_asked) == wanted; };
  };
  write(10, at(10));
  // What was under way when a segment began may come in the one before, so it is three seconds older than that when it is decided.
  ASSERT_TRUE(becomes(follower, at(13), decided(10)));
  EXPECT_EQ(follower.status().snapshots, 0u);
  ASSERT_TRUE(becomes(follower, at(19), [](const FollowerStatus& status) { return status.snapshots == 1; }));
  EXPECT_TRUE(std::filesystem::exists(file("weirsnap")));
  EXPECT_FALSE(follower.status().warming);

  write(FollowerThread::kMostHeld + 1, at(20));
  ASSERT_TRUE(becomes(follower, at(20), [](const FollowerStatus& status) { return status.resting; }));
  begin_segment();
  ASSERT_TRUE(becomes(follower, at(25), [](const FollowerStatus& status) { return !status.resting; }));
  EXPECT_TRUE(follower.status().warming);
  for (int second = 26; second < 60; ++second) {
    follower.turn(at(second));
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  EXPECT_EQ(follower.status().snapshots, 1u);
  EXPECT_FALSE(std::filesystem::exists(file("weirsnap")));
}

}  // namespace
}  // namespace weir::control
