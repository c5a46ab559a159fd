// Notices when a keys file that a policy names has changed: by its time of change, size and inode. Reads the file
// system, so it runs on the study.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <tuple>

#include "model/policy.h"

namespace weir::control {

class FileTimes {
 public:
  // True when any of the policy's files differs from the last call. The first call only looks.
  bool changed(const Policy& policy);

 private:
  using Mark = std::tuple<std::int64_t, std::int64_t, std::uint64_t>;   // nanoseconds, bytes, inode
  static Mark mark(const std::string& path);
  std::map<std::string, Mark> marks_;
};

}  // namespace weir::control
