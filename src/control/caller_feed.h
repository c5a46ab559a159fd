// Keeps the caller directory of a running gateway: takes entries from the batches of the workers on
// the scribe's thread, and writes them down a slice a turn, every kEvery. A worker never knows of
// it. What cannot be written (a full or read-only disk, another process that holds the file) stays
// in memory, bounded, and is tried again; traffic, log and segments go on. Killed, a process loses
// the last kEvery.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/hash.h"
#include "base/time.h"
#include "decide/known_callers.h"
#include "export/scribe.h"
#include "model/names.h"
#include "record/caller_batches.h"
#include "store/caller_directory.h"

namespace weir::control {

struct CallerFeedStatus {
  std::uint64_t written = 0;   // entries, since the start
  std::uint64_t waiting = 0;   // entries that are not written yet
  std::uint64_t left_out = 0;  // exchanges that found no room, and arrivals that nobody could name
  std::string error;           // "": the last write went well
  std::string set_aside;       // a damaged file of before; "": none
};

class CallerFeed final : public exporting::BatchSink {
 public:
  static constexpr std::size_t kMostCallers = 16 * 1024;  // waiting to be written, see CallerTally
  static constexpr std::size_t kSlice = 256;              // written a turn of the scribe
  static constexpr Nanos kLook = std::chrono::seconds(10);  // who is known changes by the day
  static constexpr Nanos kEvery = std::chrono::seconds(5), kSettle = std::chrono::seconds(1);

  struct Options {
    std::string path;  // of the directory
    HashKey key;       // of the installation
    Nanos shift{0};    // from stamps to wall time
    // Who is known (decide/known_callers.h), whenever it is another set; from the scribe's thread.
    // Null: nobody, callers are not told apart.
    std::function<void(std::shared_ptr<const decide::KnownCallers>)> tell = {};
  };
  CallerFeed(Options options, const NameTable& names);

  void batch(std::span<const std::byte> batch, std::uint32_t epoch) override;
  void turn(Nanos waited, bool flush, bool ends) override;

  // From any thread.
  CallerFeedStatus status() const;

 private:
  bool open();
  bool write(std::size_t most);
  void publish();
  void tell_known();

  Options options_;
  record::CallerBatches batches_;
  std::optional<store::CallerDirectory> directory_;
  std::vector<record::CallerEntry> writing_;
  std::size_t written_ = 0;  // of writing_
  Nanos since_{kEvery};      // the last time that all was written; at once when the process begins
  Nanos settled_{0};         // since arrivals that wait were looked at
  Nanos quiet_{0};           // since the last batch came
  Nanos looked_{kLook};      // since who is known was looked up
  std::shared_ptr<const decide::KnownCallers> told_;
  record::KnownCallers nobody_;
  CallerFeedStatus now_;

  mutable std::mutex mutex_;  // guards what follows
  CallerFeedStatus published_;
};

}  // namespace weir::control
