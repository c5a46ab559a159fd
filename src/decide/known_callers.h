// Which callers are known, for whoever has to choose whom to refuse: an immutable set that the
// control thread publishes, made from the caller directory. Asked only where something is short.
//
// By the keyed hash of the name under which the directory keeps a caller (record/caller_entry.h):
// '0' and the subject of a credential, or '1' and the address (IPv6 by /64). A subject of more than
// kLongest bytes is not found.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/hash.h"
#include "decide/identity.h"
#include "model/facts.h"

namespace weir::decide {

class KnownCallers {
 public:
  static constexpr std::size_t kMost = 64 * 1024;   // 8 bytes each; further ones count as unknown
  static constexpr std::size_t kLongest = 160;

  explicit KnownCallers(std::vector<std::uint64_t> digests);
  bool has(std::uint64_t digest) const;
  std::size_t size() const { return digests_.size(); }
  friend bool operator==(const KnownCallers&, const KnownCallers&) = default;

 private:
  std::vector<std::uint64_t> digests_;   // sorted
};

// Null: callers are not told apart, and each passes for known.
bool is_known(const KnownCallers* known, const Caller& caller, const Facts& facts, HashKey seed);

}  // namespace weir::decide
