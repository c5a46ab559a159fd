// Entries of the callers seen since the last time they were taken away: what is on its way to the
// directory. Found by a keyed hash, so that nobody can make them collide.
// Bounds: newcomers up to `most`, callers that are known up to twice that; an exchange of a caller
// that finds no room is counted as left out.
#pragma once

#include <cstdint>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "base/hash.h"
#include "record/caller_entry.h"

namespace weir::record {

// By hash of CallerName::key().
using KnownCallers = std::unordered_set<std::uint64_t>;

class CallerTally {
 public:
  explicit CallerTally(std::size_t most) : most_(most) {}

  static std::uint64_t hash_of(HashKey key, const CallerName& name) {
    return keyed_hash(key, name.key());
  }

  // `name` is asked for once a caller. False: no room, left out.
  template <class Name>
  bool add(std::uint64_t hash, Name name, const CallerEvent& event, const KnownCallers& known,
           std::optional<Nanos> usual = {}) {
    auto found = by_hash_.find(hash);
    const bool was_known = known.contains(hash);
    if (found == by_hash_.end()) {
      if (entries_.size() >= (was_known ? 2 * most_ : most_)) {
        ++left_out_;
        return false;
      }
      found = by_hash_.emplace(hash, static_cast<std::uint32_t>(entries_.size())).first;
      entries_.emplace_back().name = name();
    }
    CallerEntry& entry = entries_[found->second];
    entry.add(event, was_known || entry.standing.is_known(), usual);
    return true;
  }

  bool has(std::uint64_t hash) const { return by_hash_.contains(hash); }
  std::size_t size() const { return entries_.size(); }
  bool is_full() const { return entries_.size() >= most_; }
  std::uint64_t left_out() const { return left_out_; }  // exchanges, since the start

  // All of it; the tally is empty then.
  std::vector<CallerEntry> take() {
    by_hash_.clear();
    return std::exchange(entries_, {});
  }

 private:
  std::size_t most_;
  std::unordered_map<std::uint64_t, std::uint32_t> by_hash_;
  std::vector<CallerEntry> entries_;
  std::uint64_t left_out_ = 0;
};

}  // namespace weir::record
