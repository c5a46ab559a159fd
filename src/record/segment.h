// Segment files: arrivals, their shapes and flight records, as they lie on disk. Values in, bytes out;
// record/segment_reader.h reads them back. Nobody here opens a file. Little-endian; integers are varints unless said
// otherwise (record/bytes.h).
//
//   file    "weirseg" and the version byte 1, then blocks
//   block   24 bytes: u32 "WBLK", u8 kind, u8 codec (0 plain, 1 zstd), u16 0, u32 stored size, u32 raw size, u32 CRC-32C
//           of the stored bytes, u32 CRC-32C of the 20 bytes before; then the stored bytes (raw size <= 8 MiB)
//   start      the first block: w installation, w wall and w stamp of the start of the process (ns), number of the segment,
//              what its arrivals say besides the columns (1: hops)
//   policy     revision, s hash, count of literals, s each: what was recorded under, before the first arrival under it
//   peaks      number, count, each: w digest of a caller, its requests a second, the days that is of (model/conditions.h); once a
//              segment, before the first conditions that name it
//   conditions number, count, w identity of each endpoint that could not be used; number of the peaks, where there are any
//   shapes     index of the first, count, each: w digest, s encoded shape (record/shape.h). Indices count from 0.
//   arrivals   count of names, s each; count of arrivals; then 14 columns one after the other, ordered by (stamp, worker,
//              sequence): stamp (zigzag of the first, then differences), worker, sequence (zigzag difference to the
//              worker's one before), target, head, caller, client (0 not recorded, 1 shape lost, else index + 2),
//              revision (zigzag difference), route, rule, endpoint (0 none, else name + 1), cause and action (cause << 2 |
//              action), head bytes, conditions (zigzag difference); then the number of value columns, up to 4, and those:
//              w digest of a watched value (the head shape says whose); then, where one is not zero, a column b hops;
//              where an auth service was asked before one was carried out, also a column b of that (1); where two policies
//              decided one, also both of these and a column of the sum of their revisions (zigzag difference)
//   flights    record/flight.h
//   configuration  s hash, s working directory, count, each: s name of the file, s its text: what policies of that hash were
//              compiled from, once a segment, before the first of them; left out where it does not fit a block. Secrets are
//              never in it (config: only {file} and {env}).
//
// The last two came after version 1 was in use: a reader passes over kinds of blocks that it does not know. So did hops:
// a reader of before passes over the end of `start`, and takes a block with hops (of requests that went round) for damaged.
// So did what is written of auth services, in arrivals and flights, and of second policies. Peaks came later still: a reader of before decides as if
// nobody had a past.
//
// A block stands for itself: what a torn write or a bad sector takes is that block. The reader looks for the next
// "WBLK" with a right header sum and goes on; arrivals whose shapes were lost are kept and cannot be judged. Bytes of
// any origin are safe to read: counts reserve nothing that the bytes present do not pay for, a block at most its bound.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "model/names.h"
#include "model/records.h"
#include "record/block.h"
#include "record/bytes.h"
#include "record/columns.h"
#include "record/flight.h"
#include "record/recording.h"

namespace weir::record {

// In `start`.
inline constexpr std::uint64_t kSaysHops = 1;

class SegmentWriter {
 public:
  static constexpr std::size_t kMaxShapes = 1 << 20;      // beyond it arrivals are written without new shapes
  static constexpr std::size_t kBlockArrivals = 16384;    // flush when pending() reaches it

  // Everything is appended to `out`, which the caller writes to the file and clears as it likes.
  SegmentWriter(const SegmentStart& start, const NameTable& names, std::string& out);

  void configuration(const RecordedConfiguration& configuration);   // before its policy; nothing where it is known
  void policy(const RecordedPolicy& policy);
  void conditions(const RecordedConditions& conditions);
  // The content of one buffer (record/arrivals.h), of any worker.
  void add(std::span<const std::byte> batch);
  std::size_t pending() const { return arrivals_.size(); }   // arrivals
  std::uint64_t arrivals() const { return added_; }          // since the segment began
  // Writes what is pending: a block of new shapes, then one of arrivals, then one of flights.
  void flush();

 private:
  void peaks(const CallerPeaks& peaks);
  ByteWriter writer(std::size_t bytes);         // room for at least so many, as far as a block goes
  bool seal(BlockKind kind, const ByteWriter& writer);
  void add_shape(std::span<const std::byte> item);
  void write_shapes();
  void write_arrivals(std::span<const Arrival> arrivals);
  void write_flights(std::span<const Flight> flights);

  const NameTable& names_;
  std::string& out_;
  BlockSealer sealer_;
  std::vector<std::byte> raw_;                  // one block while it is put together
  std::vector<Arrival> arrivals_;
  std::vector<Flight> flights_;
  std::uint64_t added_ = 0;
  std::uint64_t peaks_ = 0;                     // the number of those that were written last
  std::unordered_set<std::string> configurations_;   // by hash
  std::vector<std::byte> new_shapes_;           // already in the form of the block
  std::uint64_t new_shape_count_ = 0;
  ShapeIndex shapes_;
};

}  // namespace weir::record
