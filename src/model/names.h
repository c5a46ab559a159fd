// Names of things that outlive a policy: a metric or a record of route "orders" is the same series in every revision.
// A NameId is an index into one process-wide table that only grows, up to a stated bound; past it names share one
// overflow entry, so a thousand revisions of generated names cannot eat the memory. The table is filled where policies
// are compiled (one thread) and read where records are written; ids travel inside an immutable Policy, which orders
// the write before every read.
#pragma once

#include <deque>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/ids.h"

namespace weir {

using NameId = Id<struct NameTag>;

class NameTable {
 public:
  static constexpr std::size_t kMax = 1 << 20;

  NameTable();
  NameId intern(std::string_view name);
  std::string_view text(NameId id) const;   // "" for none, "(other)" for overflow
  std::size_t size() const { return texts_.size(); }

 private:
  std::deque<std::string> texts_;   // a deque: views into it stay valid as it grows
  std::unordered_map<std::string_view, NameId> ids_;
};

}  // namespace weir
