// keys.yaml: a list of {name, groups, digest: "sha256:…", expires}, read and written. Errors carry
// file, line and what would be right. `weir keys` changes it, a running gateway reloads it when it
// changes.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "auth/api_key.h"
#include "base/result.h"

namespace weir::control {

Result<std::vector<auth::KeyEntry>> read_keys(const std::string& file, std::string_view text);
std::string write_keys(const std::vector<auth::KeyEntry>& entries);

// A new key from random bytes: "weir_" and 40 hex digits. The prefix lets scanners for leaked
// secrets know it.
inline constexpr std::size_t kKeyBytes =
    20;  // 160 bits: nobody guesses one, a plain digest is enough
std::string key_text(std::span<const std::byte, kKeyBytes> random);

// RFC 3339 in UTC, seconds: 2027-01-31T00:00:00Z.
Result<WallTime> read_time(std::string_view text);
std::string write_time(WallTime time);

}  // namespace weir::control
