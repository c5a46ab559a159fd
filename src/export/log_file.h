// A log that is appended to: a regular file, a pipe or a terminal. Opened without waiting; a pipe that nobody reads makes
// a write fail after `patience`, never hang. After a write that was cut short the next one begins on a new line, so
// that a lost piece costs the lines in it and no other.
#pragma once

#include <chrono>
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
  Result<> write(std::span<const std::byte> bytes, Nanos patience = std::chrono::seconds(1));

 private:
  Result<> write_all(std::span<const std::byte> bytes, Nanos patience);

  int fd_ = -1;
  bool owned_ = false;
  bool regular_ = false;
  bool torn_ = false;       // the last write ended within a line
  std::string path_;
};

}  // namespace weir::exporting
