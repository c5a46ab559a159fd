#include "export/log_file.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
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

Result<> LogFile::write(std::span<iovec>& pieces, Nanos patience) {
  if (torn_) {
    char end = '\n';
    iovec line{.iov_base = &end, .iov_len = 1};
    std::span<iovec> new_line(&line, 1);
    if (auto ended = write_all(new_line, patience); !ended) return ended;
  }
  return write_all(pieces, patience);
}

Result<> LogFile::write_all(std::span<iovec>& pieces, Nanos patience) {
  while (!pieces.empty()) {
    auto written = write_some(pieces, patience);
    if (!written) return std::unexpected(std::move(written.error()));
    for (std::size_t left = *written; !pieces.empty(); pieces = pieces.subspan(1)) {
      iovec& first = pieces.front();
      const std::size_t taken = std::min(left, first.iov_len);
      auto* const behind = static_cast<char*>(first.iov_base) + taken;
      if (taken > 0) torn_ = behind[-1] != '\n';
      left -= taken;
      first = {.iov_base = behind, .iov_len = first.iov_len - taken};
      if (first.iov_len > 0) break;
    }
  }
  return {};
}

// Zero where it was interrupted.
Result<std::size_t> LogFile::write_some(std::span<const iovec> pieces, Nanos patience) {
  ssize_t written = 0;
  if (regular_) {
    written = ::writev(fd_, pieces.data(), static_cast<int>(std::min(pieces.size(), kPiecesMax)));
  } else {
    // Ready for writing means that PIPE_BUF bytes are taken without waiting, on descriptors in either mode.
    pollfd ready{.fd = fd_, .events = POLLOUT, .revents = 0};
    const int timeout = static_cast<int>(std::chrono::ceil<std::chrono::milliseconds>(patience).count());
    const int answer = ::poll(&ready, 1, timeout);
    if (answer == 0) return fail(ErrorKind::timeout, "nobody reads the access log " + path_, Origin::system);
    if (answer > 0) written = ::write(fd_, pieces[0].iov_base, std::min<std::size_t>(pieces[0].iov_len, PIPE_BUF));
    else written = -1;
  }
  if (written >= 0) return static_cast<std::size_t>(written);
  if (errno == EINTR || errno == EAGAIN) return std::size_t{0};
  return failure("cannot write the access log " + path_, errno);
}

}  // namespace weir::exporting
