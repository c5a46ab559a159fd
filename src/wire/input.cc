#include "wire/input.h"

namespace weir::wire {

void Input::append(std::span<const std::byte> fresh) {
  const std::string_view text(reinterpret_cast<const char*>(fresh.data()), fresh.size());
  if (view_.empty()) {
    view_ = text;
    loop_.hold_receive(this);
    return;
  }
  // What is left over was saved into own_ before the buffer was received into again.
  own_->erase(0, own_->size() - view_.size());
  own_->append(text);
  view_ = *own_;
}

void Input::trim() {
  if (!view_.empty()) return;
  loop_.release_receive(this);
  own_.reset();
}

void Input::save() {
  if (view_.empty()) return;
  if (own_ == nullptr) own_ = std::make_unique<std::string>();
  own_->assign(view_);
  view_ = *own_;
}

}  // namespace weir::wire
