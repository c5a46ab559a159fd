#include "control/follower_thread.h"

#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "fmt/core.h"
#include "record/snapshot.h"
#include "store/files.h"

namespace weir::control {
namespace {

constexpr std::size_t kChunk = 128 << 10;        // read before anything of it is decided
constexpr std::size_t kMostSnapshotCells = std::size_t{1} << 20;

}  // namespace

FollowerThread::FollowerThread(const NameTable& names, Options options)
    : names_(names),
      options_(std::move(options)),
      shift_(options_.start_wall.time_since_epoch() - options_.start_stamp.time_since_epoch()),
      tail_(options_.folder, options_.start_id),
      follower_(names, tail_.recording(),
                {.seed = options_.seed, .limit_cells = options_.limit_cells}) {
  for (std::size_t i = 0; i < options_.first_sequences.size(); ++i) {
    follower_.begins(WorkerId{static_cast<std::uint16_t>(i)}, options_.first_sequences[i]);
  }
  sigset_t all, before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);   // signals are for other threads
  thread_ = std::thread([this] { work(); });
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  ::pthread_setname_np(thread_.native_handle(), "weir-follower");
}

FollowerThread::~FollowerThread() {
  stop_ = true;
  {
    const std::scoped_lock lock(mutex_);
    asked_ = Stamp();
  }
  wake_.notify_one();
  thread_.join();
}

void FollowerThread::policy(std::uint64_t first_conditions, std::shared_ptr<const Policy> policy) {
  const std::uint32_t revision = policy->revision;
  std::string hash = policy->hash;
  untold_.add({.what = PolicyNews::What::policy, .revision = revision, .hash = std::move(hash),
               .first_conditions = first_conditions, .policy = std::move(policy)});
}

void FollowerThread::decides_beside(std::uint32_t revision, Stamp from, Stamp until) {
  untold_.add({.what = PolicyNews::What::beside, .revision = revision, .from = on_wall_line(from), .until = on_wall_line(until)});
}

void FollowerThread::decides_alone(std::uint32_t revision, std::string hash, Stamp from) {
  untold_.add({.what = PolicyNews::What::alone, .revision = revision, .hash = std::move(hash), .from = on_wall_line(from)});
}

void FollowerThread::turn(Stamp now) {
  {
    const std::unique_lock lock(mutex_, std::try_to_lock);
    if (!lock.owns_lock()) return;
    told_.take(untold_);
    asked_ = now;
  }
  wake_.notify_one();
}

FollowerStatus FollowerThread::status() const {
  const std::unique_lock lock(mutex_, std::try_to_lock);
  if (lock.owns_lock()) known_ = status_;
  return known_;
}

void FollowerThread::hear(UnheardNews told) {
  follower_.passed_over(told.let_go());
  for (const PolicyNews& each : told.all()) {
    if (each.what == PolicyNews::What::beside) {
      follower_.decides_beside(each.revision, each.from, each.until);
      continue;
    }
    revision_ = each.revision;
    hash_ = each.hash;
    if (each.what == PolicyNews::What::alone) follower_.decides_alone(each.revision, each.from);
    else follower_.policy(each.revision, each.first_conditions, each.policy);
  }
}

void FollowerThread::work() {
  // The lowest priority there is beside SCHED_IDLE: Linux keeps a nice value per thread. Traffic goes first.
  ::setpriority(PRIO_PROCESS, static_cast<id_t>(::syscall(SYS_gettid)), 19);
  while (!stop_) {
    Stamp now;
    UnheardNews told;
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [this] { return asked_.has_value(); });
      now = *std::exchange(asked_, std::nullopt);
      told = std::exchange(told_, {});
    }
    hear(std::move(told));
    if (!stop_) one_turn(now);
  }
}

void FollowerThread::one_turn(Stamp now) {
  if (rest_.lasts(now)) return;
  if (std::exchange(resting_, false)) {
    while (tail_.pass_over(kChunk, now) && !stop_) {}   // for the shapes
  }
  const Stamp horizon = on_wall_line(now - kDelay);
  for (bool more = true; more && !stop_ && !resting_;) {
    more = tail_.read(kChunk, now, held_);
    if (tail_.newest() != seen_segment_) {
      seen_segment_ = tail_.newest();
      due_.emplace_back(seen_segment_, on_wall_line(newest(now)) + kDelay);   // the one before still takes what was under way
    }
    decide_until(horizon);
    if (held_.size() > kMostHeld) rest(now);
  }
  if (const Stamp asked = newest(now); !resting_ && asked - now > kMostBehind) rest(asked);
  follower_.settle(horizon);
  for (; !due_.empty() && horizon >= due_.front().second; due_.pop_front()) leave_snapshot(due_.front().first, horizon);
  publish(now);
}

void FollowerThread::decide_until(Stamp horizon) {
  while (!held_.empty() && held_.front().stamp <= horizon && !stop_) {
    const auto run = held_.run(replay::kBatch);
    const auto due = std::ranges::upper_bound(run, horizon, {}, &Arrival::stamp) - run.begin();
    follower_.follow(run.first(static_cast<std::size_t>(due)));
    held_.pop(static_cast<std::size_t>(due));
  }
}

// The clock that asked may have gone on since the turn began.
Stamp FollowerThread::newest(Stamp now) const {
  const std::scoped_lock lock(mutex_);
  return asked_.value_or(now);
}

// What it holds is let go undecided; how much is missing the follower sees by the sequences.
void FollowerThread::rest(Stamp now) {
  ++skips_;
  held_ = {};
  follower_.passed_over({.unrecorded = true});
  resting_ = true;
  rest_.begin(now);
  options_.say(fmt::format("the follower fell behind: it rests for {} s and goes on with what is new then; verdicts that it passes over are counted as missing",
                           std::chrono::ceil<std::chrono::seconds>(rest_.length()).count()));
}

void FollowerThread::leave_snapshot(std::uint64_t segment, Stamp position) {
  if (follower_.warming() || follower_.two_decide()) return;   // a state in doubt, or one of two, is none to begin with
  record::Snapshot snapshot{.start = {.installation = tail_.recording().installation,
                                      .wall = options_.start_wall,
                                      .stamp = options_.start_stamp,
                                      .number = segment},
                            .position = position - shift_,
                            .revision = revision_,
                            .hash = hash_,
                            .table_cells = follower_.limits().cells(),
                            .cells = {}};
  const auto owed = follower_.limits().owed(position);
  if (owed.size() > kMostSnapshotCells) return;
  for (const auto& cell : owed) {
    snapshot.cells.push_back({.place = cell.place, .value = cell.value - static_cast<std::uint64_t>(shift_.count()), .owner = cell.owner});
  }
  const std::string path = fmt::format("{}/{:019}-{:06}.weirsnap", options_.folder, options_.start_id, segment);
  if (store::write_file(path, record::write_snapshot(snapshot), 0600)) ++snapshots_;
  else ++errors_;
}

void FollowerThread::publish(Stamp now) {
  FollowerStatus status{.counts = follower_.counts(), .warming = follower_.warming(), .resting = resting_, .skips = skips_, .snapshots = snapshots_,
                        .errors = errors_ + tail_.errors(),
                        .examples = {follower_.examples().begin(), follower_.examples().end()}};
  if (!held_.empty()) status.behind = on_wall_line(now) - held_.front().stamp;
  const std::scoped_lock lock(mutex_);
  status_ = std::move(status);
}

}  // namespace weir::control
