#include "control/follower_thread.h"

#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <fstream>
#include <functional>
#include <mutex>
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

// One segment of one worker that a scribe would write, of arrivals under a policy that nobody told of.
class FollowerThreadTest : public testing::Test {
 protected:
  FollowerThreadTest() : writer_({.installation = {1}, .wall = wall_from_nanos(0), .stamp = {}, .number = 1}, names_, segment_) {}

  void write(std::size_t count, Stamp when) {
    for (std::size_t i = 0; i < count; ++i) {
      const Arrival arrival{.stamp = when, .exchange = {.worker = WorkerId{0}, .sequence = next_++}};
      std::array<std::byte, sizeof(Arrival) + 4> item;
      ASSERT_GT(record::put_item(record::ItemKind::arrival, std::as_bytes(std::span(&arrival, 1)), item), 0u);
      writer_.add(item);
    }
    writer_.flush();
    std::ofstream(fmt::format("{}/{:019}-000001.weirseg", folder_.path(), 0), std::ios::binary | std::ios::app) << segment_;
    segment_.clear();
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
  record::SegmentWriter writer_;
  std::uint64_t next_ = 1;
};

TEST_F(FollowerThreadTest, RestsWhereItHoldsTooManyAndGoesOnWithWhatIsNewThen) {
  std::mutex mutex;
  std::vector<std::string> said;
  FollowerThread follower(names_, {.folder = folder_.path(), .seed = {}, .start_id = 0, .start_stamp = {}, .limit_cells = 1 << 10,
                                   .first_sequences = {1}, .say = [&](std::string_view text) {
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

}  // namespace
}  // namespace weir::control
