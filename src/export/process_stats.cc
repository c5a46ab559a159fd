#include "export/process_stats.h"

#include <dirent.h>
#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>

namespace weir::exporting {
namespace {

std::string read_small(const char* path) {
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path, "re"), &std::fclose);
  if (file == nullptr) return {};
  std::array<char, 8192> room;
  return std::string(room.data(), std::fread(room.data(), 1, room.size(), file.get()));
}

std::uint64_t count_entries(const char* path) {
  std::unique_ptr<DIR, int (*)(DIR*)> folder(::opendir(path), &::closedir);
  if (folder == nullptr) return 0;
  std::uint64_t count = 0;
  while (::readdir(folder.get()) != nullptr) ++count;
  return count > 3 ? count - 3 : 0;   // ".", ".." and the descriptor that reads the folder
}

}  // namespace

ProcessStats read_process_stats() {
  ProcessStats stats;
  // proc(5): field 2 is the command in brackets and may hold anything; what follows its last bracket is regular.
  const std::string stat = read_small("/proc/self/stat");
  const auto ticks = static_cast<double>(::sysconf(_SC_CLK_TCK));
  if (const std::size_t bracket = stat.rfind(')'); bracket != std::string::npos) {
    std::array<std::uint64_t, 25> fields{};   // from field 3 on
    const char* at = stat.c_str() + bracket + 1;
    at += std::strspn(at, " ");
    at += std::strcspn(at, " ");              // the state letter
    for (std::size_t i = 1; i < fields.size(); ++i) {
      char* end = nullptr;
      fields[i] = static_cast<std::uint64_t>(std::strtoll(at, &end, 10));
      at = end;
    }
    stats.cpu_seconds = static_cast<double>(fields[11] + fields[12]) / ticks;
    stats.virtual_bytes = fields[20];
    stats.resident_bytes = fields[21] * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
    const std::string system = read_small("/proc/stat");
    if (const std::size_t boot = system.find("btime "); boot != std::string::npos) {
      stats.start_time_seconds = std::strtod(system.c_str() + boot + 6, nullptr) + static_cast<double>(fields[19]) / ticks;
    }
  }
  stats.open_fds = count_entries("/proc/self/fd");
  rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) == 0) stats.max_fds = files.rlim_cur;
  return stats;
}

}  // namespace weir::exporting
