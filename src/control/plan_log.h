// Logs as a plan reads them: files, packed or not, or standard input, opened one by one and merged
// in the order of time. Rotated logs may be given in any order. Reads files: study or command line,
// never a loop.
//
// Bounds: kMostLogs files at once, each with its read buffer (256 KiB), its unpacker, its window and
// the pieces where the text of that stands (replay/log_stream.h: 64 MiB at most).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "foreign/format.h"
#include "foreign/log_reader.h"
#include "replay/log_stream.h"

namespace weir::control {

inline constexpr std::size_t kMostLogs = 256;

class LogFile;

class PlanLogs {
 public:
  struct Options {
    std::vector<std::string> paths;  // "-": standard input
    std::string format = "auto";
    foreign::FormatOptions reading;
    // Told now and then: bytes of the files read so far, and of all (0: not known).
    std::function<void(std::uint64_t, std::uint64_t)> progress;
  };
  // Opens all and looks at their first bytes.
  static Result<PlanLogs> open(Options options);
  PlanLogs(PlanLogs&&) noexcept;
  ~PlanLogs();

  // The next entry over all logs; false: the end. It is good until the call of give_back.
  bool next(replay::LogItem& item);
  void give_back(const replay::LogItem& item);

  // The first bytes of each, unpacked: at most kHead.
  static constexpr std::size_t kHead = 4096;
  std::vector<std::string_view> heads() const;

  // Sums over all logs.
  foreign::ReadReport report() const;
  std::uint64_t late() const;
  // What a person should know: formats that were recognised, odd orders, damage. Printable.
  std::vector<std::string> notes() const;

 private:
  PlanLogs();
  static bool later(const replay::LogItem& a, const replay::LogItem& b);

  Options options_;
  std::vector<std::unique_ptr<LogFile>> files_;
  std::vector<replay::LogItem> heads_;  // a heap, the earliest first; the next entry of each log
  std::uint64_t total_bytes_ = 0;
  std::uint64_t taken_ = 0;
};

}  // namespace weir::control
