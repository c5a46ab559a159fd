// Names of things that outlive a policy: a metric or a record of route "orders" is the same series in every revision.
// A NameId is an index into one process-wide table that only grows, up to a stated bound; past it names share one
// overflow entry, so a thousand revisions of generated names cannot eat the memory.
// One thread interns (where policies are compiled); any thread reads the text of an id it was given: a text never moves
// once it is there, and ids travel inside an immutable Policy, which orders the write before every read.
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <boost/unordered/unordered_flat_map.hpp>

#include "base/ids.h"

namespace weir {

using NameId = Id<struct NameTag>;

class NameTable {
 public:
  static constexpr std::size_t kBlock = 1024;
  static constexpr std::size_t kBlocks = 1024;
  static constexpr std::size_t kMax = kBlock * kBlocks;

  NameTable();
  NameId intern(std::string_view name);
  std::string_view text(NameId id) const;   // "" for none, "(other)" for overflow
  void expect(NameId id) const;             // brings the text nearer
  std::size_t size() const { return size_; }   // only where names are interned

 private:
  using Block = std::array<std::string, kBlock>;
  std::array<std::unique_ptr<Block>, kBlocks> blocks_;
  std::size_t size_ = 0;
  boost::unordered_flat_map<std::string_view, NameId> ids_;
};

}  // namespace weir
