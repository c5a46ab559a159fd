// The callers of an input: who they are, how long they have been seen, how they were answered, and
// what two policies would have done to them. `known` and `established` as model/standing.h has
// them, over the input alone; and who was known before it, where a directory of callers is asked
// (use()). Bound: kMost callers; requests of those beyond it go to one entry, which is neither.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include <boost/unordered/unordered_flat_map.hpp>

#include "base/address.h"
#include "base/time.h"
#include "model/standing.h"

namespace weir::replay {

struct Refused {  // of one caller or of all, under one reading of the input
  std::uint64_t before = 0, after = 0, newly = 0, newly_allowed = 0;
};

struct InputCaller {
  std::string name;  // as it was logged: bytes of any kind
  Standing standing;
  std::uint32_t days_before = 0;  // active days of one that the directory knows; 0: it does not
  Refused refused[2];             // by reading

  bool is_known() const { return days_before > 0 || standing.is_known(); }
  std::uint32_t days() const { return std::max(days_before, standing.days.count()); }
};

// Whom a directory of callers knows: their active days, 0 for everybody else.
using KnownBefore = std::function<std::uint32_t(bool by_address, const std::string& name)>;

// Callers in the order in which they were met first, by what their names hash to.
class CallerNumbers {
 public:
  static constexpr std::size_t kMost = std::size_t{1} << 20;
  using Index = std::uint32_t;

  // `fresh`: the number was not given before.
  Index of(std::uint64_t hash, bool& fresh) {
    fresh = false;
    const auto known = by_hash_.find(hash);
    if (known != by_hash_.end()) return known->second;
    if (by_hash_.size() == kMost) {
      fresh = !std::exchange(others_, true);
      return static_cast<Index>(kMost);
    }
    fresh = true;
    return by_hash_.emplace(hash, static_cast<Index>(by_hash_.size())).first->second;
  }

 private:
  boost::unordered_flat_map<std::uint64_t, Index> by_hash_;
  bool others_ = false;
};

class Callers {
 public:
  static constexpr std::size_t kMost = CallerNumbers::kMost;
  using Index = CallerNumbers::Index;

  void use(KnownBefore before) { before_ = std::move(before); }
  // Somebody of the input is known to the directory, so it is about these people.
  bool has_directory() const { return found_; }

  // `name` is asked for once a caller.
  template <class Name>
  Index index(std::uint64_t hash, bool by_address, Name name) {
    bool fresh = false;
    const Index index = numbers_.of(hash, fresh);
    if (fresh) add(by_address, name());
    return index;
  }
  // For who numbers them himself: the next one.
  void add(bool by_address, std::string name) {
    const bool others = list_.size() == kMost;
    InputCaller& caller = list_.emplace_back();
    caller.name = others ? "(others)" : std::move(name);
    if (before_ && !others) caller.days_before = before_(by_address, caller.name);
    found_ = found_ || caller.days_before > 0;
  }
  InputCaller& operator[](Index index) { return list_[index]; }
  void expect(Index index) const {
    const auto* const at = reinterpret_cast<const char*>(&list_[index]);
    for (std::size_t line = 0; line < sizeof(InputCaller); line += 64) __builtin_prefetch(at + line, 1);
  }
  const std::vector<InputCaller>& list() const { return list_; }
  // Whom a change must not hurt: known callers, or established ones.
  bool is_protected(Index index, bool by_known) const {
    if (index >= kMost) return false;
    return by_known ? list_[index].is_known() : list_[index].standing.is_established();
  }

 private:
  CallerNumbers numbers_;
  std::vector<InputCaller> list_;
  KnownBefore before_;
  bool found_ = false;
};

}  // namespace weir::replay
