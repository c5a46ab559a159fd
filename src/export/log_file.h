// A log that is appended to: a regular file, a pipe or a terminal. Opened without waiting; a pipe that nobody reads makes
// a write fail after `patience`, never hang. After a write that was cut short the next one begins on a new line, so
// that a lost piece costs the lines in it and no other.
#pragma once

#include <sys/uio.h>

#include <chrono>
#include <cstddef>
#include <span>
#include <string>

#include "base/result.h"
#include "base/time.h"

namespace weir::exporting {

class LogFile {
 public:
  LogFile() = default;   // closed
  static Result<LogFile> open(const std::string& path);   // "-": standard output
  LogFile(LogFile&& other) noexcept;
  LogFile& operator=(LogFile&& other) noexcept;
  ~LogFile();

  bool is_open() const { return fd_ >= 0; }
  // Takes off the front what is written, at most kPiecesMax pieces; on failure the first that is left may be written in part. A
  // regular file gets them in one call: half a megabyte at a time costs the system a third less than 64 KiB at a time.
  Result<> write(std::span<iovec>& pieces, Nanos patience = std::chrono::seconds(1));
  static constexpr std::size_t kPiecesMax = 64;

 private:
  Result<> write_all(std::span<iovec>& pieces, Nanos patience);
  Result<std::size_t> write_some(std::span<const iovec> pieces, Nanos patience);

  int fd_ = -1;
  bool owned_ = false;
  bool regular_ = false;
  bool torn_ = false;       // the last write ended within a line
  std::string path_;
};

}  // namespace weir::exporting
