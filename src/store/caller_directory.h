// The caller directory on disk: data_dir/callers.db, one row a caller (record/caller_entry.h). Rows
// are merged, never overwritten, so several processes may write: a gateway and its successor, or an
// import beside a running gateway. SQLite's lock and journal do the rest; a process that is killed
// loses what it had not handed over yet, a few seconds.
//
//   bound     kMostBytes of rows, and the file at most kMostFile with its journal. Where it is full
//             the unknown callers that were seen longest ago go, an eighth of them at once. Known
//             ones never make room, unless they were not seen for kForgotten: newcomers then find
//             none
//   damage    a file that SQLite cannot read is set aside as callers.db.damaged-N and a new one
//             begun; it is never deleted. A file of a newer weir is left alone, and is an error.
//             Where that fails (a disk that is full or may only be read, too many set aside) every
//             use is an error until a merge, each of which tries again, could open it
//
// One thread at a time. Waits for the disk: the scribe, the study or a command, never a loop.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/hash.h"
#include "base/result.h"
#include "base/time.h"
#include "record/caller_entry.h"
#include "record/caller_tally.h"

namespace weir::store {

// A log or recording that was imported, so that it is not counted twice: known by a digest of its
// first `length` bytes, taken up to its line `lines`; where that is 0 (a recording, and what was
// imported before lines were counted) up to `until`.
struct ImportedLog {
  std::uint64_t length = 0, digest = 0;
  std::string name;
  WallTime until;
  std::uint64_t entries = 0, lines = 0;
};

class CallerDirectory {
 public:
  static constexpr std::uint64_t kMostBytes = 32ull << 20, kMostFile = 64ull << 20;
  static constexpr std::size_t kMostLogs = 4096;  // remembered; the oldest go
  static constexpr Nanos kYoung = std::chrono::hours(24);
  static constexpr Nanos kForgotten = std::chrono::days(400);
  enum class Mode : std::uint8_t { read, write };
  struct Options {
    Mode mode = Mode::write;
    HashKey key;                            // of the installation, for known()
    std::uint64_t most_bytes = kMostBytes;  // tests take less
  };

  // With Mode::write made when missing. ":memory:": a directory of this process alone.
  static Result<CallerDirectory> open(const std::string& path, const Options& options);
  CallerDirectory(CallerDirectory&&) noexcept;
  ~CallerDirectory();

  // Where damage was found: the file that was set aside, "" where all was well.
  const std::string& set_aside() const;

  // All of them or, where there is an error, none. Also opens what could not be begun anew before.
  Result<> merge(std::span<const record::CallerEntry> entries);
  // Everything of another one, and what it came from.
  Result<> merge(CallerDirectory& from, std::span<const ImportedLog> logs);

  // Those that were known at the last merge.
  const record::KnownCallers& known() const;

  // Hashes as of known(): those that are known or, while the directory spans less than kYoung, also
  // those that are established; of more than `most` those seen last.
  Result<std::vector<std::uint64_t>> known_or_established(std::size_t most);

  Result<std::vector<record::CallerEntry>> find(std::string_view name);  // of either kind
  enum class Order : std::uint8_t { refused, requests, last_seen };
  Result<std::vector<record::CallerEntry>> list(Order order, std::size_t most);
  // Those known by a credential, most requests first.
  Result<> credentials(std::size_t most, const std::function<void(const record::CallerEntry&)>& visit);
  Result<> each(const std::function<void(const record::CallerEntry&)>& visit);
  struct Totals {
    std::uint64_t callers = 0, known = 0, established = 0;
    std::uint64_t refused_lately = 0;     // callers, since the time that was asked about
    std::optional<WallTime> first, last;  // of all exchanges that were ever counted
  };
  Result<Totals> totals(WallTime since);
  Result<std::vector<ImportedLog>> logs();

 private:
  class State;
  explicit CallerDirectory(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace weir::store
