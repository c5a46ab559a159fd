// Announced deploys as they are kept: a table of its own in data_dir/revisions.db, made when
// missing by the first that is announced. One row each, also of those that have their answer; one transaction a step, on the disk
// before it is believed. Each call opens the file anew, as for overrides.
//
// Bounds: kMost rows, the oldest go first; kMaxRow bytes of one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/time.h"

namespace weir::store {

struct DeployRow {
  std::uint64_t id = 0;
  std::string subject, version, author, reason;
  std::int64_t watch_s = 0;
  WallTime at;
  std::string split;       // what was judged, where it is a split's arms; "": it is none
  bool under_way = false;
  std::string json;        // as it is shown
  std::string state;       // what its judges go on from; "" once there is an answer
  WallTime saved;
};

class Deploys {
 public:
  static constexpr std::size_t kMost = 10'000;
  static constexpr std::size_t kMaxRow = std::size_t{1} << 16;

  explicit Deploys(std::string path) : path_(std::move(path)) {}

  // New ones, and how others stand by now; all or none of them. What has its answer is not under way again.
  Result<> put(const std::vector<DeployRow>& rows) const;
  // The newest first, below `below` (0: from the newest).
  Result<std::vector<DeployRow>> list(std::uint64_t below, std::size_t most) const;
  Result<std::vector<DeployRow>> find(std::uint64_t id) const;   // one or none

 private:
  std::string path_;
};

}  // namespace weir::store
