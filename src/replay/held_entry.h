// A log entry that outlives the call that read it: entries wait in it until their turn in time has come. Its text stays where
// it was read, as long as `piece` counts it; only what was unescaped, joined or carried over from one piece to the next is
// copied, into memory that the next entry in the same place uses again.
#pragma once

#include <cstddef>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "foreign/entry.h"

namespace weir::replay {

// Bytes of a log, and how many of the entries that wait have their text there.
struct LogPiece {
  std::unique_ptr<std::byte[]> bytes;
  std::size_t held = 0;
};

class HeldEntry {
 public:
  HeldEntry() = default;
  HeldEntry(const HeldEntry&) = delete;
  HeldEntry& operator=(const HeldEntry&) = delete;

  // Where it is read to; then keep() keeps what the next line would overwrite. `piece`: where its text stands, if it may stay there.
  foreign::LogEntry& fresh() { return entry_; }
  void keep(LogPiece* piece) {
    // What replay does not read.
    entry_.raw = entry_.user = entry_.request_line = entry_.protocol = entry_.route = entry_.request_id = {};
    mapped_.assign(entry_.mapped.begin(), entry_.mapped.end());
    entry_.mapped = mapped_;
    piece_ = entry_.in_input ? piece : nullptr;
    if (piece_ != nullptr) ++piece_->held;
    else keep_texts();
  }
  const foreign::LogEntry& entry() const { return entry_; }
  LogPiece* piece() const { return piece_; }

 private:
  void keep_texts() {
    std::size_t bytes = 0;
    each_text([&](std::string_view& text) { bytes += text.size(); });
    text_.resize(bytes);
    char* to = text_.data();
    each_text([&](std::string_view& text) {
      if (text.empty()) return;
      std::memcpy(to, text.data(), text.size());
      text = {to, text.size()};
      to += text.size();
    });
  }
  template <class Visit>
  void each_text(Visit visit) {
    foreign::LogEntry& e = entry_;
    for (std::string_view* text : {&e.client, &e.method, &e.target, &e.host, &e.upstream, &e.referer, &e.agent, &e.forwarded_for}) visit(*text);
    for (foreign::MappedFact& fact : mapped_) visit(fact.value);
  }

  foreign::LogEntry entry_;
  LogPiece* piece_ = nullptr;
  std::string text_;
  std::vector<foreign::MappedFact> mapped_;
};

}  // namespace weir::replay
