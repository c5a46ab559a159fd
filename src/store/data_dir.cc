#include "store/data_dir.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <utility>
#include <vector>

#include "fmt/core.h"
#include "store/files.h"

namespace weir::store {
namespace {

// mkdir -p with mode 0700 for what is made.
Result<> make_folders(const std::string& path) {
  for (std::size_t at = 1; at <= path.size(); ++at) {
    if (at != path.size() && path[at] != '/') continue;
    const std::string part = path.substr(0, at);
    if (::mkdir(part.c_str(), 0700) != 0 && errno != EEXIST) {
      return fail(ErrorKind::permission, fmt::format("could not make data_dir {}: {}", part, std::strerror(errno)), Origin::system);
    }
  }
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0 || !S_ISDIR(info.st_mode)) {
    return fail(ErrorKind::invalid, fmt::format("data_dir {} is not a folder", path), Origin::config);
  }
  return {};
}

Result<int> take_lock(const std::string& path) {
  const int lock = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (lock < 0) {
    return fail(ErrorKind::permission, fmt::format("could not open {}: {}", path, std::strerror(errno)), Origin::system);
  }
  if (::flock(lock, LOCK_EX | LOCK_NB) == 0) return lock;
  ::close(lock);
  return fail(ErrorKind::busy,
              fmt::format("another weir is using this data_dir ({} is locked). Stop it, or give this one its own data_dir", path),
              Origin::system);
}

// The secret in `path`.
Result<std::string> known_secret(const std::string& path, std::size_t bytes) {
  auto known = read_file(path, Bytes{4096});
  if (!known) return known;
  while (!known->empty() && (known->back() == '\n' || known->back() == '\r')) known->pop_back();
  if (known->size() == bytes * 2 && known->find_first_not_of("0123456789abcdef") == std::string::npos) return *known;
  return fail(ErrorKind::invalid, fmt::format("{} should hold {} hex digits; remove it to have a new one made", path, bytes * 2), Origin::system);
}

// The same, made when missing.
Result<std::string> secret(const std::string& path, std::size_t bytes, const DataDir::Random& random) {
  auto known = known_secret(path, bytes);
  if (known || known.error().kind != ErrorKind::not_found) return known;
  std::vector<std::byte> fresh(bytes);
  random(fresh);
  std::string text;
  for (std::byte b : fresh) text += fmt::format("{:02x}", static_cast<unsigned>(b));
  if (auto wrote = write_file(path, text + "\n", 0600); !wrote) return std::unexpected(wrote.error());
  return text;
}

std::uint64_t hex_word(std::string_view digits) {
  std::uint64_t word = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), word, 16);
  return word;
}

constexpr std::size_t kKeyBytes = 16;

HashKey key_from(std::string_view digits) {
  return {.k0 = hex_word(digits.substr(0, 16)), .k1 = hex_word(digits.substr(16, 16))};
}

}  // namespace

Result<HashKey> installation_key(const std::string& path) {
  const auto key = known_secret(path + "/installation.key", kKeyBytes);
  if (!key) return std::unexpected(key.error());
  return key_from(*key);
}

Result<DataDir> DataDir::open(const std::string& path, const Random& random, int inherited_lock) {
  if (auto made = make_folders(path); !made) return std::unexpected(made.error());
  DataDir dir;
  dir.path_ = path;
  if (inherited_lock >= 0) {
    dir.lock_ = inherited_lock;
  } else {
    auto lock = take_lock(dir.file("lock"));
    if (!lock) return std::unexpected(lock.error());
    dir.lock_ = *lock;
  }
  auto key = secret(dir.file("installation.key"), kKeyBytes, random);
  if (!key) return std::unexpected(key.error());
  dir.key_ = key_from(*key);
  auto token = secret(dir.file("admin.token"), 32, random);
  if (!token) return std::unexpected(token.error());
  dir.token_ = std::move(*token);
  return dir;
}

DataDir::DataDir(DataDir&& other) noexcept
    : path_(std::move(other.path_)), key_(other.key_), token_(std::move(other.token_)), lock_(std::exchange(other.lock_, -1)) {}

DataDir::~DataDir() {
  if (lock_ >= 0) ::close(lock_);
}

}  // namespace weir::store
