#include "export/process_stats.h"

#include <dirent.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>

namespace weir::exporting {
namespace {

// /proc/stat has a number for each interrupt there is, ahead of most else: tens of KiB on large machines.
constexpr std::size_t kMostRead = std::size_t{1} << 20;

std::string read_some(const char* path) {
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path, "re"), &std::fclose);
  if (file == nullptr) return {};
  std::string text;
  std::array<char, 8192> room;
  while (text.size() < kMostRead) {
    const std::size_t size = std::fread(room.data(), 1, room.size(), file.get());
    if (size == 0) break;
    text.append(room.data(), size);
  }
  return text;
}

// But "." and "..".
std::uint64_t count_entries(const std::string& path) {
  std::unique_ptr<DIR, int (*)(DIR*)> folder(::opendir(path.c_str()), &::closedir);
  if (folder == nullptr) return 0;
  std::uint64_t count = 0;
  while (::readdir(folder.get()) != nullptr) ++count;
  return count > 2 ? count - 2 : 0;
}

}  // namespace

double boot_seconds(const char* path) {
  const std::string system = read_some(path);
  const std::size_t boot = system.find("\nbtime ");
  return boot == std::string::npos ? 0 : std::strtod(system.c_str() + boot + 7, nullptr);
}

ProcessStats read_process_stats(std::span<const int> tables, std::uint64_t kept) {
  ProcessStats stats;
  // proc(5): field 2 is the command in brackets and may hold anything; what follows its last bracket is regular.
  const std::string stat = read_some("/proc/self/stat");
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
    if (const double boot = boot_seconds("/proc/stat"); boot > 0)
      stats.start_time_seconds = boot + static_cast<double>(fields[19]) / ticks;
  }
  stats.open_fds = std::max<std::uint64_t>(count_entries("/proc/self/fd"), 1) - 1;   // one reads the folder
  for (const int thread : tables) {
    const std::uint64_t all = count_entries("/proc/self/task/" + std::to_string(thread) + "/fd");
    stats.open_fds += all - std::min(all, kept);
  }
  rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) == 0) stats.max_fds = files.rlim_cur;
  return stats;
}

}  // namespace weir::exporting
