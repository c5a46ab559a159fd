// The bytes of one log in, its entries out in the order of their time: a reader
// (foreign/log_reader.h), a window that puts lines right that stand out of order, and room for the
// entries that wait in it.
//
//   while (there are bytes) { fill(stream.room()); stream.feed(as many); while (stream.pop(item)) …; }
//   stream.finish(); while (stream.pop(item)) …;
//
// The time of an entry is when its request began, as far as the log says (LogEntry::start). Where
// the clock of the log steps by kCoarse or more it is the step in which most of the possible
// beginnings lie. Memory: as foreign/reorder.h and foreign/log_reader.h say, one HeldEntry for each
// entry that waits, and the pieces of the log where their text stands: kMostPieces, beyond that
// texts are copied.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <span>
#include <vector>

#include "foreign/log_reader.h"
#include "foreign/reorder.h"
#include "replay/held_entry.h"

namespace weir::replay {

inline constexpr Nanos kCoarse = std::chrono::milliseconds(10);

struct LogItem {
  WallTime time;      // never below that of the item before
  bool late = false;  // it came too late for its place; `time` is where it stands now
  Nanos precision{0};
  HeldEntry* held = nullptr;
  std::size_t from = 0;  // which log, where several are merged
  const foreign::LogEntry& entry() const { return held->entry(); }
};

class LogStream {
 public:
  static constexpr std::size_t kPiece = 256 * 1024, kMostPieces = 256;
  explicit LogStream(foreign::Format format);

  // Where the next kPiece bytes go, and how many of them came. Call both only when pop() answered false, and not after
  // finish().
  std::span<std::byte> room();
  void feed(std::size_t bytes);
  void finish();

  // False: feed more, or the end. The entry is this stream's; give it back when it is no longer
  // read. LogItem::from is the caller's.
  bool pop(LogItem& item);
  void give_back(HeldEntry* held);

  const foreign::ReadReport& report() const { return reader_.report(); }
  const foreign::Format& format() const { return reader_.format(); }
  bool zoneless() const { return reader_.zoneless(); }
  std::uint64_t late() const { return window_.late(); }
  foreign::LogOrder order() const { return window_.order(); }

 private:
  // What is asked of an entry before its turn: it is far away by then.
  struct Waiting {
    HeldEntry* held = nullptr;
    Nanos precision{0};
  };
  bool read();

  foreign::LogReader reader_;
  foreign::ReorderWindow<Waiting> window_;
  std::deque<HeldEntry> all_;
  std::vector<HeldEntry*> spare_;
  std::deque<LogPiece> pieces_;
  std::vector<LogPiece*> free_;
  LogPiece* piece_ = nullptr;   // that is being read
};

}  // namespace weir::replay
