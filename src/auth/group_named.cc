#include "auth/group_named.h"

namespace weir::auth {

std::string group_named(const KeyTables& keys, HashKey seed, std::uint64_t hash) {
  for (const auto& table : keys.tables) {
    if (table == nullptr) continue;
    for (const KeyEntry& entry : table->entries()) {
      if (!entry.groups.empty() && keyed_hash(seed, entry.groups.front()) == hash) return entry.groups.front();
    }
  }
  return "";
}

}  // namespace weir::auth
