#include "proxy/epoch.h"

#include <iterator>

namespace weir::proxy {

void Epochs::Ref::release() {
  if (owner_ == nullptr) return;
  Epochs& owner = *std::exchange(owner_, nullptr);
  if (--entry_->users == 0 && entry_ != std::prev(owner.entries_.end())) owner.drop(entry_);
}

void Epochs::publish(std::shared_ptr<const Snapshot> snapshot) {
  entries_.push_back({.snapshot = std::move(snapshot), .users = 0});
  if (entries_.size() < 2) return;
  const auto previous = std::prev(entries_.end(), 2);
  if (previous->users == 0) drop(previous);
}

Epochs::Ref Epochs::enter() {
  Ref ref;
  ref.owner_ = this;
  ref.entry_ = std::prev(entries_.end());
  ++ref.entry_->users;
  return ref;
}

void Epochs::drop(Entries::iterator entry) {
  std::shared_ptr<const Snapshot> snapshot = std::move(entry->snapshot);
  entries_.erase(entry);
  retire_(std::move(snapshot));
}

}  // namespace weir::proxy
