// What an import needs, of whatever input: the configuration and the folder that it goes into, what
// was imported before, and the count of callers on its way to the directory.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/hash.h"
#include "base/result.h"
#include "base/time.h"
#include "control/import_log.h"
#include "control/load.h"
#include "model/names.h"
#include "record/caller_tally.h"
#include "store/caller_directory.h"

namespace weir::control {

// Of the first bytes of a log or recording, by which it is known again.
inline std::uint64_t digest_of_head(std::string_view head) { return keyed_hash(HashKey{}, head); }

// What one import counts, on its way to the directory.
class ImportCount {
 public:
  static constexpr std::size_t kTally = 64 * 1024;  // callers, between two merges

  static Result<ImportCount> open(HashKey key) {
    auto staged = store::CallerDirectory::open(":memory:", {.key = key});
    if (!staged) return std::unexpected(staged.error());
    return ImportCount(std::move(*staged), key);
  }

  Result<> add(const record::CallerName& name, const record::CallerEvent& event) {
    if (tally_.is_full()) {
      if (auto put = put_down(); !put) return put;
    }
    tally_.add(record::CallerTally::hash_of(key_, name), name, event, staged_.known());
    from_ = from_ ? std::min(*from_, event.at) : event.at;
    to_ = to_ ? std::max(*to_, event.at) : event.at;
    return {};
  }
  Result<> put_down() { return staged_.merge(tally_.take()); }

  store::CallerDirectory& staged() { return staged_; }
  std::optional<WallTime> from() const { return from_; }
  std::optional<WallTime> to() const { return to_; }

 private:
  ImportCount(store::CallerDirectory staged, HashKey key) : staged_(std::move(staged)), key_(key) {}

  store::CallerDirectory staged_;
  HashKey key_;
  record::CallerTally tally_{kTally};
  std::optional<WallTime> from_, to_;
};

// Remembered logs, and how far each was taken.
class ImportedBefore {
 public:
  explicit ImportedBefore(std::vector<store::ImportedLog> logs) : logs_(std::move(logs)) {}

  // Of a log that begins so: what was imported of it.
  struct Taken {
    std::uint64_t lines = 0;        // its first
    std::optional<WallTime> until;  // where lines were not counted: what is not later than this

    bool holds(std::uint64_t line, WallTime at) const {
      return lines > 0 ? line <= lines : until && at <= *until;
    }
  };
  Taken taken(std::string_view head) const {
    Taken taken;
    for (const store::ImportedLog& log : logs_) {
      if (log.length > head.size() || log.digest != digest_of_head(head.substr(0, log.length)))
        continue;
      taken.lines = std::max(taken.lines, log.lines);
      taken.until = taken.until ? std::max(*taken.until, log.until) : log.until;
    }
    return taken;
  }

 private:
  std::vector<store::ImportedLog> logs_;
};

struct ImportTarget {
  NameTable names;
  Loaded loaded;
  HashKey key;
  std::string folder;
  std::optional<store::CallerDirectory> directory;
};

Result<std::unique_ptr<ImportTarget>> open_import_target(const ImportQuestion& question);

// In import_recording.cc: counts every recording of the question.
Result<> import_recordings(const ImportQuestion& question, ImportTarget& target,
                           ImportAnswer& answer);

}  // namespace weir::control
