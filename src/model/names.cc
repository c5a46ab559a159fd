#include "model/names.h"

namespace weir {

NameTable::NameTable() { intern("(other)"); }

NameId NameTable::intern(std::string_view name) {
  if (const auto found = ids_.find(name); found != ids_.end()) return found->second;
  if (size_ >= kMax) return NameId{0};
  std::unique_ptr<Block>& block = blocks_[size_ / kBlock];
  if (block == nullptr) block = std::make_unique<Block>();
  std::string& slot = (*block)[size_ % kBlock];
  slot = name;
  const NameId id{static_cast<std::uint32_t>(size_++)};
  ids_.emplace(slot, id);
  return id;
}

std::string_view NameTable::text(NameId id) const {
  if (!id.valid() || id.index() >= kMax) return {};
  const std::unique_ptr<Block>& block = blocks_[id.index() / kBlock];
  return block == nullptr ? std::string_view() : std::string_view((*block)[id.index() % kBlock]);
}

void NameTable::expect(NameId id) const {
  if (!id.valid() || id.index() >= kMax) return;
  if (const Block* const block = blocks_[id.index() / kBlock].get()) __builtin_prefetch(&(*block)[id.index() % kBlock]);
}

}  // namespace weir
