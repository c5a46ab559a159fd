#include "model/names.h"

namespace weir {

NameTable::NameTable() { intern("(other)"); }

NameId NameTable::intern(std::string_view name) {
  if (const auto found = ids_.find(name); found != ids_.end()) return found->second;
  if (texts_.size() >= kMax) return NameId{0};
  const NameId id{static_cast<std::uint32_t>(texts_.size())};
  ids_.emplace(texts_.emplace_back(name), id);
  return id;
}

std::string_view NameTable::text(NameId id) const {
  return id.valid() && id.index() < texts_.size() ? std::string_view(texts_[id.index()]) : "";
}

}  // namespace weir
