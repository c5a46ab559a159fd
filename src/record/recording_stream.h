// A recording of any length, read in the order of replay with bounded memory. It asks for segments
// one by one; nobody here opens a file.
//
//   RecordingStream stream(starts);            // of every segment, in any order
//   for (;;) switch (stream.next()) {
//     case Next::arrival: use(stream.arrival()); break;
//     case Next::segment: stream.give(read(stream.wanted())); break;
//     case Next::end: return;
//   }
//
// Order. Workers hand their buffers on one after the other, so blocks lie about a second out of
// order, the end of a segment and the beginning of the next a few seconds. Within a run of the
// process an arrival is held until a block behind one that is `span` younger has been read; several
// runs (a restart, a hand-over to a new binary) are merged by time. What comes later than that is
// `late`: it gets the stamp of the arrival before it, so that stamps never go back. Flights are
// merged the same way and met by their arrivals.
//
// Memory: one segment of each run under way, at most `held` arrivals and flights (then the oldest
// goes before its time, counted as `squeezed`), and the shapes of the segments that they came from.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "record/merge.h"
#include "record/recording.h"
#include "record/segment_reader.h"

namespace weir::record {

class RecordingStream {
 public:
  struct Options {
    Nanos span{std::chrono::seconds(30)};
    std::size_t held = std::size_t{1} << 20;
    std::size_t shapes = std::size_t{1} << 20;  // more than so many: those of segments gone by go
    Wanted wanted;
  };
  explicit RecordingStream(const std::vector<SegmentStart>& segments)
      : RecordingStream(segments, Options()) {}
  RecordingStream(const std::vector<SegmentStart>& segments, Options options);

  enum class Next : std::uint8_t { arrival, segment, end };
  Next next();
  // Until the call of next() after it.
  const RecordedArrival& arrival() { return held_.front(); }
  // What became of it; null: no flight of it was kept, or the exchange took longer than `span`.
  const Flight* flight() const { return flight_; }
  // After Next::arrival, instead of both: it and those behind it that are there without another call of next(), copied; as many
  // as `out` has room for. Their flights are appended, with their places in `out`.
  struct Joined {
    std::size_t place;
    Flight flight;
  };
  std::size_t take(std::span<RecordedArrival> out, std::vector<Joined>& flights);
  // Index of the segment that is to be given now.
  std::size_t wanted() const { return wanted_; }
  // Its bytes; an error, or one that read() brings up, leaves the segment out.
  void give(Result<std::string> bytes);

  // What the arrivals so far refer to.
  const Recording& recording() const { return recording_; }
  std::uint64_t arrivals() const { return count_; }
  std::uint64_t flights() const { return joined_; }  // of them
  std::uint64_t late() const { return late_; }
  std::uint64_t squeezed() const { return squeezed_; }
  struct LeftOut {
    std::size_t segment;
    Error why;
  };
  const std::vector<LeftOut>& left_out() const { return left_out_; }

 private:
  struct Open {  // a segment under way
    std::size_t segment;
    std::uint32_t number;  // in the order of reading
    std::string bytes;
    SegmentReader reader;
  };
  struct Run {
    std::vector<std::size_t> segments;  // by their numbers
    std::size_t next = 0;               // of them
    std::optional<Open> open;
    Stamp newest = Stamp::min();  // of the last block of arrivals
    Stamp horizon;                // nothing older than this will come
    bool ended = false;
  };
  bool is_due(const RecordedArrival& arrival) const { return arrival.stamp < horizon_ || horizon_ == Stamp::max(); }
  void pass(RecordedArrival& arrival);
  void join(const RecordedArrival& arrival);
  void advance(Run& run);
  void set_horizon();
  void drop_shapes();

  Options options_;
  Recording recording_;
  std::vector<Run> runs_;  // by the wall time of their start
  Run* asking_ = nullptr;
  Merge<RecordedArrival, BeforeInReplay> held_;
  Merge<Flight, BeforeInReplay> flights_;
  std::size_t taken_ = 0;  // so many of the first of them are in use
  const Flight* flight_ = nullptr;
  Stamp horizon_ = Stamp::min(), last_ = Stamp::min();
  std::size_t wanted_ = 0;
  std::uint32_t read_ = 0;  // segments begun
  std::uint64_t count_ = 0, late_ = 0, squeezed_ = 0, joined_ = 0;
  std::vector<LeftOut> left_out_;
};

}  // namespace weir::record
