// Files, read whole and written whole. A write is seen entirely or not at all: temporary file, fsync, rename, fsync of
// the folder. Errors name the file and what the system said.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/units.h"

namespace weir::store {

Result<std::string> read_file(const std::string& path, Bytes most);
// Its first bytes, at most so many.
Result<std::string> read_front(const std::string& path, std::size_t most);
Result<> write_file(const std::string& path, std::string_view content, unsigned mode);

}  // namespace weir::store
