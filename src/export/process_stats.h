// What the system says of this process (/proc/self): for the process_* metrics and `weir status`. Zero where the system
// does not tell.
#pragma once

#include <cstdint>
#include <span>

namespace weir::exporting {

struct ProcessStats {
  double cpu_seconds = 0;              // user and system
  double start_time_seconds = 0;       // since 1970
  std::uint64_t resident_bytes = 0, virtual_bytes = 0;
  std::uint64_t open_fds = 0, max_fds = 0;
};

// Descriptors are those of the process and of threads that have a table of their own (io/descriptor.h), by their numbers, in which
// `kept` are the process's: counted once. Each table may hold max_fds.
ProcessStats read_process_stats(std::span<const int> tables = {}, std::uint64_t kept = 0);

// When the system began, since 1970, by a file like /proc/stat, of which a MiB is read at most.
double boot_seconds(const char* path);

}  // namespace weir::exporting
