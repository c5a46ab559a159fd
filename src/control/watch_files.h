// Notices when a keys file that one of the policies names has changed: by its time of change, size and inode. Reads the file
// system, so it runs on the study.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <tuple>

#include "model/policy.h"

namespace weir::control {

class FileTimes {
 public:
  // `fresh`: a file is looked at for the first time. It may have changed since it was read: read it again, quietly.
  enum class Change : std::uint8_t { none, fresh, changed };
  Change look(std::span<const Policy* const> policies);

 private:
  using Mark = std::tuple<std::int64_t, std::int64_t, std::uint64_t>;   // nanoseconds, bytes, inode
  static Mark mark(const std::string& path);
  std::map<std::string, Mark> marks_;
};

}  // namespace weir::control
