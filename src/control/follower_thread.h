// The follower as a thread of the gateway: reads the segments of this run as they grow (store/segment_tail.h), puts the
// arrivals in the order of replay, and has each verdict decided again and compared (replay/follower.h), some seconds behind
// live. With each new segment it leaves a snapshot of its limits beside it (record/snapshot.h); none while two policies decide.
//
// It has a thread of its own at nice 19, and not a turn on the study: a disk that stands still holds up only itself then, and no
// change of the configuration. It never touches traffic, and nobody waits for it: what cannot be passed on at once, because it was
// put off the core with the lock in its hand, is passed on at the next turn. Where it falls behind by more than kMostBehind, or
// holds more arrivals than kMostHeld, it lets go what it has not decided, says so, rests (control/follower_rest.h), and goes on with what
// is new then.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/hash.h"
#include "base/time.h"
#include "control/follower_rest.h"
#include "control/unheard_news.h"
#include "model/names.h"
#include "model/policy.h"
#include "replay/follower.h"
#include "store/segment_tail.h"

namespace weir::control {

struct FollowerStatus {
  replay::FollowerCounts counts;
  bool warming = false;
  bool resting = false;                  // it fell behind: nothing is decided again for a while
  std::uint64_t skips = 0, snapshots = 0, errors = 0;
  Nanos behind{0};                       // of live, at its last turn
  std::vector<replay::Mismatch> examples;
};

class FollowerThread {
 public:
  static constexpr Nanos kDelay = std::chrono::seconds(3);   // arrivals reach the disk within 1.2 s (export/scribe.h)
  static constexpr Nanos kMostBehind = std::chrono::seconds(30);
  static constexpr std::size_t kMostHeld = std::size_t{1} << 19;   // 75 MB

  struct Options {
    std::string folder;                  // of the segments
    HashKey seed;
    std::uint64_t start_id = 0;  // of this run, as the scribe was told; so are these
    WallTime start_wall;
    Stamp start_stamp;
    std::size_t limit_cells = 0;
    std::vector<std::uint64_t> first_sequences;  // by worker: what is missing from the start on is missing too
    std::function<void(std::string_view)> say;   // from the follower's thread
  };
  FollowerThread(const NameTable& names, Options options);
  ~FollowerThread();
  FollowerThread(const FollowerThread&) = delete;
  FollowerThread& operator=(const FollowerThread&) = delete;

  // All from one thread. policy: before the first request under it is decided. turn: about twice a second; stamps of live.
  // A policy that can decide beside is told from the first conditions of either.
  void policy(std::uint64_t first_conditions, std::shared_ptr<const Policy> policy);
  // What live did with its tables of limits (replay/follower.h), before a request was decided so; and that it is over.
  void decides_beside(std::uint32_t revision, Stamp from, Stamp until);
  void decides_alone(std::uint32_t revision, std::string hash, Stamp from);
  void turn(Stamp now);
  FollowerStatus status() const;         // the newest that can be had at once

 private:
  void hear(UnheardNews told);
  void work();
  void one_turn(Stamp now);
  void decide_until(Stamp horizon);
  void rest(Stamp now);
  Stamp newest(Stamp now) const;
  void leave_snapshot(std::uint64_t segment, Stamp position);
  void publish(Stamp now);
  Stamp on_wall_line(Stamp stamp) const { return stamp + shift_; }

  const NameTable& names_;
  const Options options_;
  const Nanos shift_;                    // from stamps of this run to those of its recording
  // The thread's own.
  store::SegmentTail tail_;
  replay::Follower follower_;
  store::SegmentTail::Arrivals held_;
  std::deque<std::pair<std::uint64_t, Stamp>> due_;   // snapshots: for a segment, once all until then has been decided
  std::uint64_t seen_segment_ = 0;
  FollowerRest rest_;
  bool resting_ = false;                 // and what came since has not been passed over
  std::uint32_t revision_ = 0;
  std::string hash_;
  std::uint64_t skips_ = 0, snapshots_ = 0, errors_ = 0;
  // The caller's own.
  UnheardNews untold_;
  mutable FollowerStatus known_;

  mutable std::mutex mutex_;             // guards what follows; never held while a file is touched
  std::condition_variable wake_;
  UnheardNews told_;
  std::optional<Stamp> asked_;
  std::atomic<bool> stop_{false};
  FollowerStatus status_;
  std::thread thread_;
};

}  // namespace weir::control
