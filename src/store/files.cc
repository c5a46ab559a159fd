#include "store/files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "fmt/core.h"

namespace weir::store {
namespace {

class Descriptor {
 public:
  explicit Descriptor(int value) : value_(value) {}
  ~Descriptor() {
    if (value_ >= 0) ::close(value_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return value_; }
  bool ok() const { return value_ >= 0; }

 private:
  int value_;
};

std::unexpected<Error> system_failure(std::string_view what, const std::string& path, int code) {
  const ErrorKind kind = code == ENOENT ? ErrorKind::not_found
                       : code == EACCES || code == EPERM || code == EROFS ? ErrorKind::permission
                       : code == ENOSPC || code == EDQUOT ? ErrorKind::full : ErrorKind::io;
  return fail(kind, fmt::format("could not {} {}: {}", what, path, std::strerror(code)), Origin::system);
}

bool write_all(int descriptor, std::string_view content) {
  while (!content.empty()) {
    const ssize_t wrote = ::write(descriptor, content.data(), content.size());
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) return false;
    content.remove_prefix(static_cast<std::size_t>(wrote));
  }
  return true;
}

}  // namespace

namespace {

// Appends until the end of the file or `most` bytes.
Result<> read_on(const Descriptor& file, const std::string& path, std::size_t most, std::string& content) {
  while (content.size() < most) {
    const std::size_t had = content.size(), step = std::min<std::size_t>(65536, most - had);
    ssize_t got = 0;
    content.resize_and_overwrite(had + step, [&](char* at, std::size_t) {
      got = ::read(file.get(), at + had, step);
      return had + static_cast<std::size_t>(got < 0 ? 0 : got);
    });
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return system_failure("read", path, errno);
    if (got == 0) break;
  }
  return {};
}

}  // namespace

Result<std::string> read_file(const std::string& path, Bytes most) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.ok()) return system_failure("read", path, errno);
  struct stat info {};
  if (::fstat(file.get(), &info) != 0) return system_failure("read", path, errno);
  if (S_ISDIR(info.st_mode)) return fail(ErrorKind::invalid, fmt::format("could not read {}: it is a folder", path), Origin::system);
  std::string content;
  content.reserve(std::min<std::size_t>(static_cast<std::size_t>(info.st_size), most.count) + 65536);
  if (auto read = read_on(file, path, most.count + 1, content); !read) return std::unexpected(read.error());
  if (content.size() <= most.count) return content;
  return fail(ErrorKind::too_large, fmt::format("could not read {}: larger than {} bytes", path, most.count), Origin::system);
}

Result<std::string> read_front(const std::string& path, std::size_t most) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.ok()) return system_failure("read", path, errno);
  std::string content;
  if (auto read = read_on(file, path, most, content); !read) return std::unexpected(read.error());
  return content;
}

Result<> write_file(const std::string& path, std::string_view content, unsigned mode) {
  const std::string temporary = fmt::format("{}.{}.tmp", path, ::getpid());
  {
    const Descriptor file(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode));
    if (!file.ok()) return system_failure("write", temporary, errno);
    if (!write_all(file.get(), content) || ::fsync(file.get()) != 0) {
      const int code = errno;
      ::unlink(temporary.c_str());
      return system_failure("write", temporary, code);
    }
  }
  if (::rename(temporary.c_str(), path.c_str()) != 0) {
    const int code = errno;
    ::unlink(temporary.c_str());
    return system_failure("write", path, code);
  }
  const std::size_t slash = path.rfind('/');
  const std::string folder = slash == std::string::npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
  const Descriptor parent(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (parent.ok()) ::fsync(parent.get());   // a file system that cannot sync a folder has kept the file all the same
  return {};
}

}  // namespace weir::store
