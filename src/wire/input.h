// Bytes that were received and not yet consumed. They stay where they arrived, in the receive buffer that the whole
// worker shares, as long as nothing else is received there; only then is the rest copied into a buffer of its own. So a
// request that is read, decided and forwarded at once costs no copy and an idle connection owns no buffer.
// Bound: what the caller lets accumulate (a head's cap) plus one receive buffer.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "io/loop.h"

namespace weir::wire {

class Input final : private io::ReceiveHolder {
 public:
  explicit Input(io::Loop& loop) : loop_(loop) {}
  ~Input() { loop_.release_receive(this); }
  Input(const Input&) = delete;
  Input& operator=(const Input&) = delete;

  io::Loop& loop() const { return loop_; }
  std::string_view bytes() const { return view_; }
  bool empty() const { return view_.empty(); }
  // Pieces of what is consumed stay readable until the next append or trim.
  void consume(std::size_t count) { view_.remove_prefix(count); }

  // `fresh` lies in the loop's receive buffer.
  void append(std::span<const std::byte> fresh);
  // Gives memory back; for when a connection goes idle.
  void trim();

 private:
  void save() override;

  io::Loop& loop_;
  std::string_view view_;
  std::unique_ptr<std::string> own_;   // an idle connection has none
};

}  // namespace weir::wire
