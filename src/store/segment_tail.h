// The segments of one run of the gateway, read as they grow (record/segment_reader.h): what the scribe has written since the
// last time. Files are found by their names (export/segment_files.h); one that was removed while it was open is read to its
// end, one removed before is passed over, and what cannot be read is given up and counted: the arrivals in it are missing, and
// whoever counts their sequences notices.
//
// Memory: at most a block that is not whole yet per open file (two or three), the shapes of the segments that are open, and the
// last kMostPolicies policies, conditions and peaks, twice as many at times. Flights and texts of configurations are passed over.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "record/merge.h"
#include "record/recording.h"
#include "record/segment_reader.h"

namespace weir::store {

class SegmentTail {
 public:
  // `start_id` begins the names of the run's files.
  SegmentTail(std::string folder, std::uint64_t start_id);
  ~SegmentTail();

  using Arrivals = record::Merge<record::RecordedArrival, record::BeforeInReplay>;
  // Adds the arrivals that have come since, those of a segment before those of its successor. Reads at most about `most` bytes of each; true:
  // there is more. Shapes stay for as long as `out` holds arrivals of their segments.
  bool read(std::size_t most, Stamp now, Arrivals& out) { return read(most, now, &out); }
  // The same without the arrivals: what those to come refer to is known then.
  bool pass_over(std::size_t most, Stamp now) { return read(most, now, nullptr); }

  const record::Recording& recording() const { return recording_; }
  std::uint64_t newest() const { return newest_; }   // number of the newest segment that was opened; 0: none yet
  std::uint64_t errors() const { return errors_; }   // files given up

 private:
  // A segment that has a successor still takes what was under way when that one began; nothing for so long, and it is whole.
  static constexpr Nanos kQuiet = std::chrono::seconds(20);
  static constexpr std::size_t kChunk = 128 << 10;
  static constexpr std::size_t kMostPolicies = 256;

  struct File {
    int fd = -1;
    std::uint64_t number = 0;
    std::uint64_t offset = 0;            // read so far
    std::vector<std::byte> rest;         // read and not taken
    record::SegmentReader reader;
    std::optional<Stamp> quiet_since;    // nothing new since then; none: not yet seen so, or it has a successor since
    File(int descriptor, std::uint64_t number, record::Recording& into);
    ~File();
  };
  // `out` is null where no arrivals are wanted.
  bool read(std::size_t most, Stamp now, Arrivals* out);
  void look_for_files();
  bool read_some(File& file, Arrivals* out);
  bool take(File& file, record::SegmentReader::Tail tail, Arrivals* out);
  void forget_shapes(const Arrivals* out);
  void forget_policies();

  std::string folder_, prefix_;
  record::Recording recording_;
  std::deque<std::unique_ptr<File>> files_;   // by number
  std::uint64_t newest_ = 0, errors_ = 0;
  record::RecordedBlock block_;
};

}  // namespace weir::store
