// Overrides as they are kept: a table of its own in data_dir/revisions.db, made when missing. One
// row each, also of those that ended; one transaction a step, on the disk before it is believed, so
// that a process killed at any moment finds either the step done or not begun. Each call opens the
// file anew: they are rare, and a file that was put right is found so.
//
// How long one is left is kept in two ways: by the wall clock, and by the machine's steady clock
// together with the name of its boot, which no step of the wall clock moves (time_left).
//
// Bounds: kMost rows; of those that ended the oldest go first. Fails where the history's own tables
// are not there.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"

namespace weir::store {

struct OverrideRow {
  std::uint32_t number = 0;
  std::string what, author, reason;
  std::uint32_t revision = 0;  // that was live when it came
  bool person = false;
  std::uint64_t hurt = 0;  // as it was rehearsed
  WallTime at, until;
  Nanos lasts{0};
  std::string boot;    // of the machine; "": not known
  Stamp until_steady;  // by its clock since then
  // Of its end; ended_at == WallTime(): it is in force.
  WallTime ended_at;
  std::string ended_by, ended_reason;
};

// Now, by both clocks.
struct Clocks {
  WallTime wall;
  Stamp steady;
  std::string boot;
};

// How long it still lasts: by the steady clock within one boot; over a boot by the wall clock, but
// never longer than it was given. Zero: it is over.
Nanos time_left(const OverrideRow& row, const Clocks& now);

class Overrides {
 public:
  static constexpr std::size_t kMost = 10'000;

  explicit Overrides(std::string path) : path_(std::move(path)) {}

  // Those in force, the older first.
  Result<std::vector<OverrideRow>> in_force() const;
  // All, the newest first.
  Result<std::vector<OverrideRow>> list(std::size_t most) const;
  // A new row; its number, which no other ever has.
  Result<std::uint32_t> add(const OverrideRow& row) const;
  Result<> end(std::uint32_t number, WallTime at, std::string_view by, std::string_view why) const;

 private:
  std::string path_;
};

}  // namespace weir::store
