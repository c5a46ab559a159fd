#include "control/watch_files.h"

#include <sys/stat.h>

#include <algorithm>
#include <utility>

namespace weir::control {

FileTimes::Change FileTimes::look(std::span<const Policy* const> policies) {
  std::map<std::string, Mark> now;
  Change change = Change::none;
  for (const Policy* policy : policies) {
    for (const IdentityRule& rule : policy->identities) {
      if (rule.kind != IdentityKind::api_key) continue;
      const Mark mark_now = mark(rule.keys_file);
      const auto before = marks_.find(rule.keys_file);
      if (before == marks_.end()) {
        change = std::max(change, Change::fresh);
      } else if (before->second != mark_now) {
        change = Change::changed;
      }
      now.emplace(rule.keys_file, mark_now);
    }
  }
  marks_ = std::move(now);
  return change;
}

FileTimes::Mark FileTimes::mark(const std::string& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) return {};
  return {info.st_mtim.tv_sec * 1'000'000'000 + info.st_mtim.tv_nsec, info.st_size, info.st_ino};
}

}  // namespace weir::control
