// Names in a block: its list of texts, and in the columns a place in that list; 0 is none, else the place + 1.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "model/names.h"
#include "record/bytes.h"

namespace weir::record {

class NameColumn {
 public:
  std::uint64_t place(NameId name) {
    if (!name.valid()) return 0;
    if (name.index() >= places_.size()) places_.resize(name.index() + 1);
    std::uint32_t& place = places_[name.index()];
    if (place == 0) {
      list_.push_back(name);
      place = static_cast<std::uint32_t>(list_.size());
    }
    return place;
  }
  // After every name of the block was placed once.
  void write_list(const NameTable& names, ByteWriter& out) const {
    out.varint(list_.size());
    for (std::size_t i = 0; i < list_.size(); ++i) {
      if (i + kAhead < list_.size()) names.expect(list_[i + kAhead]);
      out.string(names.text(list_[i]));
    }
  }

 private:
  static constexpr std::size_t kAhead = 8;
  std::vector<std::uint32_t> places_;   // by name; 0: not in the list. NameTable bounds it
  std::vector<NameId> list_;
};

// Those that are asked for are interned into `names`; a place beyond the list is none, and remembered.
class NameList {
 public:
  static constexpr std::uint64_t kMost =
      1 << 16;  // four for each of as many records as a block holds

  NameList(ByteReader& in, NameTable& names) : names_(names) {
    const std::uint64_t count = in.varint();
    if (count > kMost) in.fail();
    for (std::uint64_t left = count; left > 0 && in.ok(); --left)
      list_.push_back({.text = in.string()});
  }
  NameId at(std::uint64_t place) {
    if (place == 0) return NameId::none();
    if (place > list_.size()) {
      ok_ = false;
      return NameId::none();
    }
    Name& name = list_[place - 1];
    if (!name.id.valid()) name.id = names_.intern(name.text);
    return name.id;
  }
  bool ok() const { return ok_; }

 private:
  struct Name {
    std::string_view text;
    NameId id{};
  };
  NameTable& names_;
  std::vector<Name> list_;
  bool ok_ = true;
};

}  // namespace weir::record
