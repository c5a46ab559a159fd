#include "replay/log_stream.h"

#include <memory>
#include <utility>

namespace weir::replay {
namespace {

WallTime beginning(const foreign::LogEntry& entry) {
  const WallTime start = entry.start();
  if (entry.precision < kCoarse) return start;
  constexpr Nanos kUsual = std::chrono::seconds(1);
  const Nanos step = entry.precision;
  const Nanos since = start.time_since_epoch() + step / 2;
  const Nanos into = step == kUsual ? since % kUsual : since % step;   // by a number known before it is a fifth as dear
  return WallTime(since - (into < Nanos(0) ? into + step : into));
}

}  // namespace

LogStream::LogStream(foreign::Format format) : reader_(std::move(format)) {}

std::span<std::byte> LogStream::room() {
  if (piece_ == nullptr || piece_->held > 0) {
    if (free_.empty()) free_.push_back(&pieces_.emplace_back(LogPiece{.bytes = std::make_unique_for_overwrite<std::byte[]>(kPiece)}));
    piece_ = free_.back();
    free_.pop_back();
  }
  return {piece_->bytes.get(), kPiece};
}

void LogStream::feed(std::size_t bytes) { reader_.feed(std::span(piece_->bytes.get(), bytes)); }

void LogStream::finish() { reader_.finish(); }

// The next entry into the window; false: none is left of what was fed.
bool LogStream::read() {
  if (spare_.empty()) spare_.push_back(&all_.emplace_back());
  HeldEntry* const held = spare_.back();
  if (!reader_.next(held->fresh())) return false;
  spare_.pop_back();
  const bool may_stay = pieces_.size() < kMostPieces || !free_.empty();   // another one is there for what comes next
  held->keep(may_stay ? piece_ : nullptr);
  const foreign::LogEntry& entry = held->entry();
  window_.push(beginning(entry), {.held = held, .precision = entry.precision});
  return true;
}

bool LogStream::pop(LogItem& item) {
  foreign::ReorderWindow<Waiting>::Item next;
  while (!window_.pop(next)) {
    if (read()) continue;
    if (!reader_.finished() || window_.finished()) return false;
    window_.finish();
  }
  item.time = next.time;
  item.late = next.late;
  item.precision = next.value.precision;
  item.held = next.value.held;
  return true;
}

void LogStream::give_back(HeldEntry* held) {
  spare_.push_back(held);
  LogPiece* const piece = held->piece();
  if (piece != nullptr && --piece->held == 0 && piece != piece_) free_.push_back(piece);
}

}  // namespace weir::replay
