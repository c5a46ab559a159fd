// The recording of a data_dir as an input: its segments are found, opened one by one as the stream
// of arrivals needs them (record/recording_stream.h), and what could not be used is told. Reads
// files: the command line or the study, never a loop.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/hash.h"
#include "base/result.h"
#include "base/units.h"
#include "decide/limits/table.h"
#include "record/recording_stream.h"

namespace weir::control {

// The key of the installation that recorded: without it values and draws would be taken for others
// than they were. Fails where there is none in the folders or beside their segments, or it is none.
Result<HashKey> recording_key(const std::vector<std::string>& folders);

class RecordingInput {
 public:
  // Each a data_dir, or its folder of segments. Fails where one holds no recording, or none of all
  // segments can be read.
  // `most`: of each folder the newest segments, together so many bytes, at least one.
  static Result<RecordingInput> open(const std::vector<std::string>& folders,
                                     std::optional<Bytes> most = {}, record::Wanted wanted = {});

  // How the limits stood where the recording begins, if it begins in the middle of a run and the snapshot of its first
  // segment is there (record/snapshot.h). What arrived before its position is in it. Stamps as those of arrivals.
  struct Beginning {
    Stamp position;
    std::size_t limit_cells = 0;
    std::vector<decide::limits::Table::Placed> owed;
  };
  const std::optional<Beginning>& beginning() const { return beginning_; }

  // The next arrival of all folders in the order of replay, until the next call; null: the end.
  const record::RecordedArrival* next();
  // The next ones at once, with their flights: as many as `arrivals` has room for, fewer before the next segment and the
  // end. What they refer to is in recording() until read_on(), which reads that segment; false: the end.
  using Flights = std::vector<record::RecordingStream::Joined>;
  std::size_t next(std::span<record::RecordedArrival> arrivals, Flights& flights);
  bool read_on();

  // Of the segments, so far and in all.
  std::uint64_t bytes_read() const { return read_; }
  std::uint64_t bytes_all() const { return all_; }

  const record::Recording& recording() const { return stream_->recording(); }
  const record::RecordingStream& stream() const { return *stream_; }
  std::size_t segments() const { return paths_.size() - stream_->left_out().size(); }
  // Segments that could not be read so far, and why. Printable.
  std::vector<std::string> left_out() const;

 private:
  RecordingInput() = default;
  Result<> list(const std::string& folder, std::optional<Bytes> most, std::vector<record::SegmentStart>& starts);
  void give_segment();
  void look_for_beginning(const std::vector<record::SegmentStart>& starts);

  std::vector<std::string> paths_, unusable_;
  std::vector<std::uint64_t> sizes_;
  std::unique_ptr<record::RecordingStream> stream_;
  std::uint64_t read_ = 0, all_ = 0;
  std::optional<Beginning> beginning_;
};

}  // namespace weir::control
