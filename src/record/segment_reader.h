// One segment (record/segment.h), read block by block from its beginning: at once, or as it grows
// under the hands of its writer. Arrivals and flights come out a block at a time, each in the order
// of replay within their block; what they refer to goes into a Recording. A flight was written when
// its exchange ended: some time after its arrival, or before it where both ended in the same turn.
//
//   SegmentReader reader(recording, number);
//   while (*reader.next(bytes.subspan(reader.taken()), tail, block)) use(block.arrivals);
//
// A damaged block is passed over and counted in Recording::damage. The end of a growing file may
// hold half a block: it stays untaken until the rest has come, or until the file is said to be
// whole; then it is damage.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/result.h"
#include "record/block.h"
#include "record/columns.h"
#include "record/recording.h"

namespace weir::record {

// The first block of a segment. `bytes`: its beginning, kStartBytes of it or the whole.
inline constexpr std::size_t kStartBytes = 512;
Result<SegmentStart> segment_start(std::span<const std::byte> bytes);

struct RecordedBlock {
  std::vector<RecordedArrival> arrivals;
  std::vector<Flight> flights;
};

// What is read of it; what is not asked for costs little.
struct Wanted {
  Routes routes = Routes::read;
  bool arrivals = true;
  bool flights = true;
  bool configurations = true;
};

class SegmentReader {
 public:
  // `segment`: its number in the order of reading, for Recording::KeptShape.
  SegmentReader(Recording& into, std::uint32_t segment, Wanted wanted = {}) : into_(into), segment_(segment), wanted_(wanted) {}

  enum class Tail : std::uint8_t {
    whole,    // nothing will follow these bytes
    growing,  // the writer may be at work
  };
  // `rest`: the bytes of the file from taken() on, as many as there are. True: `out` holds the
  // arrivals or flights of the next block that has any. False: no whole block is left in `rest`.
  // Fails where the beginning is no segment, of another version or of another installation.
  Result<bool> next(std::span<const std::byte> rest, Tail tail, RecordedBlock& out);

  // From the next block on.
  void want(Wanted wanted) { wanted_ = wanted; }
  std::uint64_t taken() const { return taken_; }
  std::uint32_t run() const { return run_; }  // once next() has answered

 private:
  Result<> start(const Block& block);
  // Whether the block was sound.
  bool read(const Block& block, RecordedBlock& out);
  bool configuration(ByteReader& in);
  bool policy(ByteReader& in);
  void forget_policies();
  bool peaks(ByteReader& in);
  bool conditions(ByteReader& in);
  bool shapes(ByteReader& in);

  Recording& into_;
  std::uint32_t segment_;
  Wanted wanted_;
  std::uint32_t run_ = 0;
  std::uint64_t taken_ = 0;
  bool started_ = false;
  bool hops_ = false;       // SegmentStart::hops
  std::int64_t shift_ = 0;  // from the stamps of this run to wall time
  ShapeDigests digests_;
  BlockFinder finder_;
  Block block_;
};

}  // namespace weir::record
