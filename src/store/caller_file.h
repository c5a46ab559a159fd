// The file of the caller directory (store/caller_directory.h): its tables, how it is made and
// opened, and what becomes of a damaged one.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"
#include "store/sqlite.h"

namespace weir::store {

// To write: made when missing, with its journal of `most_bytes` at most, and looked through for
// damage (is_damage).
// ":memory:": of this process alone.
Result<Database> open_caller_file(const std::string& path, std::uint64_t most_bytes);

// not_found: there is none, or it is being made.
Result<Database> read_caller_file(const std::string& path);

// The file and its journal, out of the way: where they are now. "": it could not be.
std::string put_callers_aside(const std::string& path);

std::unexpected<Error> about_callers(const std::string& path, Error error);

}  // namespace weir::store
