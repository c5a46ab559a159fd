// The folder a running gateway owns: made 0700 when missing, locked against a second weir, with the installation's key
// (never shown, never logged; callers' digests depend on it) and the bearer token of the admin interface.
//   lock               held for the life of the process; passed on to a successor (USR2)
//   installation.key   16 random bytes in hex, 0600
//   admin.token        32 random bytes in hex, 0600
//   admin.sock         made by control
#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <string>

#include "base/hash.h"
#include "base/result.h"

namespace weir::store {

class DataDir {
 public:
  using Random = std::function<void(std::span<std::byte>)>;

  // `inherited_lock` >= 0: the descriptor of a lock taken by the process that this one replaces.
  static Result<DataDir> open(const std::string& path, const Random& random, int inherited_lock = -1);
  DataDir(DataDir&& other) noexcept;
  DataDir& operator=(DataDir&&) = delete;
  ~DataDir();

  const std::string& path() const { return path_; }
  std::string file(std::string_view name) const { return path_ + "/" + std::string(name); }
  HashKey key() const { return key_; }
  const std::string& token() const { return token_; }
  int lock_descriptor() const { return lock_; }

 private:
  DataDir() = default;
  std::string path_;
  HashKey key_;
  std::string token_;
  int lock_ = -1;
};

// The key of a data folder that another process may own; nothing is locked or made.
Result<HashKey> installation_key(const std::string& path);

}  // namespace weir::store
