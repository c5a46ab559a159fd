#include "export/log_file.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <system_error>
#include <utility>

namespace weir::exporting {
namespace {

std::unexpected<Error> failure(const std::string& what, int error) {
  const ErrorKind kind = error == ENOSPC || error == EDQUOT ? ErrorKind::full
                         : error == EACCES || error == EPERM || error == EROFS ? ErrorKind::permission
                                                                               : ErrorKind::io;
  return fail(kind, what + ": " + std::generic_category().message(error), Origin::system);
}

}  // namespace

Result<LogFile> LogFile::open(const std::string& path) {
  LogFile file;
  file.path_ = path;
  file.owned_ = path != "-";
  file.fd_ = file.owned_ ? ::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0640)
                         : STDOUT_FILENO;
  if (file.fd_ < 0) return failure("cannot open the access log " + path, errno);
  struct stat status{};
  file.regular_ = ::fstat(file.fd_, &status) == 0 && S_ISREG(status.st_mode);
  return file;
}

LogFile::LogFile(LogFile&& other) noexcept { *this = std::move(other); }

LogFile& LogFile::operator=(LogFile&& other) noexcept {
  std::swap(fd_, other.fd_);
  std::swap(owned_, other.owned_);
  std::swap(regular_, other.regular_);
  std::swap(torn_, other.torn_);
  std::swap(path_, other.path_);
  return *this;
}

LogFile::~LogFile() {
  if (owned_ && fd_ >= 0) ::close(fd_);
}

Result<> LogFile::write(std::span<const std::byte> bytes, Nanos patience) {
  if (torn_) {
    constexpr std::array<std::byte, 1> kNewLine = {std::byte{'\n'}};
    if (auto ended = write_all(kNewLine, patience); !ended) return ended;
  }
  return write_all(bytes, patience);
}

Result<> LogFile::write_all(std::span<const std::byte> bytes, Nanos patience) {
  while (!bytes.empty()) {
    std::size_t piece = bytes.size();
    if (!regular_) {
      // Ready for writing means that PIPE_BUF bytes are taken without waiting, on descriptors in either mode.
      pollfd ready{.fd = fd_, .events = POLLOUT, .revents = 0};
      const int timeout = static_cast<int>(std::chrono::ceil<std::chrono::milliseconds>(patience).count());
      const int answer = ::poll(&ready, 1, timeout);
      if (answer == 0) return fail(ErrorKind::timeout, "nobody reads the access log " + path_, Origin::system);
      if (answer < 0 && errno != EINTR) return failure("cannot write the access log " + path_, errno);
      piece = std::min<std::size_t>(piece, PIPE_BUF);
    }
    const ssize_t written = ::write(fd_, bytes.data(), piece);
    if (written < 0) {
      if (errno == EINTR || errno == EAGAIN) continue;
      return failure("cannot write the access log " + path_, errno);
    }
    torn_ = bytes[static_cast<std::size_t>(written) - (written > 0 ? 1 : 0)] != std::byte{'\n'};
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
  return {};
}

}  // namespace weir::exporting
