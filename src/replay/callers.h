// The callers of an input: who they are, how long they have been seen, how they were answered, and
// what two policies would have done to them. `known` and `established` as the glossary has them,
// over the input alone:
//   known        good exchanges on two days (UTC), or 24 h between the first and the last
//   established  at least 20 requests, 95 % of them answered 2xx or 3xx
// Bound: kMost callers; requests of those beyond it go to one entry, which is neither.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <boost/unordered/unordered_flat_map.hpp>

#include "base/address.h"
#include "base/time.h"

namespace weir::replay {

struct Refused {  // of one caller or of all, under one reading of the input
  std::uint64_t before = 0, after = 0, newly = 0, newly_allowed = 0;
};

struct InputCaller {
  std::string name;                                    // as it was logged: bytes of any kind
  std::uint64_t requests = 0, answered = 0, fine = 0;  // with a status; 2xx or 3xx
  WallTime first_good, last_good;
  std::uint32_t days = 0;  // with good exchanges
  std::int64_t last_day = 0;
  Refused refused[2];  // by reading

  bool is_known() const {
    return days > 1 || (days > 0 && last_good - first_good >= std::chrono::hours(24));
  }
  bool is_established() const {
    return requests >= 20 && answered > 0 && fine * 100 >= answered * 95;
  }
};

class Callers {
 public:
  static constexpr std::size_t kMost = std::size_t{1} << 20;
  using Index = std::uint32_t;

  // `name` is asked for once a caller.
  template <class Name>
  Index index(std::uint64_t hash, Name name) {
    const auto known = by_hash_.find(hash);
    if (known != by_hash_.end()) return known->second;
    if (list_.size() == kMost) list_.push_back({.name = "(others)"});
    if (list_.size() > kMost) return static_cast<Index>(kMost);
    by_hash_.emplace(hash, static_cast<Index>(list_.size()));
    list_.push_back({.name = name()});
    return static_cast<Index>(list_.size() - 1);
  }
  InputCaller& operator[](Index index) { return list_[index]; }
  const std::vector<InputCaller>& list() const { return list_; }
  bool is_protected(Index index, bool long_input) const {
    if (index >= kMost) return false;
    return long_input ? list_[index].is_known() : list_[index].is_established();
  }

 private:
  boost::unordered_flat_map<std::uint64_t, Index> by_hash_;
  std::vector<InputCaller> list_;
};

}  // namespace weir::replay
