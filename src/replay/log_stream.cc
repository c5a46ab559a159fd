#include "replay/log_stream.h"

#include <utility>

namespace weir::replay {
namespace {

WallTime beginning(const foreign::LogEntry& entry) {
  const WallTime start = entry.start();
  if (entry.precision < kCoarse) return start;
  const Nanos step = entry.precision;
  const Nanos since = start.time_since_epoch() + step / 2;
  const Nanos into = since % step;
  return WallTime(since - (into < Nanos(0) ? into + step : into));
}

}  // namespace

LogStream::LogStream(foreign::Format format) : reader_(std::move(format)) {}

void LogStream::feed(std::span<const std::byte> bytes) {
  reader_.feed(bytes);
  drain();
}

void LogStream::finish() {
  reader_.finish();
  drain();
  window_.finish();
}

void LogStream::drain() {
  while (const foreign::LogEntry* entry = reader_.next()) {
    if (spare_.empty()) spare_.push_back(&all_.emplace_back());
    HeldEntry* const held = spare_.back();
    spare_.pop_back();
    held->assign(*entry);
    window_.push(beginning(*entry), held);
  }
}

bool LogStream::pop(LogItem& item) {
  foreign::ReorderWindow<HeldEntry*>::Item next;
  if (!window_.pop(next)) return false;
  item = {.time = next.time,
          .late = next.late,
          .precision = next.value->entry().precision,
          .held = next.value};
  return true;
}

}  // namespace weir::replay
