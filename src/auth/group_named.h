// The name of a group of which only the keyed hash was kept (WhoAsked::group), for people.
#pragma once

#include <cstdint>
#include <string>

#include "auth/gather.h"
#include "base/hash.h"

namespace weir::auth {

// Among the first groups of all keys, as records have it; "": there is none. Reads all of them.
std::string group_named(const KeyTables& keys, HashKey seed, std::uint64_t hash);

}  // namespace weir::auth
