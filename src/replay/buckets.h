// What the follower (replay/follower.h) knows about buckets of limits beside how full they are: which of them are in
// doubt, and which two workers have touched so close together that nobody can say who was first.
//
// Doubt. Where arrivals are missing, any bucket may owe more than the follower's own. In doubt the follower's bucket holds the
// most that live's can owe: at first a whole window (GCRA: what passes owes a window at most), then an interval more for each
// request that live let through, and never more than a window after one. The least that it owes is kept here: nothing at
// first, an interval more for each request let through, and where the limit refused, a window less an interval at least.
// A verdict that is the same for both is certain. The bucket is known again when even the most is over.
// Single buckets come into doubt where it is not known whether a request was let through: then that one is between the two.
//
// Crossings. Workers charge a shared bucket in another order than their stamps only where they do so nearly at once. As
// long as the bucket has not been full since, a difference may come of that; after it none can.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <unordered_map>
#include <vector>

#include "base/ids.h"
#include "base/time.h"
#include "model/pace.h"

namespace weir::replay {

class BucketDoubt {
 public:
  static constexpr std::size_t kMostKeys = std::size_t{1} << 18;   // beyond it doubt begins anew

  // Nothing that was owed before `now` is known.
  void begin(Stamp now) {
    active_ = true;
    since_ = now;
    least_.clear();
  }
  // This bucket may have let one more through, or not: it owed until `least`, where it was known.
  void unsure(std::uint64_t key, const Pace& pace, Stamp least, Stamp now) {
    if (!active_) since_ = Stamp::min();
    active_ = true;
    if (least_.size() == kMostKeys && !least_.contains(key)) begin(now);
    Owed& owed = least_.try_emplace(key, Owed{.least = least}).first->second;
    owed.known = std::max(owed.known, later(now, to_nanos(pace.window)));
  }
  // The longest that a bucket of any policy can owe.
  void longest(Nanos time) { longest_ = std::max(longest_, time); }
  bool active() const { return active_; }
  void end_if_over(Stamp now) {
    if (active_ && sweep_ <= now) {
      std::erase_if(least_, [now](const auto& each) { return each.second.known <= now; });
      sweep_ = later(now, kSweep);
    }
    if (active_ && least_.empty() && later(since_, longest_) <= now) active_ = false;
  }

  // A bucket that is asked for the first time since doubt began: until when it may owe. Nothing: it is known, or not new.
  std::optional<Stamp> first_seen(std::uint64_t key, const Pace& pace, Stamp now) {
    const Stamp most = later(since_, to_nanos(pace.window));
    if (most <= now || least_.contains(key)) return std::nullopt;
    if (least_.size() == kMostKeys) begin(now);
    least_.emplace(key, Owed{.known = most});
    return most;
  }
  // Whether it might let a request pass, though it would not if it owed the most that it can.
  bool may_pass(std::uint64_t key, const Pace& pace, Stamp now) const {
    const auto found = least_.find(key);
    if (found == least_.end()) return false;
    // The interval rounded down, the window up: a border case is one that may.
    return later(std::max(found->second.least, now), Nanos(static_cast<std::int64_t>(pace.interval.nanos))) <= later(now, to_nanos(pace.window));
  }
  void passed(std::uint64_t key, const Pace& pace, Stamp now) {
    const auto found = least_.find(key);
    if (found == least_.end()) return;
    found->second.least = later(std::max(found->second.least, now), Nanos(static_cast<std::int64_t>(pace.interval.nanos)));
    found->second.known = std::max(found->second.known, later(now, to_nanos(pace.window)));
  }
  void refused(std::uint64_t key, const Pace& pace, Stamp now) {
    const auto found = least_.find(key);
    if (found == least_.end()) return;
    const Span owed = pace.minus(pace.window, pace.interval);
    found->second.least = std::max(found->second.least, later(now, Nanos(static_cast<std::int64_t>(owed.nanos))));
  }
  void full(std::uint64_t key) { least_.erase(key); }

 private:
  // A window may be 146 years.
  static Stamp later(Stamp at, Nanos by) { return at > Stamp::max() - by ? Stamp::max() : at + by; }

  bool active_ = false;
  Stamp since_;
  Nanos longest_{0};
  struct Owed {
    Stamp least = Stamp::min();   // until then at least
    Stamp known = Stamp::min();   // when even the most is over
  };
  static constexpr Nanos kSweep = std::chrono::seconds(1);
  std::unordered_map<std::uint64_t, Owed> least_;   // by key
  Stamp sweep_ = Stamp::min();
};

class Crossings {
 public:
  static constexpr Nanos kNear = std::chrono::milliseconds(1);
  static constexpr std::size_t kPlaces = std::size_t{1} << 16;   // direct-mapped; what is forgotten counts as not crossed

  void touch(std::uint64_t key, WorkerId worker, Stamp now, bool was_full) {
    if (places_.empty()) places_.resize(kPlaces);
    Place& place = places_[key % kPlaces];
    if (place.key != key) place = {.key = key, .worker = worker, .at = now};
    const bool near = place.worker != worker && now - place.at <= kNear;
    if (was_full && !near) place.crossed = false;
    if (near) place.crossed = true;
    place.worker = worker;
    place.at = now;
  }
  bool crossed(std::uint64_t key) const {
    if (places_.empty()) return false;
    const Place& place = places_[key % kPlaces];
    return place.key == key && place.crossed;
  }

 private:
  struct Place {
    std::uint64_t key = 0;
    WorkerId worker;
    bool crossed = false;
    Stamp at;
  };
  std::vector<Place> places_;
};

}  // namespace weir::replay
